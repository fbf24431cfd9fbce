// What the cache keeps, under which name, and what clients are told of it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertPicture, cacheStatus, newKey, now, start, type Reply, type World } from './harness.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const second = newKey()
const open = newKey()
const unkept = newKey()

let world: World
before(async () => {
  world = await start()
  world.origin.apply({
    projects: [
      { slug: 'my-app', grants: ['gallery'], caching: { ttl_secs: 1000 }, keys: [second] },
      { slug: 'open-app', grants: ['gallery'], caching: { ttl_secs: 1000, public: true }, keys: [open] },
      { slug: 'no-cache', grants: ['gallery'], caching: { ttl_secs: 0 }, keys: [unkept] },
    ],
  })
})
after(() => world.stop())

const maxAge = (reply: Reply): number => Number(/max-age=(\d+)/.exec(reply.headers.get('Cache-Control') ?? '')?.[1])

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

test('CACHE-5 no copy of a client outlives the URL, hit or miss', async () => {
  const target = world.sign('w_113', PHOTO, { exp: now() + 50 })
  for (const reply of [await world.edge.fetch(target), await world.edge.warm(target)]) {
    assert.match(reply.headers.get('Cache-Control') ?? '', /^private, max-age=\d+$/)
    assert.ok(maxAge(reply) <= 50 && maxAge(reply) > 40, String(maxAge(reply)))
  }
  assert.equal(maxAge(await world.edge.fetch(world.sign('w_113', PHOTO))), 1000)
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
  // The format shares the entry of the URL that asks for it by name.
  const named = await world.edge.fetch(world.sign('w_115,f_webp', PHOTO))
  assertPicture(named, 'hit')
  assert.equal(named.headers.get('Vary'), null)
})

test('CACHE-3 headers that are not keyed change nothing', async () => {
  const target = world.sign('w_116', PHOTO)
  const plain = await world.edge.warm(target)
  const unkeyed: Record<string, string>[] = [
    { Width: '50' }, { DPR: '3' }, { 'Save-Data': 'on' }, { Cookie: 'a=b' }, { Origin: 'https://evil.example' },
    { 'X-Forwarded-Host': 'evil.example' }, { 'Cache-Control': 'no-cache' }, { Accept: 'image/avif' },
  ]
  for (const headers of unkeyed) {
    const reply = await world.edge.fetch(target, headers)
    assertPicture(reply, 'hit')
    assert.deepEqual(reply.body, plain.body)
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
  assert.deepEqual([miss.status, cacheStatus(miss)], [304, 'sealpix; fwd=miss; stored'])
  assertPicture(await world.edge.warm(world.sign('w_119', PHOTO)), 'hit')
})

test('a download has its name, and an entry of its own (HDR-2)', async () => {
  const target = world.sign('w_110,dl_cat.jpg', PHOTO)
  for (const reply of [await world.edge.fetch(target), await world.edge.warm(target)]) {
    assert.equal(reply.headers.get('Content-Disposition'), 'attachment; filename="cat.jpg"')
  }
  assert.equal((await world.edge.warm(world.sign('w_110', PHOTO))).headers.get('Content-Disposition'), null)
})

test('CACHE-11 a Range is not asked for at the origin, and the whole picture is kept', async () => {
  const target = world.sign('w_141', PHOTO)
  const ranged = await world.edge.fetch(target, { Range: 'bytes=0-9' })
  assertPicture(ranged, 'fwd=miss; stored')
  const hit = await world.edge.warm(target)
  assert.equal(ranged.body.length, hit.body.length)
  assert.equal((await world.edge.fetch(target, { Range: 'bytes=0-9' })).status, 200)
})

test('a project without a cache time is never kept', async () => {
  const target = world.sign('w_142', PHOTO, { key: unkept, project: 'no-cache' })
  for (let round = 0; round < 3; round += 1) {
    const reply = await world.edge.fetch(target)
    assertPicture(reply, 'fwd=miss')
    assert.equal(reply.headers.get('Cache-Control'), 'private, max-age=0')
  }
})
