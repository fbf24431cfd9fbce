// A proxy between the edge and the origin that counts what passes, and can hold back answers, as a slow network would.
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

type What = 'pulls' | 'pictures' | 'reports'

export class Between {
  /** The targets of the pictures that the origin was asked for. */
  readonly pictures: string[] = []
  /** Whether pictures are refused, so that only the cache has any. */
  refusing = false
  readonly #server: Server
  #held: { what: What; until: Promise<void>; pulled: () => void } | undefined

  constructor(origin: () => string) {
    this.#server = createServer((asked, reply) => {
      const target = asked.url ?? ''
      const what: What = target.startsWith('/api/edge/v1/records') ? 'pulls' : target.startsWith('/api/') ? 'reports' : 'pictures'
      if (what === 'pictures') {
        if (this.refusing) {
          asked.socket.destroy()
          return
        }
        this.pictures.push(target)
      }
      const onward = request(origin() + target, { method: asked.method ?? 'GET', headers: asked.headers }, async (answer) => {
        const body = Buffer.concat(await answer.toArray())
        if (this.#held?.what === what) {
          this.#held.pulled()
          await this.#held.until
        }
        reply.writeHead(answer.statusCode ?? 500, answer.headers).end(body)
      })
      onward.on('error', () => reply.destroy())
      asked.pipe(onward)
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}`
  }

  /** Holds answers back from now on: `pulled` comes about when the origin has given one, `release` lets them go. */
  hold(what: What = 'pulls'): { pulled: Promise<void>; release: () => void } {
    let release = (): void => {}
    let isPulled = (): void => {}
    const pulled = new Promise<void>((done) => (isPulled = done))
    this.#held = { what, until: new Promise((done) => (release = done)), pulled: isPulled }
    return {
      pulled,
      release: () => {
        this.#held = undefined
        release()
      },
    }
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
