// What the cache keeps, under which name, and what clients are told of it. How long: lifetime.test.ts. How much work it
// saves: sharing.test.ts. Ranges and what else is HTTP: http.test.ts.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Between } from './between.ts'
import { assertPicture, assertRefused, cacheStatus, newKey, now, World } from './harness.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const second = newKey()
const open = newKey()
const unkept = newKey()

let world: World
let between: Between
before(async () => {
  // The edge's cache alone: the origin's memory has its own tests.
  world = new World({ SEALPIX_DERIVATIVE_MEMORY_BYTES: '0', SEALPIX_DERIVATIVE_DISK_BYTES: '0' })
  await world.origin.serve()
  world.newEdge()
  between = new Between(() => world.origin.url)
  await between.start()
  world.origin.apply({
    projects: [
      { slug: 'my-app', grants: ['gallery'], caching: { ttl_secs: 1000 }, keys: [second] },
      { slug: 'open-app', grants: ['gallery'], caching: { ttl_secs: 1000, public: true }, keys: [open] },
      { slug: 'no-cache', grants: ['gallery'], caching: { ttl_secs: 0 }, keys: [unkept] },
    ],
  })
})
after(async () => {
  await world.stop()
  between.stop()
})

test('the second request is a hit, byte for byte the first', async () => {
  const target = world.sign('w_110', PHOTO)
  const first = await world.edge.fetch(target)
  assertPicture(first, 'fwd=miss; stored')
  assert.match(first.headers.get('Server-Timing') ?? '', /^records;dur=\d+, cache;dur=\d+, origin;dur=\d+$/)
  const hit = await world.edge.warm(target)
  assertPicture(hit, 'hit')
  assert.deepEqual(hit.body, first.body)
  for (const name of ['Content-Type', 'Content-Length', 'ETag', 'Cache-Control']) {
    assert.equal(hit.headers.get(name), first.headers.get(name), name)
  }
})

test('CACHE-7 another signature, expiry or key of the project shares the entry; another project does not', async () => {
  await world.edge.warm(world.sign('w_111', PHOTO))
  for (const options of [{ exp: now() + 500 }, { exp: now() + 600 }, { key: second }]) {
    assertPicture(await world.edge.fetch(world.sign('w_111', PHOTO, options)), 'hit')
  }
  const elsewhere = world.sign('w_111', PHOTO, { key: open, project: 'open-app' })
  assertPicture(await world.edge.fetch(elsewhere), 'fwd=miss; stored')
})

test('a width of a responsive set shares the entry of that width', async () => {
  await world.edge.warm(world.sign('w_112', PHOTO))
  const set = world.sign('w_56|112|224', PHOTO)
  assertPicture(await world.edge.fetch(`${set}&w=112`), 'hit')
  assertPicture(await world.edge.fetch(`${set}&w=56`), 'fwd=miss; stored')
})

test('public only where the project says so and the URL is for ever', async () => {
  const options = { key: open, project: 'open-app' }
  const reply = await world.edge.fetch(world.sign('w_114', PHOTO, options))
  assert.equal(reply.headers.get('Cache-Control'), 'public, max-age=1000')
  const ending = await world.edge.fetch(world.sign('w_114', PHOTO, { ...options, exp: now() + 5000 }))
  assert.equal(ending.headers.get('Cache-Control'), 'private, max-age=1000')
})

test('CACHE-1 CACHE-8 NEG-1 f_auto: one entry a format, Vary on every answer', async () => {
  const target = world.sign('w_115,f_auto', PHOTO)
  const webp = await world.edge.warm(target, { Accept: 'image/webp,*/*' })
  assert.equal(webp.headers.get('Content-Type'), 'image/webp')
  assertPicture(await world.edge.fetch(target, { Accept: 'text/html, image/webp;q=0.3' }), 'hit')
  const plain = await world.edge.fetch(target, { Accept: '*/*' })
  assert.equal(plain.headers.get('Content-Type'), 'image/jpeg')
  const head = await world.edge.fetch(target, { Accept: 'image/webp' }, 'HEAD')
  const same = await world.edge.fetch(target, { Accept: 'image/webp', 'If-None-Match': webp.headers.get('ETag') ?? '' })
  assert.equal(same.status, 304)
  for (const reply of [webp, plain, head, same]) assert.equal(reply.headers.get('Vary'), 'Accept')
  // The format shares the entry of the URL that asks for it by name; but for AVIF, by whose name an animation stands still.
  const named = await world.edge.fetch(world.sign('w_115,f_webp', PHOTO))
  assertPicture(named, 'hit')
  assert.equal(named.headers.get('Vary'), null)
  await world.edge.warm(target, { Accept: 'image/avif' })
  assertPicture(await world.edge.fetch(world.sign('w_115,f_avif', PHOTO)), 'fwd=miss; stored')
})

