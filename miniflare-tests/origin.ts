// The origin as a process: a data folder set up by the command line, `sealpix serve` on a free port, and what it says.
// `SEALPIX_BIN` names another binary than the debug build's.
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { prove } from './link.ts'

export const top = resolve(import.meta.dirname, '..')
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
  fallback?: { source: string; ttl_secs?: number }
  keys?: Key[]
}

/** How a command ended, and what it printed. */
export type Ended = { status: number | null; stdout: string; stderr: string }

export const newKey = (rest: Omit<Key, 'public_key' | 'secret_key'> = {}): Key => ({
  public_key: 'pk_' + randomBytes(16).toString('base64url'),
  secret_key: 'sk_' + randomBytes(32).toString('base64url'),
  ...rest,
})


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

  /** The process, while it serves. */
  get pid(): number {
    const pid = this.#process?.pid
    if (pid === undefined) throw new Error('the origin does not serve')
    return pid
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
