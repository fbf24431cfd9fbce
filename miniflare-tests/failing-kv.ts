// A KV namespace that can be made to fail, in the runtime itself. HOW TO USE IT, for records and counters alike:
//
//   const kv = await FailingKv.start('COUNTERS')            // the binding's name in the Worker
//   const edge = world.newEdge({}, { failing: [kv] })       // beside RECORDS, or in its place
//   kv.fail('put', 429); kv.fail('list'); kv.slow('get', 3000); kv.heal()
//   kv.calls.list                                           // what reached KV; kv.stop() at the end
//
// Nothing is made up inside the Worker: it holds the runtime's own KvNamespace, whose requests leave over the road that
// wrangler has for remote bindings, to the server here. That one answers with a status, late, or hands the request on to
// a real namespace of the same Miniflare. So a failure is worded by the runtime: `KV PUT failed: 429 Too Many Requests`.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export type Operation = 'get' | 'put' | 'list' | 'delete'

/** The real namespace behind it. The platform's types are a package of their own, for four methods. */
export type Namespace = {
  getWithMetadata(name: string): Promise<{ value: string | null; metadata: unknown }>
  put(name: string, text: string, options: { expiration?: number; expirationTtl?: number; metadata?: unknown }): Promise<void>
  delete(name: string): Promise<void>
  list(options: { prefix?: string; limit?: number; cursor?: string }): Promise<{
    keys: { name: string; expiration?: number; metadata?: unknown }[]
    list_complete: boolean
    cursor?: string
  }>
}

export class FailingKv {
  readonly binding: string
  readonly calls: Record<Operation, number> = { get: 0, put: 0, list: 0, delete: 0 }
  /** The namespace that holds what is put; set by the edge that binds this one. */
  namespace: () => Promise<Namespace> = () => Promise.reject(new Error('no edge binds this namespace'))
  readonly #failing = new Map<Operation, number>()
  readonly #slow = new Map<Operation, number>()
  readonly #server: Server

  private constructor(binding: string) {
    this.binding = binding
    this.#server = createServer((asked, reply) => {
      this.#answer(asked, reply).catch((error: unknown) => reply.writeHead(500).end(String(error)))
    })
  }

  static async start(binding = 'RECORDS'): Promise<FailingKv> {
    const kv = new FailingKv(binding)
    await new Promise<void>((done) => kv.#server.listen(0, '127.0.0.1', done))
    return kv
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`)
  }

  /** Answers an operation with a status from now on. */
  fail(operation: Operation, status = 500): void {
    this.#failing.set(operation, status)
  }

  /** Answers an operation that much later from now on. */
  slow(operation: Operation, millis: number): void {
    this.#slow.set(operation, millis)
  }

  /** Everything fails: KV is down. */
  down(): void {
    for (const operation of ['get', 'put', 'list', 'delete'] as const) this.fail(operation, 503)
  }

  /** As if nothing had been. */
  heal(): void {
    this.#failing.clear()
    this.#slow.clear()
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #answer(asked: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body = Buffer.concat(await asked.toArray()).toString()
    const { pathname, searchParams } = new URL(String(asked.headers['mf-url']))
    const name = decodeURIComponent(pathname.slice(1))
    const operation = asked.method === 'PUT' ? 'put' : asked.method === 'DELETE' ? 'delete' : name === '' ? 'list' : 'get'
    this.calls[operation] += 1
    await pause(this.#slow.get(operation) ?? 0, undefined, { ref: false })
    const status = this.#failing.get(operation)
    if (status !== undefined) {
      reply.writeHead(status).end()
      return
    }
    const namespace = await this.namespace()
    const number = (parameter: string, option: string): Record<string, number> => {
      const text = searchParams.get(parameter)
      return text === null ? {} : { [option]: Number(text) }
    }
    const text = (parameter: string): Record<string, string> => {
      const text = searchParams.get(parameter)
      return text === null ? {} : { [parameter]: text }
    }
    if (operation === 'get') {
      const { value, metadata } = await namespace.getWithMetadata(name)
      const described = metadata === null ? {} : { 'CF-KV-Metadata': JSON.stringify(metadata) }
      reply.writeHead(value === null ? 404 : 200, described).end(value ?? '')
    } else if (operation === 'put') {
      const metadata = asked.headers['mf-header-cf-kv-metadata']
      const described = typeof metadata === 'string' ? { metadata: JSON.parse(metadata) as unknown } : {}
      const options = { ...number('expiration', 'expiration'), ...number('expiration_ttl', 'expirationTtl'), ...described }
      await namespace.put(name, body, options)
      reply.end()
    } else if (operation === 'delete') {
      await namespace.delete(name)
      reply.end()
    } else {
      const { keys, ...rest } = await namespace.list({ ...text('prefix'), ...text('cursor'), ...number('key_count_limit', 'limit') })
      // As the runtime expects it: each key's metadata is JSON inside of JSON.
      const worded = keys.map(({ metadata, ...key }) => (metadata == null ? key : { ...key, metadata: JSON.stringify(metadata) }))
      reply.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: worded, ...rest, cacheStatus: null }))
    }
  }
}
