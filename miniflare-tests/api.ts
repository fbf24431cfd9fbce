// A client of the admin API, as a person's browser or a script would be one.
import assert from 'node:assert/strict'

export type Answer = { status: number; body: any; headers: Headers }

export class Api {
  readonly url: () => string
  readonly token: string | undefined

  constructor(url: () => string, token?: string) {
    this.url = url
    this.token = token
  }

  /** The same API with another bearer. */
  as(token: string | undefined): Api {
    return new Api(this.url, token)
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const sent = new Headers(headers)
    if (this.token !== undefined) sent.set('Authorization', `Bearer ${this.token}`)
    if (body !== undefined) sent.set('Content-Type', 'application/json')
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const reply = await fetch(`${this.url()}/api/v1${path}`, { method, headers: sent, ...content })
    const text = await reply.text()
    const isJson = /json/.test(reply.headers.get('Content-Type') ?? '') && !/ndjson/.test(reply.headers.get('Content-Type') ?? '')
    return { status: reply.status, body: isJson && text !== '' ? JSON.parse(text) : text, headers: reply.headers }
  }

  /** Asks for what must go well. */
  async done(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<any> {
    const answer = await this.ask(method, path, body, headers)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`)
    return answer.body
  }

  /** Asks for what must be refused. */
  async refused(status: number, code: string, method: string, path: string, body?: unknown): Promise<void> {
    const answer = await this.ask(method, path, body)
    assert.deepEqual([answer.status, answer.body.code], [status, code], `${method} ${path}: ${JSON.stringify(answer.body)}`)
  }
}
