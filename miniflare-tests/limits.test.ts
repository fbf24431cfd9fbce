// Rate limits at the edge: the isolate's own counter.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertPicture, assertRefused, newKey, start, type World } from './harness.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
// A day's limit, so that no test sees its window end, but for one that runs at midnight UTC.
const limits = { minute: 1000, day: 3 }
const [first, second, third, fourth] = [newKey({ limits }), newKey({ limits }), newKey({ limits }), newKey({ limits })]

let world: World
before(async () => {
  world = await start()
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [first, second, third, fourth] }] })
})
after(() => world.stop())

test('EDGE-4 what the cache answers spends nothing; over the limit it still answers', async () => {
  const sign = (width: number): string => world.sign(`w_${width}`, PHOTO, { key: first })
  const miss = await world.edge.fetch(sign(120))
  assertPicture(miss, 'fwd=miss; stored')
  assert.match(miss.headers.get('RateLimit') ?? '', /^"day";r=2;t=\d+$/)
  assert.equal(miss.headers.get('RateLimit-Policy'), '"minute";q=1000;w=60, "day";q=3;w=86400')
  await world.edge.warm(sign(120)).then((reply) => assertPicture(reply, 'hit'))
  for (let round = 0; round < 10; round += 1) assertPicture(await world.edge.fetch(sign(120)), 'hit')
  const after = await world.edge.fetch(sign(121))
  // At most one miss more than the first: the one that `warm` may have raced against the store.
  assert.match(after.headers.get('RateLimit') ?? '', /^"day";r=[01];t=\d+$/)
  let reply = after
  for (let width = 122; reply.status === 200 && width < 130; width += 1) reply = await world.edge.fetch(sign(width))
  assertRefused(reply, 'rate_limited', 429)
  const wait = Number(reply.headers.get('Retry-After'))
  assert.ok(wait > 0 && wait <= 86_400, String(wait))
  assert.equal(reply.headers.get('RateLimit'), `"day";r=0;t=${wait}`)
  assertPicture(await world.edge.fetch(sign(120)), 'hit')
})

test('EDGE-4 what fails the gate spends nothing, nor what is refused for the limit', async () => {
  const sign = (width: number): string => world.sign(`w_${width}`, PHOTO, { key: second })
  for (let round = 0; round < 10; round += 1) {
    assertRefused(await world.edge.fetch(sign(130).replace('w_130', 'w_131')), 'signature_invalid', 403)
  }
  const reply = await world.edge.fetch(sign(130))
  assert.match(reply.headers.get('RateLimit') ?? '', /^"day";r=2;/)
})

test('CFG-1 SEALPIX_LIMIT_COUNTS=all counts hits too', async () => {
  const edge = world.newEdge({ SEALPIX_LIMIT_COUNTS: 'all' })
  const target = world.sign('w_140', PHOTO, { key: third })
  for (const left of [2, 1, 0]) {
    assert.match((await edge.fetch(target)).headers.get('RateLimit') ?? '', new RegExp(`^"day";r=${left};`))
  }
  assertRefused(await edge.fetch(target), 'rate_limited', 429)
})

test('EDGE-4 a picture that cannot be made spends its key once in a while, not with each visitor', async () => {
  const target = world.sign('w_150', '@gallery/none.jpg', { key: fourth })
  for (let round = 0; round < 30; round += 1) assertRefused(await world.edge.fetch(target), 'source_not_found', 404)
  const reply = await world.edge.fetch(world.sign('w_151', PHOTO, { key: fourth }))
  assertPicture(reply, 'fwd=miss; stored')
  assert.match(reply.headers.get('RateLimit') ?? '', /^"day";r=1;/)
})
