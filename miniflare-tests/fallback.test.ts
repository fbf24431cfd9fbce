// A project's fallback through the edge: shown with a 404 in place of a picture whose source is missing, kept for its own time
// and under its own name, and never taken for the picture (CACHE-12).
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Between } from './between.ts'
import { assertPicture, assertProtected, assertRefused, cacheStatus, newKey, now, timeLeft, World, type Edge, type Reply } from './harness.ts'

const FALLBACK = '@gallery/freespace-1mp.jpg'
const LONG_SECS = 500
const BRIEF_SECS = 3
const brief = newKey()
const limited = newKey({ limits: { minute: 1000, day: 2 } })

let world: World
let between: Between
let edge: Edge
before(async () => {
  // The origin forgets at once what was missing: what is shown for longer is the edge's doing.
  world = new World({ SEALPIX_DERIVATIVE_MEMORY_BYTES: '0', SEALPIX_DERIVATIVE_DISK_BYTES: '0' })
  world.origin.apply({
    projects: [
      { slug: 'my-app', grants: ['gallery'], keys: [limited], fallback: { source: FALLBACK, ttl_secs: LONG_SECS } },
      { slug: 'brief', grants: ['gallery'], keys: [brief], fallback: { source: FALLBACK, ttl_secs: BRIEF_SECS } },
    ],
  })
  await world.origin.serve()
  between = new Between(() => world.origin.url)
  await between.start()
  edge = world.newEdge({ SEALPIX_ORIGIN: between.url })
})
after(async () => {
  await world.stop()
  between.stop()
})

const maxAge = (reply: Reply): number => Number(/^private, max-age=(\d+)$/.exec(reply.headers.get('Cache-Control') ?? '')?.[1])

