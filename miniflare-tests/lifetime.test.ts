// How long a picture lives: in the cache, and at the client. No answer outlives its URL (CACHE-5).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Between } from './between.ts'
import { assertPicture, assertRefused, cacheStatus, newKey, now, timeLeft, World, type Edge, type Project, type Reply } from './harness.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const TTL_SECS = 1000
const HELD = 'the edge holds the record'
const brief = newKey()
const open = newKey()

let world: World
let between: Between
let edge: Edge
before(async () => {
  world = new World()
  const port = await freePort()
  world.origin.edgeUrl = `http://127.0.0.1:${port}`
  await world.origin.serve()
  between = new Between(() => world.origin.url)
  await between.start()
  edge = world.newEdge({ SEALPIX_ORIGIN: between.url }, { port })
  await apply({ ttl_secs: TTL_SECS })
})
after(async () => {
  await world.stop()
  between.stop()
})

/** The registry with this caching of my-app, once the edge has it. */
async function apply(caching: Project['caching']): Promise<void> {
  const from = world.origin.said.length
  world.origin.apply({
    projects: [
      { slug: 'my-app', grants: ['gallery'], ...(caching && { caching }) },
      { slug: 'brief', grants: ['gallery'], caching: { ttl_secs: 2 }, keys: [brief] },
      { slug: 'open-app', grants: ['gallery'], caching: { ttl_secs: TTL_SECS, public: true }, keys: [open] },
    ],
  })
  await world.origin.says([HELD, 'project:my-app'], from)
}

const maxAge = (reply: Reply): number => Number(/max-age=(\d+)/.exec(reply.headers.get('Cache-Control') ?? '')?.[1])

test('CACHE-5 hit, miss, 304, 206 and HEAD: no answer outlives its URL, however near or far the end', async () => {
  let width = 300
  const ends = [1, 2, 3, 5, 59, TTL_SECS - 1, TTL_SECS, TTL_SECS + 1, 86_400, 10 ** 9]
  for (const [project, key] of [['my-app', undefined], ['open-app', open]] as const) {
    for (const secs of ends) {
      width += 1
      const exp = now() + secs
      const target = world.sign(`w_${width}`, PHOTO, { exp, project, ...(key && { key }) })
      const asked: [what: string, status: number, headers: Record<string, string>, method?: string][] = [
        ['miss', 200, {}], ['hit', 200, {}], ['304', 304, { 'If-None-Match': '*' }], ['206', 206, { Range: 'bytes=0-9' }], ['HEAD', 200, {}, 'HEAD'],
      ]
      for (const [what, status, headers, method] of asked) {
        const before = now()
        const reply = await edge.fetch(target, headers, method)
        if (now() > exp && reply.status === 403) continue
        const said = `${what}, ${secs} s: ${reply.headers.get('Cache-Control')}`
        // Stored behind the first answer's back, the picture may not be there yet, and then there is no part of it.
        if (what !== '206' || cacheStatus(reply) === 'sealpix; hit') assert.equal(reply.status, status, said)
        assert.match(reply.headers.get('Cache-Control') ?? '', /^private, max-age=\d+$/, said)
        assert.ok(before + maxAge(reply) <= exp, said)
        assert.ok(maxAge(reply) <= TTL_SECS, said)
        assert.ok(maxAge(reply) >= Math.min(TTL_SECS, exp - now()), said)
        assert.equal(reply.headers.get('Expires'), null)
      }
    }
  }
})

test('CACHE-5 an expired URL is refused though its picture is cached, and not a second before its time', async () => {
  const exp = now() + 2
  const target = world.sign('w_200', PHOTO, { exp })
  assertPicture(await edge.warm(target), 'hit')
  for (;;) {
    const before = now()
    const reply = await edge.fetch(target)
    if (reply.status === 200) {
      assert.ok(before <= exp && before + maxAge(reply) <= exp, `served at ${before}, ends at ${exp}`)
      continue
    }
    assert.ok(now() > exp, 'refused before its time')
    assertRefused(reply, 'url_expired', 403)
    break
  }
  for (const [headers, method] of [[{ 'If-None-Match': '*' }, 'GET'], [{ Range: 'bytes=0-9' }, 'GET'], [{}, 'HEAD']] as const) {
    const reply = await edge.fetch(target, headers, method)
    assert.deepEqual([reply.status, reply.headers.get('Sealpix-Code'), reply.headers.get('ETag')], [403, 'url_expired', null])
  }
  assertPicture(await edge.fetch(world.sign('w_200', PHOTO)), 'hit')
})

test('CACHE-5 an origin that takes its time takes it from what the client may keep', async () => {
  const exp = now() + 3
  const target = world.sign('w_201', PHOTO, { exp })
  const { pulled, release } = between.hold('pictures')
  const coming = edge.fetch(target)
  await pulled
  const from = now()
  while (now() < from + 2) assertPicture(await edge.fetch(world.sign('w_200', PHOTO)), 'hit')
  release()
  const reply = await coming
  assert.equal(reply.status, 200)
  assert.ok(from + 2 + maxAge(reply) <= exp, `${maxAge(reply)} s`)
})

test('a copy is served as long as it is fresh, and says for how long that is', async () => {
  const target = world.sign('w_202', PHOTO, { key: brief, project: 'brief' })
  const stored = now()
  assert.ok(Number.isNaN(timeLeft(await edge.fetch(target))), 'a miss has no time left')
  for (;;) {
    const reply = await edge.fetch(target)
    if (cacheStatus(reply) === 'sealpix; hit') {
      const left = timeLeft(reply)
      assert.ok(left >= 1 && left <= 2 && stored + 2 <= now() + left && now() < stored + 10, `${left} s at ${now() - stored}`)
    } else if (now() > stored + 2) {
      // Stored anew.
      assertPicture(reply, 'fwd=miss; stored')
      return
    }
  }
})

test('a shorter time of the project holds for what is stored already; none at all ends it', async () => {
  const target = world.sign('w_203', PHOTO)
  const fresh = await edge.warm(target)
  assert.ok(timeLeft(fresh) > 900 && timeLeft(fresh) <= TTL_SECS)
  for (const [headers, method] of [[{ 'If-None-Match': '*' }, 'GET'], [{ Range: 'bytes=0-9' }, 'GET'], [{}, 'HEAD']] as const) {
    assert.ok(timeLeft(await edge.fetch(target, headers, method)) > 900, method)
  }
  await apply({ ttl_secs: 100 })
  const shorter = await edge.fetch(target)
  assertPicture(shorter, 'hit')
  assert.ok(timeLeft(shorter) <= 100 && maxAge(shorter) === 100)
  await apply({ ttl_secs: 0 })
  assertPicture(await edge.fetch(target), 'fwd=miss')
})
