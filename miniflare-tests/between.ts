// A proxy between the edge and the origin that can hold back the answers to pulls, as a slow network would.
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export class Between {
  readonly #server: Server
  #held: Promise<void> | undefined
  #pulled = (): void => {}

  constructor(origin: () => string) {
    this.#server = createServer((asked, reply) => {
      const onward = request(origin() + asked.url, { method: asked.method ?? 'GET', headers: asked.headers }, async (answer) => {
        const body = Buffer.concat(await answer.toArray())
        if (asked.url?.startsWith('/api/edge/v1/records') === true && this.#held !== undefined) {
          this.#pulled()
          await this.#held
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

  /** Holds back pulls from now on: `pulled` comes about when the origin has answered one, `release` lets them go. */
  hold(): { pulled: Promise<void>; release: () => void } {
    let release = (): void => {}
    this.#held = new Promise((done) => (release = done))
    const pulled = new Promise<void>((done) => (this.#pulled = done))
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
