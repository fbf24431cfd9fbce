// Rate limits at the edge: of keys, counted in KV shards, in a Durable Object, or by each isolate alone; and of addresses.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { FailingKv } from './failing-kv.ts'
import { assertPicture, assertRefused, newKey, World, type Edge, type Key, type Reply } from './harness.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
// A day's limit, so that no test sees its window end, but for one that runs at midnight UTC.
const keys = Array.from({ length: 8 }, () => newKey({ limits: { minute: 100_000, day: 20 } }))
const [shared, exact, again, failing, denying, healing, hits, crowd] = keys as [Key, Key, Key, Key, Key, Key, Key, Key]
// Room for two pages of 60 pictures and a little more.
const pages = newKey({ limits: { minute: 100_000, day: 140 } })

let world: World
const folder = mkdtempSync(join(tmpdir(), 'sealpix-counters-'))
let metrics = ''
before(async () => {
  const port = await freePort()
  metrics = `http://127.0.0.1:${port}/metrics`
  world = new World({ SEALPIX_METRICS_LISTEN: `127.0.0.1:${port}` })
  await world.origin.serve()
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [...keys, pages] }] })
})
after(async () => {
  await world.stop()
  rmSync(folder, { recursive: true })
})

const servers: FailingKv[] = []
after(() => servers.forEach((server) => server.stop()))
async function failingCounters(): Promise<FailingKv> {
  const kv = await FailingKv.start('COUNTERS')
  servers.push(kv)
  return kv
}

let width = 0
/** A picture that no cache has. */
const miss = (edge: Edge, key: Key): Promise<Reply> => edge.fetch(world.sign(`w_${(width += 1)},q_20`, PHOTO, { key }))
const left = (reply: Reply): number => Number(/r=(\d+)/.exec(reply.headers.get('RateLimit') ?? '')?.[1])

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 40_000; Date.now() < end; await pause(100)) if (await is()) return
  assert.fail(`not within 40 s: ${what}`)
}

async function spend(edge: Edge, key: Key, most: number): Promise<number> {
  for (let admitted = 0; ; admitted += 1) {
    const reply = await miss(edge, key)
    if (reply.status === 200 && admitted < most) continue
    assertRefused(reply, 'rate_limited', 429)
    const wait = Number(reply.headers.get('Retry-After'))
    assert.ok(wait > 0 && wait <= 86_400, String(wait))
    return admitted
  }
}

test('KV: an isolate writes its shard behind the answers, and another counts with it', async () => {
  const kv = await failingCounters()
  const first = world.newEdge({}, { failing: [kv] })
  for (let round = 0; round < 12; round += 1) assertPicture(await miss(first, shared), 'fwd=miss; stored')
  const real = await kv.namespace()
  await until('the shard is written', async () => (await real.list({})).keys.length > 0)
  const names = (await real.list({})).keys.map(({ name }) => name)
  for (const name of names) {
    assert.match(name, /^rl:/)
    assert.ok(!name.includes(shared.public_key), 'the name is a hash')
  }
  const second = world.newEdge({}, { failing: [kv] })
  kv.namespace = () => Promise.resolve(real)
  await miss(second, shared)
  await until('the second isolate knows of the first', async () => left(await miss(second, shared)) < 20 - 12)
  assert.ok((await spend(second, shared, 20)) < 8)
  await first.stop()
})

test('the Durable Object: exact, over isolates and restarts', async () => {
  const objects = join(folder, 'objects')
  let admitted = 0
  for (const most of [7, 5, 20]) {
    const edge = world.newEdge({}, { objects })
    for (let round = 0; round < most; round += 1) {
      const reply = await miss(edge, exact)
      if (reply.status !== 200) {
        assertRefused(reply, 'rate_limited', 429)
        break
      }
      admitted += 1
    }
    assert.ok(admitted <= 20)
    await edge.stop()
  }
  assert.ok(admitted > 12, `${admitted} of 20: what a dying isolate holds is lost until it lapses`)
})

test('the Durable Object: a crowd at once gets just the limit', async () => {
  const edge = world.newEdge({}, { objects: join(folder, 'crowd') })
  assert.equal(left(await edge.fetch(world.sign('w_410', PHOTO, { key: crowd }))), 19, 'a lease that is not spent is not used up')
  const replies = await Promise.all(Array.from({ length: 60 }, () => miss(edge, crowd)))
  const statuses = replies.map(({ status }) => status)
  assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 429).length], [19, 41])
})