test('NEG-1 NEG-2 CACHE-1 whatever Accept says, it is one of three formats, and the answer says that it varies', async () => {
  const accepts: [accept: string | undefined, type: string][] = [
    [undefined, 'jpeg'], ['', 'jpeg'], ['*/*', 'jpeg'], ['image/*', 'jpeg'], ['image/avif;q=0, */*', 'jpeg'], ['image/*, image/webp;q=0', 'jpeg'],
    ['image/avif;q=0,image/webp', 'webp'], ['image/avif;q=0.1,image/webp;q=0.2', 'webp'], ['*/*;q=1, image/webp;q=0.001', 'webp'],
    ['image/avif,image/webp', 'avif'], ['IMAGE/AVIF', 'avif'],
  ]
  const edge = world.newEdge({ SEALPIX_ORIGIN: between.url })
  const target = world.sign('w_120,f_auto', PHOTO)
  for (const [accept, type] of accepts) {
    // Node's fetch writes an Accept of its own where there is none: an empty one stands for that.
    const reply = await edge.warm(target, { Accept: accept ?? '' })
    assert.equal(reply.headers.get('Content-Type'), `image/${type}`, accept)
    assert.equal(reply.headers.get('Vary'), 'Accept', accept)
  }
  // CACHE-6: a thousand spellings of Accept are three variants. What else could make more is signed, or one of the
  // widths that are signed.
  const asked = between.pictures.length
  for (let round = 0; round < 50; round += 1) {
    const reply = await edge.fetch(target, { Accept: `image/x-${round}, image/webp;q=0.${round}1, text/html;q=0.${round}` })
    assertPicture(reply, 'hit')
  }
  assert.equal(between.pictures.length, asked)
  assert.equal(new Set(between.pictures).size, 1)
  const set = world.sign('w_60|120', PHOTO)
  for (const width of ['61', '121', '060', '']) assertRefused(await edge.fetch(`${set}&w=${width}`), 'malformed_url', 400)
  assert.equal(between.pictures.length, asked)
})

