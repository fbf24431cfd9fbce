// A private PostgreSQL server: its own folder, a free port, an unprivileged user. Where it cannot start, the test fails.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const NOBODY = 65_534
const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}

export const freePort = (): Promise<number> =>
  new Promise((done) => {
    const free = createServer().listen(0, '127.0.0.1', () => {
      const { port } = free.address() as AddressInfo
      free.close(() => done(port))
    })
  })

function program(name: string): string {
  const [found] = globSync(`/usr/lib/postgresql/*/bin/${name}`)
  return found ?? name
}

export class Postgres {
  readonly password = 'postgres-password-of-the-tour'
  readonly #folder = mkdtempSync(join(tmpdir(), 'sealpix-postgres-'))
  #server: ChildProcess | undefined
  #port = 0

  async start(): Promise<void> {
    if (asNobody.uid !== undefined) chownSync(this.#folder, asNobody.uid, asNobody.gid)
    chmodSync(this.#folder, 0o700)
    const passwordFile = join(this.#folder, 'password')
    writeFileSync(passwordFile, this.password)
    chmodSync(passwordFile, 0o644)
    const data = join(this.#folder, 'data')
    const args = [`--pgdata=${data}`, '--username=sealpix', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync']
    const made = spawnSync(program('initdb'), args, { ...asNobody, cwd: this.#folder, encoding: 'utf8' })
    if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`)
    this.#port = await freePort()
    const settings = `listen_addresses = '127.0.0.1'\nport = ${this.#port}\nunix_socket_directories = ''\nfsync = off\n`
    appendFileSync(join(data, 'postgresql.conf'), settings)
    this.#server = spawn(program('postgres'), ['-D', data], { ...asNobody, cwd: this.#folder, stdio: 'ignore' })
    for (let round = 0; round < 200; round += 1) {
      if (this.#run('psql', ['-c', 'CREATE DATABASE registry', 'postgres']).status === 0) return
      await pause(100)
    }
    throw new Error('PostgreSQL does not start')
  }

  get url(): string {
    return `postgres://sealpix:${this.password}@127.0.0.1:${this.#port}/registry`
  }

  /** The whole database, as SQL text. */
  dump(): Buffer {
    const { status, stdout, stderr } = this.#run('pg_dump', ['registry'])
    if (status !== 0) throw new Error(`pg_dump: ${stderr.toString()}`)
    return stdout
  }

  #run(name: string, args: string[]): { status: number | null; stdout: Buffer; stderr: Buffer } {
    const env = { PATH: process.env.PATH, PGPASSWORD: this.password }
    const address = ['-h', '127.0.0.1', '-p', String(this.#port), '-U', 'sealpix']
    return spawnSync(program(name), [...address, ...args], { env, maxBuffer: 1 << 28 })
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server !== undefined && server.exitCode === null) await new Promise((done) => server.once('exit', done).kill('SIGINT'))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
