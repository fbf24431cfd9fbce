// What the gate refuses, through the whole road: every code with its status and headers.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertProtected, assertRefused, newKey, now, patiently, start, type Key, type World } from './harness.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const shop = newKey()
const revoked = newKey({ state: 'revoked' })
const ended = newKey({ not_after: now() - 10 })
const short = newKey({ policy: { max_lifetime_secs: 3600 } })
const presets = newKey({ policy: { presets_only: true } })
const small = newKey({ policy: { operations: ['w', 'f'], max_width: 300 } })

let world: World
before(async () => {
  world = await start()
  world.origin.apply({
    projects: [
      {
        slug: 'my-app',
        sources: ['cdn.example.com'],
        grants: ['gallery'],
        presets: { card: 'w_120,f_webp' },
        keys: [revoked, ended, short, presets, small],
      },
      { slug: 'shop', referers: ['example.com'], require_referer: true, grants: ['gallery'], keys: [shop] },
    ],
  })
})
after(() => world.stop())

const sign = (operations = 'w_100', key?: Key, exp?: number, source = PHOTO): string =>
  world.sign(operations, source, { ...(key && { key }), ...(exp !== undefined && { exp }) })

test('a valid URL is served', async () => {
  const reply = await world.edge.fetch(sign())
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('Content-Type'), 'image/jpeg')
  assert.equal(Number(reply.headers.get('Content-Length')), reply.body.length)
  assert.match(reply.headers.get('ETag') ?? '', /^"[0-9a-f]{32}"$/)
  assertProtected(reply)
})

test('other methods are refused and told which are not', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    const reply = await world.edge.fetch(sign(), {}, method)
    assertRefused(reply, 'method_not_allowed', 405)
    assert.equal(reply.headers.get('Allow'), 'GET, HEAD, OPTIONS')
  }
})

test('what is no canonical target is malformed, and the detail names the part', async () => {
  const target = sign('w_100,f_webp', undefined, now() + 60)
  const exp = /exp=(\d+)/.exec(target)?.[1] ?? ''
  for (const [what, from, to] of [
    ['order', 'w_100,f_webp', 'f_webp,w_100'],
    ['known', 'w_100', 'zoom_100'],
    ['w', 'w_100', 'w_0'],
    ['milliseconds', `exp=${exp}`, `exp=${exp}000`],
    ['exp', `exp=${exp}`, `exp=0${exp}`],
    ['query', '?key=', '?a=1&key='],
    ['w', '&sig=', '&sig=&sig='],
    ['project', '/my-app/', '/My-app/'],
  ] as const) {
    const reply = await world.edge.fetch(target.replace(from, to))
    assertRefused(reply, 'malformed_url', 400)
    assert.ok(what === 'w' || reply.problem?.detail.includes(what), `${what}: ${reply.problem?.detail}`)
  }
  assertRefused(await world.edge.fetch('/'), 'malformed_url', 400)
  assertRefused(await world.edge.fetch(`/my-app/_/cdn.example.com/${'a'.repeat(8200)}`), 'malformed_url', 400)
})

test('an unknown key, and a key on another project (SIG-9)', async () => {
  assertRefused(await world.edge.fetch(sign('w_100', newKey())), 'key_unknown', 401)
  assertRefused(await world.edge.fetch(world.sign('w_100', PHOTO, { project: 'shop' })), 'project_mismatch', 401)
  assertRefused(await world.edge.fetch(world.sign('w_100', PHOTO, { project: 'no-such' })), 'project_mismatch', 401)
})

test('SIG-5 SIG-8 a changed signature is refused, whatever its form', async () => {
  const target = sign()
  const signature = target.slice(-32)
  const other = signature.startsWith('A') ? 'B' : 'A'
  assertRefused(await world.edge.fetch(target.slice(0, -32) + other + signature.slice(1)), 'signature_invalid', 403)
  assertRefused(await world.edge.fetch(target.replace('w_100', 'w_101')), 'signature_invalid', 403)
  assertRefused(await world.edge.fetch(target.replace('freespace', 'sunset')), 'signature_invalid', 403)
  for (const form of [signature.slice(1), `${signature}A`, `${signature}=`, '', `${signature}&sig=${signature}`]) {
    assertRefused(await world.edge.fetch(target.slice(0, -32) + form), 'malformed_url', 400)
  }
})

test('SIG-11 a forged URL learns nothing of the key or the time', async () => {
  for (const target of [sign('w_100', revoked), sign('w_100', ended), sign('w_100', undefined, now() - 60)]) {
    assertRefused(await world.edge.fetch(target.replace('w_100', 'w_99')), 'signature_invalid', 403)
  }
})

test('revoked and expired keys', async () => {
  assertRefused(await world.edge.fetch(sign('w_100', revoked)), 'key_revoked', 401)
  assertRefused(await world.edge.fetch(sign('w_100', ended)), 'key_expired', 401)
})