function assertShown(reply: Reply, status: string): void {
  assert.equal(reply.status, 404)
  assert.equal(reply.headers.get('Sealpix-Code'), 'source_not_found')
  assert.match(reply.headers.get('Content-Type') ?? '', /^image\//, reply.problem?.detail)
  assert.equal(cacheStatus(reply), `sealpix; ${status}`)
  for (const name of ['ETag', 'Accept-Ranges', 'Content-Disposition', 'Content-Range']) assert.equal(reply.headers.get(name), null, name)
  assertProtected(reply)
}

/** Asks until the cache has the fallback: storing goes on behind the first answer's back. */
async function warm(target: string): Promise<Reply> {
  for (let round = 0; round < 200; round += 1) {
    const reply = await edge.fetch(target)
    if (reply.status !== 404 || cacheStatus(reply) === 'sealpix; hit') return reply
  }
  throw new Error('the cache never answers')
}

test('EDGE-4 a missing source shows the fallback, out of the cache from the second request on, and the key is spent once', async () => {
  const target = world.sign('w_90,f_webp', '@gallery/none.jpg', { key: limited })
  const first = await edge.fetch(target)
  assertShown(first, 'fwd=miss; stored')
  assert.equal(maxAge(first), LONG_SECS)
  assert.equal(first.headers.get('Content-Type'), 'image/webp')
  assert.equal(Number(first.headers.get('Content-Length')), first.body.length)
  assert.equal(first.body.subarray(8, 12).toString(), 'WEBP')
  assert.ok(first.headers.get('RateLimit'))
  assertShown(await warm(target), 'hit')
  between.refusing = true
  for (const [headers, method] of [[{}, 'GET'], [{ 'If-None-Match': '*' }, 'GET'], [{ Range: 'bytes=0-9' }, 'GET'], [{}, 'HEAD']] as const) {
    const hit = await edge.fetch(target, headers, method)
    assertShown(hit, 'hit')
    assert.deepEqual(hit.body, method === 'HEAD' ? Buffer.alloc(0) : first.body)
    assert.equal(hit.headers.get('RateLimit'), null)
    assert.ok(timeLeft(hit) <= LONG_SECS && timeLeft(hit) > LONG_SECS - 60 && maxAge(hit) <= timeLeft(hit), 'no longer than the copy')
  }
  between.refusing = false
  assert.equal((await edge.fetch(world.sign('w_91', FALLBACK, { key: limited }))).status, 200, 'two a day: one was left')
})

test('CACHE-12 the fallback is kept for its time and no longer, and never as the picture', async () => {
  const target = world.sign('w_92', '@gallery/come.jpg', { key: brief, project: 'brief' })
  const fallback = await edge.fetch(target)
  assertShown(fallback, 'fwd=miss; stored')
  assertShown(await warm(target), 'hit')
  // Another picture than the fallback.
  writeFileSync(join(world.origin.gallery, 'come.jpg'), readFileSync(join(world.origin.gallery, 'sunset-12mp-progressive.jpg')))
  const came = Date.now()
  let reply = await edge.fetch(target)
  for (; reply.status !== 200; await pause(100), reply = await edge.fetch(target)) {
    assertShown(reply, 'hit')
    assert.deepEqual(reply.body, fallback.body)
    assert.ok(Date.now() - came < (BRIEF_SECS + 3) * 1000, 'the picture is never seen')
  }
  assertPicture(reply, 'fwd=miss; stored')
  assert.notDeepEqual(reply.body, fallback.body)
  assert.ok(reply.headers.get('ETag') && !reply.headers.get('Sealpix-Code'))
  const hit = await edge.warm(target)
  assertPicture(hit, 'hit')
  assert.deepEqual(hit.body, reply.body)
})

test('CACHE-12 where another isolate has seen that the source is there, its picture is what the cache has', async () => {
  const target = world.sign('w_93', '@gallery/shared.jpg')
  assertShown(await edge.fetch(target), 'fwd=miss; stored')
  assertShown(await warm(target), 'hit')
  writeFileSync(join(world.origin.gallery, 'shared.jpg'), readFileSync(join(world.origin.gallery, 'freespace-1mp.jpg')))
  const other = world.newEdge({ SEALPIX_ORIGIN: between.url })
  assertPicture(await other.fetch(target), 'fwd=miss; stored')
  await other.stop()
  // Purged, it is asked for anew.
  world.origin.command({ args: ['purge', 'my-app', '--source', '@gallery/shared.jpg'] })
  const until = Date.now() + 60_000
  let reply = await edge.fetch(target)
  for (; reply.status !== 200; await pause(500), reply = await edge.fetch(target)) assert.ok(Date.now() < until, 'a purge ends it')
})

test('CACHE-5 CACHE-1 it outlives no URL, varies where its format is negotiated, and describes nothing', async () => {
  const exp = now() + 60
  const ending = world.sign('w_94', '@gallery/none.jpg', { exp })
  for (const reply of [await edge.fetch(ending), await warm(ending)]) {
    assert.equal(reply.status, 404)
    assert.ok(maxAge(reply) <= 60 && maxAge(reply) > 30, reply.headers.get('Cache-Control') ?? '')
  }
  // What was kept for a URL that ends is kept for no longer for one that does not.
  const endless = await edge.fetch(world.sign('w_94', '@gallery/none.jpg'))
  assertShown(endless, 'hit')
  assert.ok(maxAge(endless) <= 60)
  const auto = world.sign('w_95,f_auto', '@gallery/none.jpg')
  for (const [accept, type] of [['image/webp', 'image/webp'], ['*/*', 'image/jpeg']] as const) {
    const reply = await edge.fetch(auto, { Accept: accept })
    assert.deepEqual([reply.headers.get('Content-Type'), reply.headers.get('Vary')], [type, 'Accept'])
  }
  for (let round = 0; round < 2; round += 1) {
    assertRefused(await edge.fetch(world.sign('w_96,f_json', '@gallery/none.jpg')), 'source_not_found', 404)
  }
})
