// Under load: the link rotates and nobody is refused for it; strangers flood and a good key works.
import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { assertPicture, newKey, World, type Edge, type Key } from './harness.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const HELD = 'the edge holds the record'
const key = newKey({ limits: { minute: 1_000_000, day: 10_000_000 } })

let world: World
let edge: Edge
let front: Server
let behind = 0
const open = new Set<Socket>()

before(async () => {
  // The network's way to the edge: a new version of the Worker takes over between two requests, as on the platform.
  front = createServer((client) => {
    const onward = connect(behind, '127.0.0.1')
    for (const [side, other] of [[client, onward], [onward, client]] as const) {
      open.add(side.on('error', () => other.destroy()).on('close', () => open.delete(side)))
      side.pipe(other)
    }
  })
  const port = await freePort()
  await new Promise<void>((done) => front.listen(port, '127.0.0.1', done))
  world = new World()
  world.origin.edgeUrl = `http://127.0.0.1:${port}`
  await world.origin.serve()
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [key] }] })
  edge = await takeOver({})
  await world.origin.says([HELD, `key:${key.public_key}`])
})
after(async () => {
  front.close()
  for (const socket of open) socket.destroy()
  await world.stop()
})

/** A new version of the Worker with these secrets, which takes over when it is ready; the one before ends its requests. */
async function takeOver(bindings: Record<string, string>): Promise<Edge> {
  const port = await freePort()
  const next = world.newEdge(bindings, { port })
  assert.equal((await next.fetch('/_sealpix/healthz')).status, 200)
  behind = port
  return next
}

type Said = Map<string, number>

/** Twenty clients that never rest: hits, misses that the origin answers with 404, and pictures anew. */
class Load {
  said: Said = new Map()
  #on = true
  #width = 1_000
  readonly #clients: Promise<void>[]

  constructor() {
    this.#clients = Array.from({ length: 20 }, async (_, client) => {
      while (this.#on) await this.#ask(client)
    })
  }

  async #ask(client: number): Promise<void> {
    // A request goes to the edge of its moment, and counts for the time in which it began.
    const said = this.said
    const target =
      client < 15 ? world.sign(`w_${40 + (client % 4)}`, PHOTO, { key })
      : client < 19 ? world.sign('w_40', '@gallery/none.jpg', { key })
      : world.sign(`w_${(this.#width += 1)}`, PHOTO, { key })
    const { status, problem } = await edge.fetch(target)
    const what = problem === undefined ? String(status) : `${status} ${problem.code}`
    said.set(what, (said.get(what) ?? 0) + 1)
  }

  /** What was said since the last time, of requests that began since then. */
  phase(name: string): Said {
    const said = this.said
    this.said = new Map()
    console.log(`${name}: ${[...said].map(([what, count]) => `${count} x ${what}`).join(', ')}`)
    return said
  }

  /** Waits until so many more answers of a kind have come. */
  async until(what: string, count: number): Promise<void> {
    const till = Date.now() + 30_000
    while ((this.said.get(what) ?? 0) < count) {
      assert.ok(Date.now() < till, `${what}: ${[...this.said].join()}`)
      await pause(10)
    }
  }

  async stop(): Promise<void> {
    this.#on = false
    await Promise.all(this.#clients)
  }
}

function assertOnly(said: Said, allowed: string[]): void {
  for (const what of said.keys()) assert.ok(allowed.includes(what), `${what} of ${[...said].join(' ')}`)
}

const SERVED = ['200', '404 source_not_found']

test('the link rotates under load, and no request is refused for it', async () => {
  const load = new Load()
  try {
    await load.until('404 source_not_found', 100)
    const old = world.origin.setup.edge_link
    let from = world.origin.said.length
    const made = JSON.parse(world.origin.command({ args: ['secrets', 'rotate', 'edge-link', '--json'] }))
    world.guard(made.edge_link.slice(12))
    await load.until('404 source_not_found', 300)
    const first = edge
    edge = await takeOver({ SEALPIX_EDGE_LINK: made.edge_link, SEALPIX_EDGE_LINK_PREVIOUS: old })
    from = await world.origin.says(['the edge has the new edge link'], from)
    await world.origin.says([HELD, `key:${key.public_key}`], from)
    await world.origin.says([HELD, 'project:my-app'], from)
    await load.until('404 source_not_found', 600)
    await world.origin.retireLink()
    await load.until('404 source_not_found', 800)
    edge = await takeOver({ SEALPIX_EDGE_LINK: made.edge_link })
    await load.until('404 source_not_found', 1000)
    assertOnly(load.phase('rotation'), SERVED)
    await first.stop()

    // In wrong hands: the secret is cut, and only what needs the origin waits for the new one.
    const kept = world.sign('w_40', PHOTO, { key })
    assertPicture(await edge.warm(kept), 'hit')
    const cut = JSON.parse(world.origin.command({ args: ['secrets', 'rotate', 'edge-link', '--compromised', '--json'] }))
    world.guard(cut.edge_link.slice(12))
    await load.until('502 origin_unreachable', 20)
    await load.until('200', 100)
    assertPicture(await edge.fetch(kept), 'hit')
    edge = await takeOver({ SEALPIX_EDGE_LINK: cut.edge_link })
    assertOnly(load.phase('compromised, until the Worker has the new secret'), [...SERVED, '502 origin_unreachable'])
    await load.until('404 source_not_found', 200)
    await load.until('200', 200)
    assertOnly(load.phase('after'), SERVED)
  } finally {
    await load.stop()
  }
})

test('SIG-11 two thousand invented keys at once: a good key and its misses go on', async () => {
  const strangers: Key[] = Array.from({ length: 2_000 }, () => newKey())
  const targets = strangers.map((stranger) => world.sign('w_40', PHOTO, { key: stranger }))
  const kept = world.sign('w_41', PHOTO, { key })
  assertPicture(await edge.warm(kept), 'hit')
  const asked = world.origin.said.length
  let flooding = true
  const rest = targets.entries()
  const codes = new Map<string, number>()
  const flood = Promise.all(Array.from({ length: 100 }, async () => {
    for (const [, target] of rest) {
      const { problem } = await edge.fetch(target)
      codes.set(problem?.code ?? 'none', (codes.get(problem?.code ?? 'none') ?? 0) + 1)
    }
  })).then(() => (flooding = false))
  let good = 0
  for (; flooding; good += 1) {
    assertPicture(await edge.fetch(kept), 'hit')
    assert.equal((await edge.fetch(world.sign(`w_${600 + good}`, PHOTO, { key }))).status, 200)
  }
  await flood
  console.log(`${good} hits and misses beside ${[...codes].map(([code, count]) => `${count} x ${code}`).join(', ')}`)
  assert.ok(good > 0)
  assert.deepEqual([...codes.keys()].filter((code) => code !== 'key_unknown' && code !== 'key_lookup_busy'), [])
  // Remembered: a stranger that is known to be none asks nobody again.
  const again = world.sign('w_42', PHOTO, { key: strangers[0] as Key })
  for (let round = 0; round < 2; round += 1) assert.match((await edge.fetch(again)).problem?.code ?? '', /^key_(unknown|lookup_busy)$/)
  assert.ok(!world.origin.said.slice(asked).some((line) => line.includes('panick')))
})