test('EDGE-5 the Durable Object: a page of 60 pictures at once on a cold isolate leaves another isolate its page', async () => {
  for (let isolate = 0; isolate < 2; isolate += 1) {
    // The first is gone when the second begins: what it holds does not come back.
    const edge = world.newEdge({}, { objects: join(folder, 'pages') })
    // The key's record is looked up, so that all 60 are counted; what the origin then makes of so many is no matter here.
    await miss(edge, pages)
    const replies = await Promise.all(Array.from({ length: 60 }, () => miss(edge, pages)))
    assert.ok(replies.every(({ status }) => status !== 429), `isolate ${isolate}`)
    const rest = left(await miss(edge, pages))
    assert.ok(rest <= 140 - 62 * (isolate + 1) && rest > 0, `${rest} are left after isolate ${isolate}`)
    await edge.stop()
  }
})

test('EDGE-4 hits spend nothing in a Durable Object either', async () => {
  const edge = world.newEdge({}, { objects: join(folder, 'hits') })
  const target = world.sign('w_400', PHOTO, { key: hits })
  await edge.warm(target)
  for (let round = 0; round < 30; round += 1) assertPicture(await edge.fetch(target), 'hit')
  assert.ok(left(await miss(edge, hits)) >= 17)
})

test('KV counters that fail: counted by the isolate alone, and said in the log and in the metrics', async () => {
  const kv = await failingCounters()
  const edge = world.newEdge({ SEALPIX_USAGE_SECS: '1' }, { failing: [kv] })
  for (const operation of ['get', 'put', 'list'] as const) kv.fail(operation)
  assert.equal(await spend(edge, failing, 20), 20)
  await until('the log tells', async () => edge.said.some((line) => line.includes('rate counter')))
  await until('the metric tells', async () => {
    const text = await (await fetch(metrics)).text()
    return /^sealpix_edge_events_total\{event="counter_failure"\} [1-9]/m.test(text)
  })
  // The gate is as closed as ever.
  assertRefused(await edge.fetch(world.sign('w_401', PHOTO, { key: failing }).replace('w_401', 'w_402')), 'signature_invalid', 403)
})

test('CFG-1 SEALPIX_ON_COUNTER_FAILURE=deny refuses what cannot be counted, until it can', async () => {
  const kv = await failingCounters()
  const edge = world.newEdge({ SEALPIX_ON_COUNTER_FAILURE: 'deny' }, { failing: [kv] })
  kv.fail('put')
  kv.fail('list')
  await until('a request is refused', async () => {
    const reply = await miss(edge, denying)
    if (reply.status === 200) return false
    assertRefused(reply, 'counter_unavailable', 503)
    assert.ok(Number(reply.headers.get('Retry-After')) > 0)
    return true
  })
  kv.heal()
  await until('it counts again', async () => (await miss(edge, denying)).status !== 503)
})

test('a KV that says 429 is no failure: nothing is lost, and it is asked less often', async () => {
  const kv = await failingCounters()
  const edge = world.newEdge({ SEALPIX_ON_COUNTER_FAILURE: 'deny' }, { failing: [kv] })
  kv.fail('put', 429)
  for (let round = 0; round < 10; round += 1) assertPicture(await miss(edge, healing), 'fwd=miss; stored')
  await until('a write was tried', async () => kv.calls.put > 0)
  assertPicture(await miss(edge, healing), 'fwd=miss; stored')
  kv.heal()
  const real = await kv.namespace()
  await until('the whole count is written', async () => {
    const shards = (await real.list({})).keys.map(({ metadata }) => String(metadata))
    return shards.some((shard) => /\b11\b/.test(shard))
  })
})

test('SIG-11 the address limit counts every request, before any record is read', async () => {
  const edge = world.newEdge({}, { addressLimit: 5 })
  const from = (address: string, target: string): Promise<Reply> => edge.fetch(target, { 'CF-Connecting-IP': address })
  const good = world.sign('w_403', PHOTO, { key: again })
  for (const target of ['/malformed', world.sign('w_404', PHOTO, { key: newKey() }), good.replace('w_403', 'w_405'), good, good]) {
    assert.notEqual((await from('192.0.2.1', target)).status, 429, target)
  }
  for (const target of [good, '/malformed', world.sign('w_404', PHOTO, { key: newKey() })]) {
    const reply = await from('192.0.2.1', target)
    assertRefused(reply, 'address_limited', 429)
    assert.equal(reply.headers.get('Retry-After'), '10')
  }
  assert.equal((await from('192.0.2.2', good)).status, 200, 'another address')
  assert.equal((await edge.fetch('/_sealpix/healthz')).status, 200, 'OPS-1')
})

test('the address of an IPv6 client is its /64', async () => {
  const edge = world.newEdge({}, { addressLimit: 3 })
  const from = async (address: string): Promise<number> => (await edge.fetch('/malformed', { 'CF-Connecting-IP': address })).status
  assert.deepEqual(await Promise.all(['2001:db8:1:2::1', '2001:db8:1:2:3::', '2001:db8:1:2:ffff::1'].map(from)), [400, 400, 400])
  assert.equal(await from('2001:db8:1:2:aaaa:bbbb:cccc:dddd'), 429)
  assert.equal(await from('2001:db8:1:3::1'), 400)
})
