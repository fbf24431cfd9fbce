// docs/deploying.md, as somebody would go through it: each command that needs no account runs as it stands there, and
// where one does, `wrangler dev` with the real wrangler.toml stands in for the deployed Worker.
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './postgres.ts'
import { environment as quiet, Wrangler } from './wrangler.ts'

const top = resolve(import.meta.dirname, '..')
const sealpix = resolve(top, process.env.SEALPIX_BIN ?? 'target/debug/sealpix')
const page = readFileSync(join(top, 'docs/deploying.md'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'sealpix-deploying-'))
const bin = `${dirname(sealpix)}:${join(top, 'node_modules/.bin')}:${process.env.PATH}`

/** The indented lines of the page, those that go on in one. */
const commands = page
  .split('\n')
  .filter((line) => line.startsWith('    '))
  .map((line) => line.slice(4))
  .join('\n')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')

/** What the page's places are here. */
const here: [string, string][] = [['/var/lib/sealpix', join(folder, 'data')], ['/etc/sealpix', join(folder, 'etc')]]
const exported: Record<string, string> = {}
/** What sealpix has printed for the Worker, and what the Worker was given. */
const links: Record<string, string> = {}
const secrets: Record<string, string> = {}
let serving: ChildProcess | undefined
let worker: Wrangler

