// The real Worker under Miniflare in front of the real origin, each test file with its own pair.
//
// `start()` gives a world: a data folder set up by the command line, `sealpix serve` on a free port, and the built
// Worker with real KV and Cache API. Nothing is stubbed. `SEALPIX_BIN` names another binary than the debug build's.
import assert from 'node:assert/strict'
import { hkdfSync } from 'node:crypto'
import { sign } from '../docs/examples/sign.mjs'
import { Edge, cacheStatus, type Place, type Reply } from './edge.ts'
import { Origin, type Key } from './origin.ts'

export * from './edge.ts'
export * from './origin.ts'

/** The documentation's own signing example, with the types that its language does not write. */
const signTarget: (
  ...parts: [secret: string, project: string, key: string, operations: string, source: string, exp?: any]
) => string = sign


export const now = (): number => Math.floor(Date.now() / 1000)

/** How many seconds the cache's copy is fresh still; not a number where nothing is said of it. */
export const timeLeft = (reply: Reply): number => Number(/; ttl=(\d+)$/.exec(reply.headers.get('Cache-Status') ?? '')?.[1])

/** A refusal: its code and status, and what every refusal carries (HDR-1, CACHE-4). */
export function assertRefused(reply: Reply, code: string, status: number): void {
  assert.equal(reply.problem?.code, code, `${reply.status} ${reply.body.toString().slice(0, 300)}`)
  assert.equal(reply.status, status)
  assert.equal(reply.problem.status, status)
  assert.equal(reply.headers.get('Sealpix-Code'), code)
  assert.equal(reply.problem.request_id, reply.headers.get('Sealpix-Request-Id'))
  assert.equal(reply.headers.get('Cache-Control'), 'no-store')
  assertProtected(reply)
}

/** Asks again while the edge has spent this second's pulls for names that it does not know: a test invents many. */
export async function patiently<Answer>(ask: () => Promise<Answer>, code: (answer: Answer) => string | undefined): Promise<Answer> {
  const until = Date.now() + 10_000
  for (;;) {
    const answer = await ask()
    if (code(answer) !== 'key_lookup_busy' || Date.now() > until) return answer
  }
}

/** The headers of every answer. */
export function assertProtected(reply: Reply): void {
  assert.equal(reply.headers.get('X-Content-Type-Options'), 'nosniff')
  assert.equal(reply.headers.get('Content-Security-Policy'), "default-src 'none'; sandbox")
  assert.equal(reply.headers.get('Cross-Origin-Resource-Policy'), 'cross-origin')
  assert.equal(reply.headers.get('Access-Control-Allow-Origin'), '*')
}

/** A picture, from the cache or not. */
export function assertPicture(reply: Reply, status: string): void {
  assert.equal(reply.status, 200, reply.problem?.code)
  assert.equal(cacheStatus(reply), `sealpix; ${status}`)
  assertProtected(reply)
}

/** An origin and an edge in front of it. */
export class World {
  readonly origin: Origin
  readonly #edges: Edge[] = []
  readonly #secrets = new Set<string>()

  constructor(environment: Record<string, string> = {}) {
    this.origin = new Origin(environment)
  }

  get edge(): Edge {
    const [edge] = this.#edges
    if (edge === undefined) throw new Error('the world has not started')
    return edge
  }

  /** One more edge of the same origin, with variables of its own; an empty one is left out. */
  newEdge(bindings: Record<string, string> = {}, place: Place = {}): Edge {
    const { setup, url } = this.origin
    const all = { SEALPIX_ORIGIN: url, SEALPIX_EDGE_LINK: setup.edge_link, ...bindings }
    const edge = new Edge(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')), place)
    this.#edges.push(edge)
    return edge
  }

  /** A secret that no log may hold. */
  guard(secret: string): void {
    this.#secrets.add(secret)
  }

  /** Signs with the project's first key, or with another. */
  sign(operations: string, source: string, options: { exp?: number; key?: Key; project?: string } = {}): string {
    const { key = this.origin.setup, project = 'my-app', exp } = options
    const target = signTarget(key.secret_key, project, key.public_key, operations, source, exp?.toString())
    const secret = Buffer.from(key.secret_key.slice(3), 'base64url')
    const signing = Buffer.from(hkdfSync('sha256', secret, '', 'sealpix/url-signing/v1', 32))
    this.#secrets.add(key.secret_key.slice(3)).add(signing.toString('base64url')).add(target.slice(-32))
    return target
  }

  /** Ends everything, and reads all that was said for secrets (SIG-13). */
  async stop(): Promise<void> {
    await Promise.all(this.#edges.map((edge) => edge.stop()))
    await this.origin.stop()
    this.origin.remove()
    const secrets = [...this.#secrets, this.origin.setup.edge_link.slice(12)]
    const said = [this.origin, ...this.#edges].flatMap((side) => side.said)
    assert.ok(said.length > 0, 'both sides log')
    for (const line of said) {
      const leaked = secrets.find((secret) => line.includes(secret))
      assert.equal(leaked, undefined, `SIG-13: a secret or a signature in the log: ${line}`)
    }
  }
}

export async function start(bindings: Record<string, string> = {}): Promise<World> {
  const world = new World()
  await world.origin.serve()
  world.newEdge(bindings)
  return world
}
