// How little work many requests make: re-signed URLs, repeats, rotation, crowds. What reaches the origin is counted
// between the edge and it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Between } from './between.ts'
import { assertPicture, assertRefused, cacheStatus, newKey, now, World, type Edge, type Key } from './harness.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const HELD = 'the edge holds the record'
const REPEATS = 10_000
const AT_ONCE = 20
const CROWD = 60
const keys = Array.from({ length: 3 }, () => newKey())
const limited = newKey({ limits: { minute: 1_000_000, day: 3 } })

let world: World
let between: Between
let edge: Edge
let metrics = ''
before(async () => {
  const [port, operators] = [await freePort(), await freePort()]
  metrics = `http://127.0.0.1:${operators}/metrics`
  world = new World({ SEALPIX_METRICS_LISTEN: `127.0.0.1:${operators}` })
  world.origin.edgeUrl = `http://127.0.0.1:${port}`
  await world.origin.serve()
  between = new Between(() => world.origin.url)
  await between.start()
  edge = world.newEdge({ SEALPIX_ORIGIN: between.url }, { port })
  await apply([...keys, limited], [...keys, limited])
})
after(async () => {
  await world.stop()
  between.stop()
})

/** How many pictures the origin has begun to make. */
async function made(): Promise<number> {
  const text = await (await fetch(metrics)).text()
  return Number(/^sealpix_derivatives_total\{result="made"\} (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** The project's keys, once the edge has those that are new to it. */
async function apply(keys: Key[], changed: Key[]): Promise<void> {
  const from = world.origin.said.length
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys }] })
  for (const key of changed) await world.origin.says([HELD, `key:${key.public_key}`], from)
}

/** Waits until the edge has stored what it has just sent, without another fetch from the origin. */
async function stored(target: string): Promise<void> {
  between.refusing = true
  let reply = await edge.fetch(target)
  for (let round = 0; reply.status !== 200 && round < 200; round += 1) reply = await edge.fetch(target)
  between.refusing = false
  assertPicture(reply, 'hit')
}

test('CACHE-7 ten signatures of one picture are one fetch from the origin', async () => {
  const from = between.pictures.length
  const signatures = Array.from({ length: 10 }, (_, index) => {
    const key = keys[index % keys.length]
    return world.sign('w_300', PHOTO, { ...(key && { key }), ...(index === 0 ? {} : { exp: now() + 100 + index }) })
  })
  assert.equal(new Set(signatures).size, 10)
  const [first, ...rest] = signatures
  const picture = await edge.fetch(first ?? '')
  assertPicture(picture, 'fwd=miss; stored')
  await stored(first ?? '')
  for (const target of rest) {
    const reply = await edge.fetch(target)
    assertPicture(reply, 'hit')
    assert.deepEqual(reply.body, picture.body)
  }
  assert.equal(between.pictures.length - from, 1)
})

test(`EDGE-4 one public URL asked for ${REPEATS} times spends no quota`, async (t) => {
  const sign = (width: number): string => world.sign(`w_${width}`, PHOTO, { key: limited })
  const left = async (width: number): Promise<string> => {
    const reply = await edge.fetch(sign(width))
    assertPicture(reply, 'fwd=miss; stored')
    return /^"day";r=(\d+);/.exec(reply.headers.get('RateLimit') ?? '')?.[1] ?? ''
  }
  assert.equal(await left(310), '2')
  // Asked for with another key, which has its own quota.
  await stored(world.sign('w_310', PHOTO))
  const from = between.pictures.length
  const began = performance.now()
  let asked = 0
  const one = async (): Promise<void> => {
    while (asked < REPEATS) {
      asked += 1
      const reply = await edge.fetch(sign(310))
      if (cacheStatus(reply) !== 'sealpix; hit' || reply.headers.has('RateLimit')) assert.fail(`${reply.status} ${cacheStatus(reply)}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  t.diagnostic(`${asked} requests, ${AT_ONCE} at once: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  assert.equal(between.pictures.length, from)
  assert.equal(await left(311), '1')
  assert.equal(await left(312), '0')
  assertRefused(await edge.fetch(sign(313)), 'rate_limited', 429)
  assertPicture(await edge.fetch(sign(310)), 'hit')
})

test('CACHE-7 rotation leaves the cache warm: the new key finds what the old one stored', async () => {
  const [old] = keys
  assert.ok(old !== undefined)
  const signed = (key: Key): string[] => [320, 321, 322].map((width) => world.sign(`w_${width},f_webp`, PHOTO, { key }))
  for (const target of signed(old)) await edge.warm(target)
  const from = between.pictures.length
  // As a rotation goes: the new key beside the old, then the old one revoked.
  const made = newKey()
  await apply([old, made], [made])
  for (const target of signed(made)) assertPicture(await edge.fetch(target), 'hit')
  await apply([{ ...old, state: 'revoked' }, made], [old])
  for (const target of signed(made)) assertPicture(await edge.fetch(target), 'hit')
  for (const target of signed(old)) assertRefused(await edge.fetch(target), 'key_revoked', 401)
  assert.equal(between.pictures.length, from)
})

test(`a crowd of ${CROWD} at once for a picture that is not there yet: each gets it whole, and it is made once`, async (t) => {
  const from = between.pictures.length
  const before = await made()
  const target = world.sign('w_330', PHOTO)
  const { pulled, release } = between.hold('pictures')
  const coming = Array.from({ length: CROWD }, () => edge.fetch(target))
  await pulled
  release()
  const replies = await Promise.all(coming)
  assert.deepEqual(replies.map(({ status }) => status), Array.from({ length: CROWD }, () => 200))
  const kept = await edge.warm(target)
  assertPicture(kept, 'hit')
  for (const reply of replies) assert.deepEqual(reply.body, kept.body)
  const asked = between.pictures.length - from
  t.diagnostic(`${CROWD} at once: the origin is asked ${asked} times, and makes the picture ${(await made()) - before} times`)
  assert.ok(asked >= 1 && asked <= CROWD + 1, String(asked))
  assert.equal((await made()) - before, 1)
})