after(async () => {
  await stopServing()
  await worker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const placed = (text: string): string => here.reduce((text, [from, to]) => text.replaceAll(from, to), text)

/** Runs a command as a shell would; what it prints. */
function run(command: string): { status: number | null; stdout: string; stderr: string } {
  const env = command.startsWith('npx wrangler') ? { ...quiet, PATH: bin } : { ...exported, PATH: bin }
  // Not a pipe to read from: bash takes that for a remote login, and reads its start-up files.
  return spawnSync('bash', ['-c', placed(command)], { cwd: top, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function done(command: string): string {
  const { status, stdout, stderr } = run(command)
  assert.equal(status, 0, `${command}\n${stdout}${stderr}`)
  return stdout
}

let serve = ''

async function startServing(): Promise<void> {
  const env = { ...exported, PATH: bin }
  const child = spawn('bash', ['-c', `exec ${placed(serve)}`], { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] })
  serving = child
  await new Promise<void>((ready, fail) => {
    createInterface({ input: child.stdout }).on('line', (line) => line.startsWith('listening on ') && ready())
    child.on('exit', (code) => fail(new Error(`${serve} ended with ${code}`)))
  })
}

async function stopServing(): Promise<void> {
  const child = serving
  serving = undefined
  if (child !== undefined && child.exitCode === null) await new Promise((ended) => child.once('exit', ended).kill())
}

/** What an account would do: a secret is put, a Worker is deployed. */
async function accounted(command: string): Promise<void> {
  const [, verb, name = ''] = /wrangler secret (put|delete) (\w+)/.exec(command) ?? []
  if (verb === 'put') secrets[name] = links[name] ?? ''
  if (verb === 'delete') delete secrets[name]
  // A secret that is put counts at once, where a Worker is.
  if (!command.includes('wrangler deploy') && (verb === undefined || !worker.isRunning)) return
  await worker.stop()
  await worker.start({ ...secrets, SEALPIX_ORIGIN: `http://${placed('127.0.0.1:8080')}` }, ['--env', 'production'])
}

test('every command of the guide does what it says', { timeout: 300_000 }, async () => {
  worker = new Wrangler(folder, await freePort())
  here.push(['127.0.0.1:8080', `127.0.0.1:${await freePort()}`])
  for (const address of ['https://sealpix-production.example.workers.dev', 'https://img.example.com']) here.push([address, worker.url])
  const ran: string[] = []
  for (const command of commands) {
    ran.push(command)
    if (command.endsWith('# account')) {
      await accounted(command)
    } else if (command.startsWith('export ')) {
      for (const pair of placed(command).slice('export '.length).split(' ')) {
        const at = pair.indexOf('=')
        exported[pair.slice(0, at)] = pair.slice(at + 1)
      }
      if (exported.SEALPIX_EDGE_URL !== undefined) {
        await stopServing()
        await startServing()
      }
    } else if (command.startsWith('sealpix serve')) {
      serve = command
      await startServing()
    } else if (command === 'sealpix edge doctor') {
      const lines = done(command).split('\n')
      assert.ok(lines.some((line) => line.startsWith('ok    origin')), lines.join('\n'))
      assert.ok(lines.some((line) => /^ok +counters +exact/.test(line)), lines.join('\n'))
      assert.ok(lines.some((line) => /^ok +ADDRESS_LIMIT/.test(line)), lines.join('\n'))
    } else if (command.startsWith('sealpix sign')) {
      const url = done(command).trim()
      const reply = await fetch(url)
      const said = reply.status === 200 ? '' : await reply.text()
      assert.deepEqual([reply.status, said], [200, ''], url)
      console.log(`${url.replace(/sig=.*/, 'sig=…')}: ${reply.status} ${reply.headers.get('Content-Type')}, ${reply.headers.get('Cache-Status')}`)
    } else if (command.startsWith('sealpix secrets rotate edge-link') && !command.includes('--compromised')) {
      const printed = done(command).match(/el_\w{8}_[\w-]{43}/g) ?? []
      const old = secrets.SEALPIX_EDGE_LINK
      const made = printed.find((link) => link !== old)
      assert.ok(printed.length === 2 && printed.includes(old ?? ''), 'the old link and the new one are printed')
      Object.assign(links, { SEALPIX_EDGE_LINK: made, SEALPIX_EDGE_LINK_PREVIOUS: old })
    } else if (command === 'sealpix secrets retire edge-link') {
      // Until the origin has seen the new link at the Worker, and pushed everything under it.
      const until = Date.now() + 30_000
      while (run(command).status !== 0 && Date.now() < until) await pause(200)
      assert.match(run(command).stderr, /there is no previous edge link/)
    } else {
      done(command)
      if (command.startsWith('sealpix setup')) printedOnce()
    }
  }
  assert.ok(ran.length > 25 && ran.some((command) => command.includes('--env staging')), ran.join('\n'))
})

/** Brings what setup has printed where it belongs. */
function printedOnce(): void {
  const printed = readFileSync(join(folder, 'etc/printed-once'), 'utf8')
  const found = (pattern: RegExp): string => pattern.exec(printed)?.[0] ?? assert.fail(`no ${pattern} is printed`)
  links.SEALPIX_EDGE_LINK = found(/el_\w{8}_[\w-]{43}/)
  writeFileSync(join(folder, 'etc/secret-key'), found(/sk_[\w-]{43}/))
  writeFileSync(join(folder, 'etc/first-password'), 'a password that is long enough\n')
  here.push(['pk_ZGVmZ2hpamtsbW5vcHFycw', found(/pk_[\w-]{22}/)])
  const gallery = join(folder, 'data/gallery')
  assert.ok(existsSync(gallery))
  copyFileSync(join(import.meta.dirname, 'photos/freespace-1mp.jpg'), join(gallery, 'photo.jpg'))
}

/** What wrangler makes of a file, without sending anything. */
function dryRun(args: string[]): string {
  const env = { ...quiet, PATH: bin }
  const all = ['deploy', '--dry-run', '--outdir', join(folder, 'dry'), ...args]
  const { status, stdout, stderr } = spawnSync('wrangler', all, { cwd: top, env, encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
  assert.doesNotMatch(stdout + stderr, /WARNING|Unexpected fields|deprecated/i)
  return stdout
}

const shown = (output: string): string[] => [...output.matchAll(/^env\.(\w+) /gm)].map(([, name]) => name ?? '').sort()

test('each environment of wrangler.toml is valid, and has every binding and variable that the others have', () => {
  const names = ['', 'staging', 'production'].map((name) => shown(dryRun(['--env', name])))
  const all = ['ADDRESS_LIMIT', 'KEY_COUNTER', 'RECORDS', 'SEALPIX_ENVIRONMENT', 'SEALPIX_LIMIT_COUNTS', 'SEALPIX_ON_COUNTER_FAILURE']
  for (const found of names) {
    assert.deepEqual(found, names[0])
    assert.ok(all.every((name) => found.includes(name)), found.join())
  }
})

test('what wrangler.toml has as a comment is valid where it stands', () => {
  const text = readFileSync(join(top, 'wrangler.toml'), 'utf8')
  const whole = text.replaceAll(/^# (?=\[\[|\w+ = )/gm, '').replace('main = "', `main = "${top}/`)
  const file = join(folder, 'wrangler.toml')
  writeFileSync(file, whole)
  const found = shown(dryRun(['--env', 'production', '--config', file]))
  assert.ok(found.includes('COUNTERS') && found.includes('SEALPIX_CACHE_HOST'), found.join())
  assert.match(whole, /^routes = \[\{ pattern = "img.example.com", custom_domain = true \}\]$/m)
})
