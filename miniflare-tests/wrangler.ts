// `wrangler dev` with the real wrangler.toml, for the demo and for the guide's test.
import { spawn, type ChildProcess } from 'node:child_process'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { writeFileSync } from 'node:fs'

const top = resolve(import.meta.dirname, '..')
export const environment = { ...process.env, WRANGLER_SEND_METRICS: 'false', SEALPIX_SKIP_BUILD: '1', CI: 'true' }

/** A Worker under wrangler, with its state in a folder. */
export class Wrangler {
  readonly url: string
  readonly #folder: string
  readonly #port: number
  #child: ChildProcess | undefined

  constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
    this.url = `http://127.0.0.1:${port}`
  }

  /** Starts it, with secrets and variables over those of the file; ready when the Worker answers. */
  async start(variables: Record<string, string>, more: string[] = []): Promise<void> {
    const secrets = join(this.#folder, 'dev.vars')
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(secrets, lines.join(''), { mode: 0o600 })
    const args = ['wrangler', 'dev', '--port', String(this.#port), '--ip', '127.0.0.1', '--inspector-port', '0', ...more]
    args.push('--env-file', secrets, '--persist-to', join(this.#folder, 'edge'), '--show-interactive-dev-session=false')
    const child = spawn('npx', args, { cwd: top, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    this.#child = child
    const said: string[] = []
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', (line) => said.push(line))
    for (let waited = 0; waited < 600; waited += 1) {
      if (child.exitCode !== null) break
      const health = await fetch(`${this.url}/_sealpix/healthz`).catch(() => undefined)
      if (health?.status === 200) return
      await new Promise((done) => setTimeout(done, 100))
    }
    throw new Error(`the Worker did not start under wrangler:\n${said.join('\n')}`)
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** Ends it with all that it has started: its first process goes before those that still listen. */
  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null) return
    const ended = new Promise((done) => child.once('exit', done))
    process.kill(-child.pid, 'SIGTERM')
    await ended
    for (let waited = 0; waited < 200; waited += 1) {
      const listens = await fetch(`${this.url}/_sealpix/healthz`).then(() => true, () => false)
      if (!listens) return
      await new Promise((done) => setTimeout(done, 50))
    }
    throw new Error(`something still listens at ${this.url}`)
  }
}
