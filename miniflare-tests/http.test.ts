// What is HTTP at the edge: ranges (RFC 9110 section 14), what the cache says of itself (RFC 9211), what pages of other
// sites may ask and read (Fetch).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertPicture, assertProtected, assertRefused, cacheStatus, newKey, now, start, type Reply, type World } from './harness.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const AUTO = { Accept: 'image/webp' }
const few = newKey({ limits: { minute: 1000, day: 1 } })

let world: World
let target: string
let whole: Reply
let tag: string
before(async () => {
  world = await start()
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], caching: { ttl_secs: 1000 }, keys: [few] }] })
  target = world.sign('w_900,f_auto,dl_a.webp', PHOTO)
  whole = await world.edge.warm(target, AUTO)
  assertPicture(whole, 'hit')
  tag = whole.headers.get('ETag') ?? ''
})
after(() => world.stop())

const ask = (headers: Record<string, string>, method = 'GET'): Promise<Reply> => world.edge.fetch(target, { ...AUTO, ...headers }, method)

/** All of the picture, as if no range had been asked for. */
function assertWhole(reply: Reply, why: string): void {
  assert.deepEqual([reply.status, reply.headers.get('Content-Range')], [200, null], why)
  assert.deepEqual(reply.body, whole.body, why)
  assert.equal(reply.headers.get('Content-Length'), String(whole.body.length), why)
}

test('CACHE-11 a range of a cached picture: just those bytes, and the headers of the whole', async () => {
  const length = whole.body.length
  assert.equal(whole.headers.get('Accept-Ranges'), 'bytes')
  for (const [range, first, last] of [
    ['bytes=0-0', 0, 0], ['bytes=0-99', 0, 99], ['bytes=100-4099', 100, 4099], ['bytes=5000-', 5000, length - 1], ['bytes=-500', length - 500, length - 1],
    ['bytes=0-', 0, length - 1], [`bytes=0-${length}`, 0, length - 1], [`bytes=${length - 1}-99999999999`, length - 1, length - 1],
    [`bytes=-${length + 1}`, 0, length - 1], ['Bytes=7-7', 7, 7],
  ] as const) {
    const reply = await ask({ Range: range })
    assert.equal(reply.status, 206, range)
    assert.equal(reply.headers.get('Content-Range'), `bytes ${first}-${last}/${length}`)
    assert.equal(reply.headers.get('Content-Length'), String(last - first + 1), range)
    assert.deepEqual(reply.body, whole.body.subarray(first, last + 1), range)
    assert.equal(cacheStatus(reply), 'sealpix; hit')
    assert.equal(reply.headers.get('Vary'), 'Accept')
    for (const name of ['Content-Type', 'ETag', 'Cache-Control', 'Content-Disposition', 'Accept-Ranges']) {
      assert.equal(reply.headers.get(name), whole.headers.get(name), `${name} of ${range}`)
    }
    assertProtected(reply)
  }
})

test('pieces that follow each other are the picture', async () => {
  const pieces: Buffer[] = []
  for (let first = 0; first < whole.body.length; first += 7000) {
    pieces.push((await ask({ Range: `bytes=${first}-${first + 6999}`, 'If-Range': tag })).body)
  }
  assert.ok(pieces.length > 2)
  assert.deepEqual(Buffer.concat(pieces), whole.body)
})

