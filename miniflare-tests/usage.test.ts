// Usage: what the Worker counts arrives at the origin exactly, whatever happens between them, and never on a request's way.
//
// Two edges before one origin; the first one's reports pass a proxy that sees them, holds them back or loses answers.
import assert from 'node:assert/strict'
import { createServer, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Api } from './api.ts'
import { assertPicture, assertRefused, cacheStatus, newKey, now, World, type Edge, type Key, type Reply } from './harness.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const USAGE = '/api/edge/v1/usage'
const ADMIN = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery staple' }

type Row = { requests: number; bytes: number }

/** What the clients saw, as the origin should have it. */
class Tally {
  readonly outcomes = new Map<string, Row>()
  readonly formats = new Map<string, Row>()

  add(reply: Reply, isHead = false): Reply {
    const served = cacheStatus(reply) === 'sealpix; hit' ? 'hit' : 'miss'
    const refused = reply.headers.get('Content-Type') === 'application/problem+json'
    const outcome = reply.status === 304 ? 'not_modified' : refused ? (reply.problem?.code ?? 'none') : served
    const [, name = 'none'] = /^image\/(\w+)/.exec(reply.headers.get('Content-Type') ?? '') ?? []
    const bytes = refused || isHead ? 0 : reply.body.length
    for (const [map, key] of [[this.outcomes, outcome], [this.formats, name === 'jpeg' ? 'jpg' : name]] as const) {
      const row = map.get(key) ?? { requests: 0, bytes: 0 }
      map.set(key, { requests: row.requests + 1, bytes: row.bytes + bytes })
    }
    return reply
  }

  get requests(): number {
    return [...this.outcomes.values()].reduce((sum, row) => sum + row.requests, 0)
  }
}

let world: World
let api: Api
let proxy: Server
let edges: [Edge, Edge]
let metrics = ''
let onReport: (counted: { status: number; body: Buffer }, reply: ServerResponse) => void
const bodies: Buffer[] = []
const targets: string[] = []
const passOn = ({ status, body }: { status: number; body: Buffer }, reply: ServerResponse): void => {
  reply.writeHead(status).end(body)
}

before(async () => {
  const port = await freePort()
  metrics = `http://127.0.0.1:${port}/metrics`
  world = new World({ SEALPIX_METRICS_LISTEN: `127.0.0.1:${port}`, SEALPIX_DELIVERY: 'proof' })
  await world.origin.serve()
  onReport = passOn
  proxy = createServer((asked, reply) => {
    void asked.toArray().then((chunks: Buffer[]) => {
      const isReport = asked.url === USAGE
      if (isReport) bodies.push(Buffer.concat(chunks))
      const onward = request(world.origin.url + asked.url, { method: asked.method ?? 'GET', headers: asked.headers }, (answer) => {
        void answer.toArray().then((chunks: Buffer[]) => {
          const [status, body] = [answer.statusCode ?? 500, Buffer.concat(chunks)]
          if (isReport) onReport({ status, body }, reply)
          else reply.writeHead(status, answer.headers).end(body)
        })
      })
      onward.on('error', () => reply.destroy())
      onward.end(Buffer.concat(chunks))
    })
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  const between = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const fast = { SEALPIX_USAGE_SECS: '1' }
  edges = [world.newEdge({ ...fast, SEALPIX_ORIGIN: between }), world.newEdge(fast)]
  const made = await new Api(() => world.origin.url).done('POST', '/setup', { token: world.origin.setupToken(), ...ADMIN })
  api = new Api(() => world.origin.url, made.token)
})
after(async () => {
  proxy.closeAllConnections()
  proxy.close()
  await world.stop()
})

/** Keys of a test's own, so that it counts alone. */
async function keys(...limits: Key['limits'][]): Promise<Key[]> {
  const made = limits.map((limits) => newKey(limits === undefined ? {} : { limits }))
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: made }] })
  return made
}

const sign = (key: Key, width: number, exp?: number): string => {
  const target = world.sign(`w_${width}`, PHOTO, { key, ...(exp === undefined ? {} : { exp }) })
  targets.push(target)
  return target
}