test('SIG-4 SIG-7 an expired URL, and its expiry put elsewhere', async () => {
  assertRefused(await world.edge.fetch(sign('w_100', undefined, now() - 2)), 'url_expired', 403)
  const target = sign('w_100', undefined, now() - 60)
  const inPath = target.replace(/\?(key=[^&]+)&(exp=\d+)/, '%3F$2?$1')
  assertRefused(await world.edge.fetch(inPath), 'signature_invalid', 403)
  assert.equal((await world.edge.fetch(sign('w_100', undefined, now() + 30))).status, 200)
})

test('policies on expiry and operations', async () => {
  assertRefused(await world.edge.fetch(sign('w_100', short)), 'expiry_required', 403)
  assertRefused(await world.edge.fetch(sign('w_100', short, now() + 7200)), 'expiry_too_far', 403)
  assert.equal((await world.edge.fetch(sign('w_100', short, now() + 600))).status, 200)
  assertRefused(await world.edge.fetch(sign('w_100', presets)), 'operation_not_allowed', 403)
  assertRefused(await world.edge.fetch(sign('p_none', presets)), 'operation_not_allowed', 403)
  const card = await world.edge.fetch(sign('p_card', presets))
  assert.equal(card.headers.get('Content-Type'), 'image/webp')
  assertRefused(await world.edge.fetch(sign('w_301', small)), 'operation_not_allowed', 403)
  assertRefused(await world.edge.fetch(sign('w_100,q_50', small)), 'operation_not_allowed', 403)
})

test('CACHE-2 the referer is asked before the cache, which holds the picture', async () => {
  const target = world.sign('w_100', PHOTO, { key: shop, project: 'shop' })
  const allowed = { Referer: 'https://example.com/page' }
  await world.edge.warm(target, allowed)
  assertRefused(await world.edge.fetch(target), 'referer_denied', 403)
  for (const referer of ['https://evilexample.com/', 'https://example.com.evil.net/', 'https://example.com@evil.net/']) {
    assertRefused(await world.edge.fetch(target, { Referer: referer }), 'referer_denied', 403)
  }
  assertRefused(await world.edge.fetch(target, { Referer: `https://example.com/${'a'.repeat(9000)}` }), 'referer_denied', 403)
  assert.equal((await world.edge.fetch(target, allowed)).status, 200)
})

test('a referer of any length is admitted where no rule asks for it', async () => {
  const reply = await world.edge.fetch(sign('w_101'), { Referer: `https://example.com/${'a'.repeat(9000)}` })
  assert.equal(reply.status, 200)
})

test('SSRF-1 a source that no rule names', async () => {
  for (const source of ['evil.example.net/a.jpg', 'cdn.example.com.evil.net/a.jpg', '@other/a.jpg']) {
    assertRefused(await world.edge.fetch(sign('w_100', undefined, undefined, source)), 'source_denied', 403)
  }
})

test("the origin's refusals come through with their code (CACHE-12)", async () => {
  const missing = sign('w_100', undefined, undefined, '@gallery/none.jpg')
  for (let round = 0; round < 2; round += 1) assertRefused(await world.edge.fetch(missing), 'source_not_found', 404)
  assertRefused(await world.edge.fetch(sign('_', undefined, undefined, '@gallery/CREDITS.md')), 'source_unsupported', 415)
})

test('SIG-15 OPTIONS is the same for every URL; HEAD is asked everything', async () => {
  for (const target of [sign(), '/', '/_sealpix/x']) {
    const reply = await world.edge.fetch(target, {}, 'OPTIONS')
    assert.equal(reply.status, 204)
    assert.equal(reply.headers.get('Access-Control-Allow-Methods'), 'GET, HEAD')
    assertProtected(reply)
  }
  const forged = await world.edge.fetch(sign().replace('w_100', 'w_101'), {}, 'HEAD')
  assert.deepEqual([forged.status, forged.body.length], [403, 0])
})

test("SIG-17 the edge's own paths are closed", async () => {
  for (const path of ['/_sealpix', '/_sealpix/', '/_sealpix/link', `/_sealpix/c/${'0'.repeat(64)}`]) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PURGE']) {
      assert.equal((await world.edge.fetch(path, {}, method)).status, 404, `${method} ${path}`)
    }
  }
  assert.equal((await world.edge.fetch('/_sealpix/healthz')).body.toString(), 'ok')
})

test('SIG-2 300 changed bytes of a valid URL: never served, never a fault', async () => {
  const target = sign('w_100,f_webp', undefined, now() + 600)
  const spellings = "abzAZ09-._~/,:@=%&?!'()*+;|<>[]{}\\^`$\"".split('')
  let seed = 42
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below
  for (let round = 0; round < 300; round += 1) {
    const at = 1 + random(target.length - 1)
    const to = spellings[random(spellings.length)] ?? 'a'
    const changed = target.slice(0, at) + to + target.slice(at + 1)
    const reply = await patiently(() => world.edge.fetch(changed), (reply) => reply.problem?.code)
    // A `\` in the path is `/` to a browser, and so it arrives: the same URL.
    const same = new URL(`http://h${changed}`).href === new URL(`http://h${target}`).href
    assert.ok(same ? reply.status === 200 : [400, 401, 403].includes(reply.status), `${reply.status} ${changed}`)
  }
})