test('what is not one range of bytes is answered with the whole picture', async () => {
  for (const range of ['bytes=0-1,5-6', 'bytes=0-1, -1', 'bytes=9-5', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes 0-1', 'lines=0-1', 'bytes=1-2-3', '0-1']) {
    assertWhole(await ask({ Range: range }), range)
  }
})

test('If-Range: a part of the picture that the client has, else the whole', async () => {
  assert.equal((await ask({ Range: 'bytes=0-9', 'If-Range': tag })).status, 206)
  for (const other of ['"other"', `W/${tag}`, tag.replaceAll('"', ''), '*', new Date().toUTCString()]) {
    assertWhole(await ask({ Range: 'bytes=0-9', 'If-Range': other }), other)
    assertWhole(await ask({ Range: 'bytes=9999999-', 'If-Range': other }), other)
  }
  assertWhole(await ask({ 'If-Range': tag }), 'If-Range alone')
})

test('a range behind the end is 416, and says how long the picture is', async () => {
  for (const range of [`bytes=${whole.body.length}-`, 'bytes=99999999999999999999-', 'bytes=-0']) {
    const reply = await ask({ Range: range })
    assertRefused(reply, 'range_not_satisfiable', 416)
    assert.equal(reply.headers.get('Content-Range'), `bytes */${whole.body.length}`)
  }
})

test('If-None-Match comes before Range, and HEAD has no ranges', async () => {
  for (const range of ['bytes=0-9', 'bytes=9999999-']) {
    const same = await ask({ Range: range, 'If-None-Match': tag })
    assert.deepEqual([same.status, same.body.length, same.headers.get('Content-Range')], [304, 0, null])
    const head = await ask({ Range: range }, 'HEAD')
    assert.deepEqual([head.status, head.headers.get('Content-Length')], [200, String(whole.body.length)])
  }
  assert.equal((await ask({ Range: 'bytes=0-9', 'If-None-Match': '"other"' })).status, 206)
})

test('CACHE-11 a range of a picture that is not cached yet: the whole, and the whole is kept', async () => {
  const other = world.sign('w_901', PHOTO)
  const first = await world.edge.fetch(other, { Range: 'bytes=0-9' })
  assertPicture(first, 'fwd=miss; stored')
  assert.equal(first.headers.get('Accept-Ranges'), 'bytes')
  const kept = await world.edge.warm(other)
  assert.deepEqual(kept.body, first.body)
  const part = await world.edge.fetch(other, { Range: 'bytes=0-9' })
  assert.deepEqual([part.status, part.body], [206, kept.body.subarray(0, 10)])
  // One that no picture has begins behind every end: on a miss nobody knows yet.
  assertPicture(await world.edge.fetch(world.sign('w_902', PHOTO), { Range: 'bytes=99999999-' }), 'fwd=miss; stored')
})

test('a range of a refused URL is the refusal', async () => {
  const expired = world.sign('w_900,f_auto,dl_a.webp', PHOTO, { exp: now() - 10 })
  assertRefused(await world.edge.fetch(expired, { Range: 'bytes=0-9' }), 'url_expired', 403)
  assertRefused(await world.edge.fetch(target.replace('w_900', 'w_899'), { Range: 'bytes=0-9' }), 'signature_invalid', 403)
})

test('pages may read what the edge says: each header that is not for the browser alone is exposed', async () => {
  const replies = [whole, await world.edge.fetch(world.sign('w_903,dl_b.jpg', PHOTO, { key: few }))]
  const asked: Record<string, string>[] = [{ Range: 'bytes=0-9' }, { Range: 'bytes=-0' }, { 'If-None-Match': '*' }]
  for (const headers of asked) replies.push(await ask(headers))
  const limited = await world.edge.fetch(world.sign('w_904', PHOTO, { key: few }))
  assertRefused(limited, 'rate_limited', 429)
  replies.push(limited, await world.edge.fetch('/'), await ask({}, 'POST'), await ask({}, 'HEAD'))
  // Fetch's CORS-safelisted response headers, and those that browsers obey or scripts have no use for.
  const rest = /^(cache-control|content-(language|length|type|encoding|security-policy)|expires|last-modified|pragma|access-control-.*|cross-origin-.*|timing-allow-origin|x-.*|referrer-policy|vary|allow|date|connection|keep-alive|transfer-encoding)$/
  const seen = new Set<string>()
  for (const reply of replies) {
    assert.equal(reply.headers.get('Timing-Allow-Origin'), '*')
    const exposed = (reply.headers.get('Access-Control-Expose-Headers') ?? '').toLowerCase().split(', ')
    for (const name of reply.headers.keys()) {
      assert.ok(exposed.includes(name) || rest.test(name), `${name} of a ${reply.status}`)
      if (exposed.includes(name)) seen.add(name)
    }
  }
  const exposed = (whole.headers.get('Access-Control-Expose-Headers') ?? '').toLowerCase().split(', ')
  assert.deepEqual([...seen].sort(), exposed, 'each that is exposed is sent somewhere')
})

test('SIG-15 a preflight allows conditions and ranges, and is the same for every URL', async () => {
  const preflight = async (target: string): Promise<[number, number, [string, string][]]> => {
    const headers = { Origin: 'https://a.example', 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'if-none-match, range' }
    const reply = await world.edge.fetch(target, headers, 'OPTIONS')
    return [reply.status, reply.body.length, [...reply.headers].filter(([name]) => !['date', 'sealpix-request-id'].includes(name))]
  }
  const known = await preflight(target)
  const headers = new Map(known[2])
  assert.deepEqual([known[0], known[1]], [204, 0])
  assert.equal(headers.get('access-control-allow-methods'), 'GET, HEAD')
  assert.equal(headers.get('access-control-allow-headers'), 'If-None-Match, If-Range, Range')
  assert.equal(headers.get('access-control-allow-origin'), '*')
  assert.equal(headers.get('access-control-allow-credentials'), undefined)
  assert.equal(headers.get('cache-control'), 'no-store')
  for (const other of [target.slice(0, -1), world.sign('w_900', PHOTO, { key: newKey() }), world.sign('w_900', PHOTO, { exp: 1 }), '/', '/_sealpix/x']) {
    assert.deepEqual(await preflight(other), known, other.slice(0, 20))
  }
})

test('RFC 9211 a refusal says its code without a body, and nothing of the cache', async () => {
  for (const [refused, code, status] of [
    [target.replace('w_900', 'w_899'), 'signature_invalid', 403], [world.sign('w_9', '@gallery/none.jpg'), 'source_not_found', 404], ['/_sealpix/c/1', 'not_found', 404],
  ] as const) {
    for (const method of ['GET', 'HEAD']) {
      const reply = await world.edge.fetch(refused, {}, method)
      assert.deepEqual([reply.status, reply.headers.get('Sealpix-Code'), cacheStatus(reply)], [status, code, undefined], method)
      assert.equal(reply.headers.get('Cache-Control'), 'no-store')
    }
  }
})
