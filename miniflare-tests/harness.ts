// The real Worker under Miniflare in front of the real origin, each test file with its own pair.
//
// `start()` gives a world: a data folder set up by the command line, `sealpix serve` on a free port, and the built
// Worker with real KV and Cache API. Nothing is stubbed. `SEALPIX_BIN` names another binary than the debug build's.
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { hkdfSync, randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { Log, LogLevel, Miniflare, type RemoteProxyConnectionString } from 'miniflare'
import { sign } from '../docs/examples/sign.mjs'
import type { FailingKv, Namespace } from './failing-kv.ts'
import { prove } from './link.ts'

/** The documentation's own signing example, with the types that its language does not write. */
const signTarget: (
  ...parts: [secret: string, project: string, key: string, operations: string, source: string, exp?: any]
) => string = sign

const top = resolve(import.meta.dirname, '..')
const binary = resolve(top, process.env.SEALPIX_BIN ?? 'target/debug/sealpix')

export type Setup = { project: string; public_key: string; secret_key: string; edge_link: string }
export type Key = {
  public_key: string
  secret_key: string
  state?: 'active' | 'revoked'
  not_after?: number
  limits?: { minute: number; day: number }
  policy?: Record<string, unknown>
}
export type Project = {
  slug: string
  environment?: 'production' | 'staging' | 'development'
  referers?: string[]
  require_referer?: boolean
  sources?: string[]
  grants?: string[]
  presets?: Record<string, string>
  caching?: { ttl_secs: number; public?: boolean }
  keys?: Key[]
}
export type Problem = { code: string; detail: string; status: number; title: string; request_id: string }
export type Reply = { status: number; headers: Headers; body: Buffer; problem: Problem | undefined }

/** How a command ended, and what it printed. */
export type Ended = { status: number | null; stdout: string; stderr: string }

export const newKey = (rest: Omit<Key, 'public_key' | 'secret_key'> = {}): Key => ({
  public_key: 'pk_' + randomBytes(16).toString('base64url'),
  secret_key: 'sk_' + randomBytes(32).toString('base64url'),
  ...rest,
})

export const now = (): number => Math.floor(Date.now() / 1000)

/** The origin: a process, its folder, and everything that it says. */
export class Origin {
  readonly folder: string
  readonly gallery: string
  readonly data: string
  readonly said: string[] = []
  readonly setup: Setup
  readonly #more: Record<string, string>
  url = ''
  /** Where records are pushed to; nowhere unless it is set before the origin serves. */
  edgeUrl = ''
  #process: ChildProcess | undefined

  /** With more variables of the environment; `beside` another origin it is one more instance of the same registry. */
  constructor(more: Record<string, string> = {}, beside?: Origin) {
    this.#more = more
    this.folder = beside?.folder ?? mkdtempSync(join(tmpdir(), 'sealpix-test-'))
    this.gallery = join(this.folder, 'gallery')
    this.data = join(this.folder, 'data')
    if (beside !== undefined) {
      this.setup = beside.setup
      this.edgeUrl = beside.edgeUrl
      return
    }
    cpSync(join(import.meta.dirname, 'photos'), this.gallery, { recursive: true })
    const args = ['setup', '--json', '--project', 'my-app', '--gallery', this.gallery]
    this.setup = JSON.parse(this.command({ args })) as Setup
  }

  get #environment(): NodeJS.ProcessEnv {
    const pushing = this.edgeUrl === '' ? {} : { SEALPIX_EDGE_URL: this.edgeUrl }
    const { folder, data } = this
    return { PATH: process.env.PATH, SEALPIX_DATA_DIR: data, SEALPIX_FILE_ROOTS: folder, SEALPIX_SOURCE_TIMEOUT_SECS: '2', ...pushing, ...this.#more }
  }

  /** One more instance of the same registry. */
  sibling(): Origin {
    return new Origin(this.#more, this)
  }

  /** The token of the first run, as the start prints it. */
  setupToken(): string {
    const [, token] = /(setup_[A-Za-z0-9_-]{43})/.exec(this.said.join('\n')) ?? []
    if (token === undefined) throw new Error(`no setup token: ${this.said.join('\n')}`)
    return token
  }

  /** Runs the command line; its standard output. */
  command({ args, environment = {} }: { args: string[]; environment?: Record<string, string> }): string {
    const env = { ...this.#environment, ...environment }
    const { status, stdout, stderr, error } = spawnSync(binary, args, { env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`sealpix ${args.join(' ')}: ${error?.message ?? stderr}`)
    return stdout
  }

  /** Runs the command line while others go on; however it ends. */
  async run({ args, environment = {} }: { args: string[]; environment?: Record<string, string> }): Promise<Ended> {
    const child = spawn(binary, args, { env: { ...this.#environment, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr] = [child.stdout.toArray(), child.stderr.toArray()]
    const status = await new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done))
    return { status, stdout: Buffer.concat(await stdout).toString(), stderr: Buffer.concat(await stderr).toString() }
  }

  apply(state: { projects: Project[] }): void {
    const file = join(this.folder, 'state.json')
    writeFileSync(file, JSON.stringify({ ...state, sources: [{ name: 'gallery', kind: 'file', root: this.gallery }] }))
    this.command({ args: ['registry', 'apply', file] })
  }

  async serve(): Promise<void> {
    const listen = this.url === '' ? '127.0.0.1:0' : this.url.replace('http://', '')
    const child = spawn(binary, ['serve', '--listen', listen], { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    createInterface({ input: child.stderr }).on('line', (line) => this.said.push(line))
    this.url = await new Promise((done, fail) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.said.push(line)
        const [, url] = /^listening on (http:\S+)$/.exec(line) ?? []
        if (url !== undefined) done(url)
      })
      child.on('error', fail)
      child.on('exit', (code) => fail(new Error(`the origin ended with ${code}: ${this.said.join('\n')}`)))
    })
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    await new Promise((done) => child.once('exit', done).kill())
  }

  /** Waits for a line of its log from the `from`th on that has all of `parts`; the line's number. */
  async says(parts: string[], from = 0): Promise<number> {
    const until = Date.now() + 20_000
    for (;;) {
      const at = this.said.findIndex((line, at) => at >= from && parts.every((part) => line.includes(part)))
      if (at >= 0) return at
      if (Date.now() > until) throw new Error(`the origin never said ${parts.join(' and ')}: ${this.said.slice(from).join('\n')}`)
      await pause(10)
    }
  }

  /** Stops while something is done. */
  async away(work: () => Promise<void>): Promise<void> {
    await this.stop()
    try {
      await work()
    } finally {
      await this.serve()
    }
  }

  /** Retires the old edge link, as soon as every record stands under the new one. */
  async retireLink(): Promise<void> {
    for (const until = Date.now() + 20_000; ; await pause(100)) {
      try {
        this.command({ args: ['secrets', 'retire', 'edge-link'] })
        return
      } catch (error) {
        assert.ok(Date.now() < until, String(error))
      }
    }
  }

  /** Removes the folder with all that is in it. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The sealed records, as the edge pulls them. */
  async records(key: string, project: string): Promise<{ key: string | null; project: string | null }> {
    const target = `/api/edge/v1/records?key=${key}&project=${project}`
    const proof = prove(this.setup.edge_link, target)
    const reply = await fetch(this.url + target, { headers: { 'Sealpix-Proof': proof } })
    if (reply.status !== 200) throw new Error(`records: ${reply.status} ${await reply.text()}`)
    const [first, second] = (await reply.text()).split('\n').map((line) => (line === '-' ? null : line))
    return { key: first ?? null, project: second ?? null }
  }
}

/** A port to listen on, a folder in which KV outlives the isolate, namespaces that fail, another build and its modules (the
 * first is the entry), another `cf`. */
export type Place = {
  port?: number
  kv?: string
  failing?: FailingKv[]
  build?: string
  scripts?: string[]
  cf?: Record<string, unknown>
  /** The KV namespaces that work; only RECORDS unless said. */
  namespaces?: string[]
  /** Binds the Durable Objects of exact counting, kept in a folder if one is named. */
  objects?: string | true
  /** Requests of an address in a minute. */
  addressLimit?: number
}

/** The real namespace behind one that fails. */
const behind = (binding: string): string => `${binding}_BEHIND`

/** The Worker in its own runtime: an isolate with empty memory, KV and cache. */
export class Edge {
  readonly said: string[] = []
  readonly #miniflare: Miniflare
  readonly #records: string
  #stopped = false

  constructor(bindings: Record<string, string>, place: Place = {}) {
    const { build = join(top, 'edge', 'build'), scripts = ['index.js'], failing = [], namespaces = ['RECORDS'] } = place
    const said = this.said
    this.#miniflare = new Miniflare({
      rootPath: build,
      modulesRoot: build,
      modules: [
        ...scripts.map((script) => ({ type: 'ESModule' as const, path: join(build, script) })),
        { type: 'CompiledWasm', path: join(build, 'index_bg.wasm') },
      ],
      compatibilityDate: '2026-07-30',
      kvNamespaces: Object.fromEntries([
        ...namespaces.map((binding) => [binding, binding]),
        ...failing.flatMap(({ binding, url }) => [
          [binding, { id: binding, remoteProxyConnectionString: url as RemoteProxyConnectionString }],
          [behind(binding), binding],
        ]),
      ]) as Record<string, string>,
      ...(place.port === undefined ? {} : { port: place.port }),
      ...(place.kv === undefined ? {} : { kvPersist: place.kv }),
      ...(place.objects === undefined
        ? {}
        : { durableObjects: { KEY_COUNTER: { className: 'KeyCounter', useSQLite: true } }, ...(place.objects === true ? {} : { durableObjectsPersist: place.objects }) }),
      ...(place.addressLimit === undefined
        ? {}
        : { ratelimits: { ADDRESS_LIMIT: { namespace_id: '1', simple: { limit: place.addressLimit, period: 60 as const } } } }),
      bindings,
      cf: place.cf ?? { colo: 'TST' },
      log: new Log(LogLevel.NONE),
      handleRuntimeStdio(stdout: NodeJS.ReadableStream, stderr: NodeJS.ReadableStream) {
        for (const input of [stdout, stderr]) createInterface({ input }).on('line', (line) => said.push(line))
      },
    })
    for (const kv of failing) kv.namespace = () => this.#namespace(behind(kv.binding))
    this.#records = failing.some(({ binding }) => binding === 'RECORDS') ? behind('RECORDS') : 'RECORDS'
  }

  async #namespace(binding: string): Promise<Namespace> {
    const namespace: unknown = await this.#miniflare.getKVNamespace(binding)
    return namespace as Namespace
  }

  /** What a namespace lists. */
  async list(binding: string): Promise<{ name: string; metadata?: unknown }[]> {
    return (await (await this.#namespace(binding)).list({})).keys
  }

  async store(name: string, sealed: string): Promise<void> {
    await (await this.#namespace(this.#records)).put(name, sealed, {})
  }

  /** Where it answers. */
  async url(): Promise<string> {
    return new URL(await this.#miniflare.ready).origin
  }

  async fetch(target: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
    const url = new URL(await this.#miniflare.ready)
    // Not `new URL(target, …)`: the path goes out as it is.
    const reply = await fetch(`http://${url.host}${target}`, { method, headers, redirect: 'manual' })
    const body = Buffer.from(await reply.arrayBuffer())
    const isProblem = reply.headers.get('Content-Type')?.startsWith('application/problem+json') === true
    const problem = isProblem && body.length > 0 ? (JSON.parse(body.toString()) as Problem) : undefined
    return { status: reply.status, headers: reply.headers, body, problem }
  }

  /** Sends a target byte for byte, as no URL parser lets it through; the status and the denial's code, if there is one. */
  async send(target: string, headers: Record<string, string> = {}, method = 'GET'): Promise<{ status: number; code: string }> {
    const { host } = new URL(await this.#miniflare.ready)
    const lines = Object.entries({ Host: host, Connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`)
    return this.raw(`${[`${method} ${target} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`)
  }

  /** Sends any bytes. Status 0 is a connection that the runtime closed without an answer; `ours` an answer of the edge's. */
  async raw(bytes: Buffer | string): Promise<{ status: number; code: string; ours: boolean; text: string }> {
    const { hostname, port } = new URL(await this.#miniflare.ready)
    const socket = connect(Number(port), hostname)
    socket.end(bytes)
    const chunks: Buffer[] = []
    // A reset ends the answer: what came before it is the answer.
    await new Promise<void>((done) => socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => done()).on('close', () => done()))
    const text = Buffer.concat(chunks).toString()
    const [, status = '0'] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? []
    const [, code = ''] = /"code":"([a-z_]+)"/.exec(text) ?? []
    return { status: Number(status), code, ours: /^sealpix-request-id:/im.test(text), text }
  }

  /** Asks for a picture, and goes away when `when` comes about, or once the picture has begun to come. */
  async leave(target: string, when?: Promise<void>): Promise<void> {
    const url = new URL(await this.#miniflare.ready)
    const leaving = new AbortController()
    void when?.then(() => leaving.abort())
    try {
      const reply = await fetch(`http://${url.host}${target}`, { signal: leaving.signal })
      await reply.body?.getReader().read()
      leaving.abort()
    } catch {
      // It has left.
    }
  }

  /** Fetches until the cache answers: storing goes on behind the first answer's back. */
  async warm(target: string, headers: Record<string, string> = {}): Promise<Reply> {
    for (let round = 0; round < 200; round += 1) {
      const reply = await this.fetch(target, headers)
      if (reply.status !== 200 || cacheStatus(reply) === 'sealpix; hit') return reply
    }
    throw new Error('the cache never answers')
  }

  /** What KV holds of a name. */
  async stored(name: string): Promise<string | null> {
    return (await (await this.#namespace(this.#records)).getWithMetadata(name)).value
  }

  /** Posts a body as the origin would; the status, and the text or the denial's code. */
  async post(target: string, body: string, headers: Record<string, string>): Promise<{ status: number; says: string }> {
    const url = new URL(await this.#miniflare.ready)
    const reply = await fetch(`http://${url.host}${target}`, { method: 'POST', headers, body })
    const text = await reply.text()
    return { status: reply.status, says: reply.headers.get('Sealpix-Code') ?? text }
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.#miniflare.dispose()
  }
}

/** `Cache-Status`, but for the time that the copy has left: that is `timeLeft`. */
export const cacheStatus = (reply: Reply): string | undefined => reply.headers.get('Cache-Status')?.replace(/; ttl=\d+$/, '')

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
