// One subject in a workerd process of its own: the Worker, a cache, a KV namespace, a socket. No Miniflare, whose own
// entry Worker would be part of every figure.
//
// The cache and the KV namespace are services in the same process and the same for every subject (platform/).
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { buildSync } from 'esbuild'

const top = resolve(import.meta.dirname, '..', '..')
export const workerd = join(top, 'node_modules', 'workerd', 'bin', 'workerd')

/** A module of a Worker, as it is deployed. */
export type Module = { name: string; file: string; kind: 'esModule' | 'wasm' }
export type Bindings = Record<string, string>
export type Reply = { status: number; headers: [name: string, value: string][]; body: Buffer; bytes: number }

/** Writes a subject in TypeScript as the one module that would be deployed: bundled and made small, as ours is. */
export function bundled(folder: string, from: string): Module {
  const file = join(folder, `${from.replace('/', '-')}.js`)
  buildSync({
    entryPoints: [join(import.meta.dirname, `${from}.ts`)],
    bundle: true, minify: true, format: 'esm', target: 'es2024', outfile: file, logLevel: 'error',
  })
  return { name: 'index.js', file, kind: 'esModule' }
}

const quoted = (text: string): string => JSON.stringify(text)

export class Runtime {
  readonly #folder: string
  #process: ChildProcess | undefined
  #port = 0

  /** A Worker of these modules with these variables, in a folder of its own below `folder`. */
  constructor(folder: string, name: string, modules: Module[], bindings: Bindings, sealed: Record<string, string>) {
    this.#folder = join(folder, name)
    mkdirSync(this.#folder, { recursive: true })
    const worker = (modules: Module[], more: string): string => {
      const lines = modules.map(({ name, file, kind }, at) => {
        const here = `${modules.length}-${at}-${file.split('/').at(-1)}`
        copyFileSync(file, join(this.#folder, here))
        return `(name = ${quoted(name)}, ${kind} = embed ${quoted(here)})`
      })
      return `(compatibilityDate = "2026-07-30", modules = [${lines.join(', ')}], ${more})`
    }
    const texts = Object.entries(bindings).map(([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`)
    const all = [...texts, '(name = "RECORDS", kvNamespace = "kv")']
    const sealedText = `bindings = [(name = "SEALED", text = ${quoted(JSON.stringify(sealed))})]`
    writeFileSync(join(this.#folder, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "subject", worker = ${worker(modules, `bindings = [${all.join(', ')}], cacheApiOutbound = "cache"`)}),
    (name = "cache", worker = ${worker([bundled(folder, 'platform/cache')], '')}),
    (name = "kv", worker = ${worker([bundled(folder, 'platform/kv')], sealedText)}),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "main", address = "127.0.0.1:0", http = (), service = "subject")],
);
`)
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Starts the process, and waits until it listens. What its Worker logs is written to nowhere. */
  async start(): Promise<void> {
    const args = ['serve', join(this.#folder, 'config.capnp'), '--control-fd=3']
    const child = spawn(workerd, args, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
    this.#process = child
    const control = child.stdio[3] as Readable
    this.#port = await new Promise<number>((done, fail) => {
      let said = ''
      control.on('data', (chunk) => {
        said += String(chunk)
        const [, port] = /"port":(\d+)/.exec(said) ?? []
        if (port !== undefined) done(Number(port))
      })
      child.once('error', fail)
      child.once('exit', (code) => fail(new Error(`workerd ended with ${code}`)))
    })
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    await new Promise((done) => child.once('exit', done).kill('SIGKILL'))
  }

  /** The processor time of the process so far, in microseconds; 0 where /proc does not tell. */
  cpuMicros(): number {
    try {
      // Fields 14 and 15 of proc(5)'s stat, behind the name in brackets: hundredths of a second.
      const fields = readFileSync(`/proc/${this.#process?.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) * 10_000
    } catch {
      return 0
    }
  }

  /** One request on a connection of its own; the answer, and how many bytes it took on the wire. */
  async ask(target: string, headers: Record<string, string>): Promise<Reply> {
    return await new Promise((done, fail) => {
      const sent = request({ host: '127.0.0.1', port: this.#port, path: target, headers, agent: false }, (reply) => {
        const parts: Buffer[] = []
        reply.on('data', (part: Buffer) => parts.push(part))
        reply.once('error', fail)
        reply.once('end', () => {
          const raw = reply.rawHeaders
          const pairs = raw.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : []))
          done({ status: reply.statusCode ?? 0, headers: pairs, body: Buffer.concat(parts), bytes: sent.socket?.bytesRead ?? 0 })
        })
      })
      sent.once('error', fail)
      sent.end()
    })
  }
}

/** A header's value, whatever the case of its name. */
export function header(reply: Reply, name: string): string | undefined {
  return reply.headers.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1]
}

export function assertStatus(reply: Reply, status: number, who: string): void {
  assert.equal(reply.status, status, `${who} answers ${reply.status}: ${reply.body.subarray(0, 300).toString()}`)
}
