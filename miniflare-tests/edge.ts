// The Worker in its own runtime: the built one under Miniflare, with real KV, Cache API, Durable Objects and rate limiter.
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Log, LogLevel, Miniflare, type RemoteProxyConnectionString } from 'miniflare'
import type { FailingKv, Namespace } from './failing-kv.ts'
import { top } from './origin.ts'

export type Problem = { code: string; detail: string; status: number; title: string; request_id: string }
export type Reply = { status: number; headers: Headers; body: Buffer; problem: Problem | undefined }


/** `Cache-Status`, but for the time that the copy has left: that is `timeLeft`. */
export const cacheStatus = (reply: Reply): string | undefined => reply.headers.get('Cache-Status')?.replace(/; ttl=\d+$/, '')

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