test('CACHE-3 headers that are not keyed change nothing', async () => {
  const target = world.sign('w_116', PHOTO)
  const plain = await world.edge.warm(target)
  const unkeyed: Record<string, string>[] = [
    { Width: '50' }, { DPR: '3' }, { 'Sec-CH-Width': '50' }, { 'Sec-CH-DPR': '3' }, { 'Viewport-Width': '50' }, { 'Save-Data': 'on' },
    { Cookie: 'a=b' }, { Authorization: 'Bearer x' }, { Origin: 'https://evil.example' }, { Referer: 'https://evil.example/' },
    { 'X-Forwarded-Host': 'evil.example' }, { 'X-Forwarded-Proto': 'http' }, { 'X-Forwarded-For': '192.0.2.1' }, { Forwarded: 'host=evil.example' },
    { 'X-Original-URL': '/other' }, { 'X-Rewrite-URL': '/other' }, { 'X-HTTP-Method-Override': 'HEAD' }, { 'X-Host': 'evil.example' },
    { 'Cache-Control': 'no-cache' }, { 'Cache-Control': 'no-store, max-age=0' }, { Pragma: 'no-cache' }, { 'If-Modified-Since': new Date().toUTCString() },
    { 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, { 'If-Match': '"other"' }, { 'If-Range': '"other"' },
    { Accept: 'image/avif' }, { 'Accept-Encoding': 'gzip, br' }, { 'Accept-Language': 'de' }, { 'User-Agent': 'Mobile' },
    { 'CF-Device-Type': 'mobile' }, { 'CF-IPCountry': 'DE' }, { 'Sealpix-Proof': 'p1.forged' }, { 'Sealpix-Engine': '0' }, { 'Sealpix-Stored': '1' },
  ]
  for (const headers of unkeyed) {
    const reply = await world.edge.fetch(target, headers)
    assertPicture(reply, 'hit')
    assert.deepEqual(reply.body, plain.body, JSON.stringify(headers))
    for (const name of ['Content-Type', 'ETag', 'Cache-Control', 'Content-Encoding', 'Vary']) {
      assert.equal(reply.headers.get(name), plain.headers.get(name), `${name} by ${JSON.stringify(headers)}`)
    }
    assert.equal(reply.headers.get('Vary'), null)
  }
})

test('CACHE-11 HEAD on a miss fills the cache for GET, and has GET’s headers', async () => {
  const target = world.sign('w_117', PHOTO)
  const head = await world.edge.fetch(target, {}, 'HEAD')
  assertPicture(head, 'fwd=miss; stored')
  assert.equal(head.body.length, 0)
  const hit = await world.edge.warm(target)
  for (const name of ['Content-Type', 'Content-Length', 'ETag', 'Cache-Control']) {
    assert.equal(head.headers.get(name), hit.headers.get(name), name)
  }
  assert.equal(Number(head.headers.get('Content-Length')), hit.body.length)
})

test('CACHE-10 304 with its headers: lists, weak tags, the star; on a hit and on a miss', async () => {
  const target = world.sign('w_118', PHOTO)
  const tag = (await world.edge.warm(target)).headers.get('ETag') ?? ''
  for (const given of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const reply = await world.edge.fetch(target, { 'If-None-Match': given })
    assert.deepEqual([reply.status, reply.body.length], [304, 0], given)
    assert.equal(reply.headers.get('ETag'), tag)
    assert.equal(reply.headers.get('Cache-Control'), 'private, max-age=1000')
    assert.equal(cacheStatus(reply), 'sealpix; hit')
  }
  assertPicture(await world.edge.fetch(target, { 'If-None-Match': '"other", W/"another"' }), 'hit')
  const miss = await world.edge.fetch(world.sign('w_119', PHOTO), { 'If-None-Match': '*' })
  assert.deepEqual([miss.status, cacheStatus(miss)], [304, 'sealpix; fwd=miss; stored; fwd-status=200'])
  assertPicture(await world.edge.warm(world.sign('w_119', PHOTO)), 'hit')
})

test('a download has its name, and an entry of its own (HDR-2)', async () => {
  const target = world.sign('w_110,dl_cat.jpg', PHOTO)
  for (const reply of [await world.edge.fetch(target), await world.edge.warm(target)]) {
    assert.equal(reply.headers.get('Content-Disposition'), 'attachment; filename="cat.jpg"')
  }
  assert.equal((await world.edge.warm(world.sign('w_110', PHOTO))).headers.get('Content-Disposition'), null)
})

test('CACHE-4 CACHE-12 what cannot be made is refused for seconds, and stored under no name', async () => {
  const photo = readFileSync(join(world.origin.gallery, 'freespace-1mp.jpg'))
  for (const [name, bytes, code, status] of [
    ['none.jpg', undefined, 'source_not_found', 404], ['text.jpg', Buffer.from('no picture'), 'source_unsupported', 415],
    ['cut.jpg', photo.subarray(0, 20_000), 'source_broken', 422],
  ] as const) {
    const file = join(world.origin.gallery, name)
    const target = world.sign('w_121', `@gallery/${name}`)
    if (bytes !== undefined) writeFileSync(file, bytes)
    for (let round = 0; round < 2; round += 1) {
      const reply = await world.edge.fetch(target)
      assertRefused(reply, code, status)
      assert.equal(reply.headers.get('Cache-Control'), 'no-store')
    }
    const mended = Date.now()
    writeFileSync(file, photo)
    let reply = await world.edge.fetch(target)
    for (; reply.status !== 200; await pause(200), reply = await world.edge.fetch(target)) {
      assert.ok(Date.now() - mended < 12_000, 'forgotten after ten seconds')
      assertRefused(reply, code, status)
    }
    assertPicture(reply, 'fwd=miss; stored')
    assertPicture(await world.edge.warm(target), 'hit')
    rmSync(file)
  }
})

test('CACHE-13 the ETag is of the source’s whole content, what is done to it, and nothing else', async () => {
  const photo = readFileSync(join(world.origin.gallery, 'freespace-1mp.jpg'))
  // The same picture but for its last byte, which comes behind the end of a JPEG.
  const changed = Buffer.concat([photo, Buffer.from([0])])
  for (const [name, bytes] of [['one.jpg', photo], ['copy.jpg', photo], ['changed.jpg', changed]] as const) {
    writeFileSync(join(world.origin.gallery, name), bytes)
  }
  const tag = async (operations: string, name: string): Promise<string> => {
    const tag = (await world.edge.fetch(world.sign(operations, `@gallery/${name}`))).headers.get('ETag') ?? ''
    assert.match(tag, /^"[0-9a-f]{32}"$/)
    return tag
  }
  const one = await tag('w_122', 'one.jpg')
  assert.equal(await tag('w_122', 'copy.jpg'), one)
  const others = [await tag('w_122', 'changed.jpg'), await tag('w_123', 'one.jpg'), await tag('w_122,f_webp', 'one.jpg')]
  assert.equal(new Set([one, ...others]).size, 4)
})

test('a project without a cache time is never kept', async () => {
  const target = world.sign('w_142', PHOTO, { key: unkept, project: 'no-cache' })
  for (let round = 0; round < 3; round += 1) {
    const reply = await world.edge.fetch(target)
    assertPicture(reply, 'fwd=miss')
    assert.equal(reply.headers.get('Cache-Control'), 'private, max-age=0')
  }
})