/** The origin's totals of a key. */
async function totals(key: Key, by: 'outcome' | 'format'): Promise<Map<string, Row>> {
  const usage = await api.done('GET', `/usage?key=${key.public_key}&by=${by}`)
  return new Map(usage.items.map((item: any) => [item[by], { requests: item.requests, bytes: item.bytes }]))
}

/** Waits until the origin has counted as many requests; then it must have counted just these. */
async function assertCounted(tallies: Map<Key, Tally>): Promise<void> {
  for (const [key, tally] of tallies) {
    const until = Date.now() + 40_000
    for (;;) {
      const counted = [...(await totals(key, 'outcome')).values()].reduce((sum, row) => sum + row.requests, 0)
      if (counted >= tally.requests) break
      assert.ok(Date.now() < until, `${counted} of ${tally.requests} requests are counted`)
      await pause(50)
    }
    const sorted = (rows: Map<string, Row>): [string, Row][] => [...rows].sort(([one], [other]) => (one < other ? -1 : 1))
    assert.deepEqual(sorted(await totals(key, 'outcome')), sorted(tally.outcomes))
    assert.deepEqual(sorted(await totals(key, 'format')), sorted(tally.formats))
  }
}

/** How often an event has been reported, as Prometheus reads it. */
async function events(name: string): Promise<number> {
  const text = await (await fetch(metrics)).text()
  return Number(new RegExp(`^sealpix_edge_events_total\\{event="${name}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds()); await pause(10)) assert.ok(Date.now() < end, what)
}

test('a mixed run over two edges is counted to the request and to the byte', async () => {
  const [open, limited] = (await keys(undefined, { minute: 1000, day: 3 })) as [Key, Key]
  const tallies = new Map([[open, new Tally()], [limited, new Tally()]])
  const run = async (edge: Edge): Promise<void> => {
    const ask = async (key: Key, target: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> => {
      const reply = await edge.fetch(target, headers, method)
      return tallies.get(key)?.add(reply, method === 'HEAD') ?? reply
    }
    const first = await ask(open, sign(open, 80))
    assertPicture(first, 'fwd=miss; stored')
    const etag = first.headers.get('ETag') ?? ''
    const kinds: ((round: number) => Promise<Reply>)[] = [
      (round) => ask(open, sign(open, 80 + (round % 7))),
      () => ask(open, sign(open, 80)),
      () => ask(open, sign(open, 80), {}, 'HEAD'),
      () => ask(open, sign(open, 80), { 'If-None-Match': etag }),
      () => ask(open, sign(open, 80).replace('w_80', 'w_800')),
      () => ask(open, sign(open, 80, now() - 60)),
      () => ask(open, world.sign('w_80,f_webp', PHOTO, { key: open })),
      () => ask(open, world.sign('w_80', '@gallery/none.jpg', { key: open })),
      (round) => ask(limited, sign(limited, 200 + round)),
    ]
    for (let round = 0; round < 25; round += 1) await Promise.all(kinds.map((kind) => kind(round)))
  }
  await Promise.all(edges.map(run))
  const outcomes = tallies.get(open)?.outcomes
  for (const outcome of ['hit', 'miss', 'not_modified', 'signature_invalid', 'url_expired', 'source_not_found'])
    assert.ok((outcomes?.get(outcome)?.requests ?? 0) > 0, outcome)
  assert.equal(tallies.get(limited)?.outcomes.get('rate_limited')?.requests, 2 * (25 - 3))
  await assertCounted(tallies)
  const all = [...tallies.values()].reduce((sum, tally) => sum + tally.requests, 0)
  console.log(`usage: ${all} requests over two edges, counted to the byte in ${bodies.length} reports of the first`)
})

test('an origin that is away is told all when it is back, without another request', async () => {
  const [key] = (await keys(undefined)) as [Key]
  const tally = new Tally()
  const [edge] = edges
  for (let reply: Reply | undefined; reply === undefined || cacheStatus(reply) !== 'sealpix; hit'; )
    reply = tally.add(await edge.fetch(sign(key, 90)))
  await world.origin.stop()
  const told = edge.said.length
  for (let round = 0; round < 40; round += 1) tally.add(await edge.fetch(sign(key, 90)))
  for (let round = 0; round < 5; round += 1) assertRefused(tally.add(await edge.fetch(sign(key, 900 + round))), 'origin_unreachable', 502)
  await until(() => edge.said.slice(told).some((line) => line.includes('does not count a usage report')), 'no report failed')
  await world.origin.serve()
  await assertCounted(new Map([[key, tally]]))
})

test('a report whose answer is lost is sent again as it was, and counted once', async () => {
  const [key] = (await keys(undefined)) as [Key]
  const tally = new Tally()
  const [edge] = edges
  let lost = 0
  const before = bodies.length
  onReport = (_counted, reply) => {
    lost += 1
    reply.destroy()
  }
  for (let round = 0; round < 30; round += 1) tally.add(await edge.fetch(sign(key, 95)))
  await until(() => lost >= 4, 'no answer was lost')
  const [first] = bodies.slice(before)
  for (const body of bodies.slice(before)) assert.deepEqual(body, first)
  // What is counted while the first waits goes with the next.
  for (let round = 0; round < 30; round += 1) tally.add(await edge.fetch(sign(key, 95)))
  onReport = passOn
  await assertCounted(new Map([[key, tally]]))
})

test('requests do not wait for a report that the origin is slow to take', async () => {
  const [key] = (await keys(undefined)) as [Key]
  const tally = new Tally()
  const [edge] = edges
  let release: (() => void) | undefined
  onReport = (counted, reply) => {
    onReport = passOn
    release = () => passOn(counted, reply)
  }
  tally.add(await edge.fetch(sign(key, 96)))
  await until(() => release !== undefined, 'no report came')
  const reports = bodies.length
  for (let round = 0; round < 100; round += 1) assert.equal(tally.add(await edge.fetch(sign(key, 96))).status, 200)
  assert.equal(bodies.length, reports, 'one report at a time')
  release?.()
  await assertCounted(new Map([[key, tally]]))
})

test('SIG-11 a flood of invented keys is one number, not rows', async () => {
  const [edge] = edges
  const names = ['key_unknown', 'key_lookup_busy', 'malformed_url']
  const sum = async (): Promise<number> => (await Promise.all(names.map(events))).reduce((sum, count) => sum + count, 0)
  // What the tests before have left is reported first.
  const [key] = (await keys(undefined)) as [Key]
  const tally = new Tally()
  tally.add(await edge.fetch(sign(key, 97)))
  await assertCounted(new Map([[key, tally]]))
  const [before, reports] = [await sum(), bodies.length]
  const invented = Array.from({ length: 300 }, () => sign(newKey(), 97))
  for (const target of invented) {
    const reply = await edge.fetch(target)
    assert.ok(['key_unknown', 'key_lookup_busy'].includes(reply.problem?.code ?? ''), reply.problem?.code)
  }
  for (let round = 0; round < 20; round += 1) assertRefused(await edge.fetch(`/none-${round}`), 'malformed_url', 400)
  await until(async () => (await sum()) - before >= 320, 'the flood is not told')
  assert.equal((await sum()) - before, 320)
  for (const body of bodies.slice(reports)) assert.ok(body.length < 200, `${body.length} bytes`)
  const usage = await api.done('GET', '/usage?by=outcome')
  assert.ok(!usage.items.some((item: any) => names.includes(item.outcome)))
})

test('SIG-13 no report names a picture, a signature or a secret', () => {
  assert.ok(bodies.length > 5 && targets.length > 500)
  const text = Buffer.concat(bodies).toString('latin1')
  for (const part of ['gallery', 'freespace', 'w_80', 'sig=', 'my-app', '127.0.0.1', world.origin.setup.edge_link.slice(12)])
    assert.ok(!text.includes(part), part)
  for (const target of targets) assert.ok(!text.includes(target.slice(-32)))
})

test('CFG-1 SEALPIX_USAGE_SECS says when', async () => {
  const edge = world.newEdge({ SEALPIX_USAGE_SECS: '21' })
  assertRefused(await edge.fetch(sign(newKey(), 98)), 'internal', 500)
  await until(() => edge.said.some((line) => line.includes('SEALPIX_USAGE_SECS is not 1 to 20 seconds')), 'it is not said')
})
