// `make bench-edge`: what the edge costs, beside Workers that do less or do the same in JavaScript.
//
//     node miniflare-tests/bench/edge.ts          writes docs/benchmarks/edge.md and edge.json, about 6 minutes
//     QUICK=1 node miniflare-tests/bench/edge.ts  the same road in under a minute, printed and not written
//
// Every subject runs in a workerd of its own for the whole run, and each round measures all of them, so that what
// the machine does meanwhile meets all alike. That each answers rightly is checked before and after every load.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { World, newKey, now } from '../harness.ts'
import { assertLoad, assertSame, fixedHeaders, untilHit, type Case } from './checks.ts'
import { gateTimes } from './gate.ts'
import { load } from './load.ts'
import { machine } from './machine.ts'
import { page, type Measured, type Report } from './page.ts'
import { Runtime, assertStatus, bundled, type Module } from './runtime.ts'

const top = resolve(import.meta.dirname, '..', '..')
const quick = process.env.QUICK !== undefined
const settings = quick
  ? { rounds: 2, seconds: 1, warmUpSeconds: 1, connections: 16, coldRounds: 2, gatePasses: 20_000 }
  : { rounds: 7, seconds: 5, warmUpSeconds: 3, connections: 16, coldRounds: 7, gatePasses: 200_000 }
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** What a browser sends, and what Cloudflare adds. */
const HEADERS = {
  Accept: 'image/avif,image/webp,image/apng,image/*,*/*;q=0.8',
  Referer: 'https://www.example.com/articles/2026/a-page.html',
  'CF-Connecting-IP': '192.0.2.1',
  'CF-Ray': '8f1c2d3e4f5a6b7c-FRA',
}

const folder = mkdtempSync(join(tmpdir(), 'sealpix-bench-'))
const world = new World()
const runtimes: Runtime[] = []

async function started(name: string, modules: Module[], bindings: Record<string, string>, sealed: Record<string, string> = {}): Promise<Runtime> {
  const runtime = new Runtime(folder, name, modules, bindings, sealed)
  runtimes.push(runtime)
  await runtime.start()
  return runtime
}

async function measure(cases: Case[]): Promise<Measured[]> {
  const measured = cases.map((each): Measured => ({ subject: each.subject, request: each.request, rounds: [] }))
  for (const each of cases) await load(folder, { ...settings, headers: HEADERS, url: each.runtime.url + each.target, seconds: settings.warmUpSeconds })
  for (let round = 0; round < settings.rounds; round += 1) {
    say(`bench: round ${round + 1} of ${settings.rounds}`)
    for (let step = 0; step < cases.length; step += 1) {
      // Each round begins with another subject, so that none is always the one after the heaviest.
      const at = (step + round) % cases.length
      const each = cases[at]
      if (each === undefined) continue
      const before = await each.runtime.ask(each.target, HEADERS)
      assertStatus(before, each.status, each.subject)
      const cpu = each.runtime.cpuMicros()
      const loaded = await load(folder, { ...settings, headers: HEADERS, url: each.runtime.url + each.target })
      const cpuMicros = (each.runtime.cpuMicros() - cpu) / loaded.requests
      assertLoad(each, loaded, before.bytes)
      assertStatus(await each.runtime.ask(each.target, HEADERS), each.status, each.subject)
      measured[at]?.rounds.push({ perSecond: (loaded.requests * 1e6) / loaded.micros, cpuMicros, ...loaded })
    }
  }
  return measured
}

/** From starting the process to its first answer, in milliseconds, and of that what the first request took. */
async function firstAnswers(subjects: [string, Runtime][], target: string): Promise<Report['first']> {
  const first = subjects.map(([subject]) => ({ subject, total: [] as number[], request: [] as number[] }))
  for (let round = 0; round < settings.coldRounds; round += 1) {
    for (const [at, [, runtime]] of subjects.entries()) {
      await runtime.stop()
      const began = performance.now()
      await runtime.start()
      const listening = performance.now()
      await runtime.ask(target, HEADERS)
      first[at]?.total.push(performance.now() - began)
      first[at]?.request.push(performance.now() - listening)
    }
  }
  return first
}

/** As .ci/build-worker counts them. */
function sizes(modules: Module[]): { raw: number; gzipped: number } {
  const sum = (bytes: (file: string) => Buffer): number => modules.reduce((sum, { file }) => sum + bytes(file).length, 0)
  return { raw: sum((file) => readFileSync(file)), gzipped: sum((file) => execFileSync('gzip', ['-9c', file])) }
}

async function main(): Promise<void> {
  say('bench: origin, records, one picture')
  const { origin } = world
  const key = newKey({ limits: { minute: 1_000, day: 100_000 } })
  const rules = { referers: ['example.org', 'www.example.com'], sources: ['cdn.example.com', '*.example.net'] }
  origin.apply({ projects: [{ slug: 'my-app', ...rules, grants: ['gallery'], keys: [key] }] })
  await origin.serve()
  const records = await origin.records(key.public_key, 'my-app')
  const sealed = { [`key:${key.public_key}`]: records.key ?? '', 'project:my-app': records.project ?? '' }
  const picture = '@gallery/freespace-1mp.jpg'
  const good = world.sign('w_400,h_300,fit_cover,f_webp', picture, { key, exp: now() + 7_200 })
  const bad = good.replace('w_400', 'w_401')
  const expired = world.sign('w_400,h_300,fit_cover,f_webp', picture, { key, exp: now() - 60 })

  const build = join(top, 'edge', 'build')
  const ours: Module[] = [
    { name: 'index.js', file: join(build, 'index.js'), kind: 'esModule' },
    { name: 'index_bg.wasm', file: join(build, 'index_bg.wasm'), kind: 'wasm' },
  ]
  const [empty, cached, peer] = ['empty', 'cached', 'webcrypto'].map((name) => [bundled(folder, `subjects/${name}`)]) as [Module[], Module[], Module[]]
  const link = { SEALPIX_EDGE_LINK: origin.setup.edge_link }
  const sealpix = await started('sealpix', ours, { ...link, SEALPIX_ORIGIN: origin.url }, sealed)
  const hit = await untilHit(sealpix, good, HEADERS)
  const refusal = await sealpix.ask(bad, HEADERS)
  const same = JSON.stringify({ hit: fixedHeaders(hit), denied: fixedHeaders(refusal) })
  const webcrypto = await started('webcrypto', peer, { ...link, MISSES: sealpix.url, SAME: same }, sealed)
  const plain = await started('empty', empty, {})
  const onlyCached = await started('cached', cached, { PICTURE: sealpix.url + good })
  await assertSame([sealpix, webcrypto], { good, bad, expired }, HEADERS)
  await assertSame([sealpix, onlyCached], { good }, HEADERS, 'body')

  const measured = await measure([
    { subject: 'empty', request: 'any', runtime: plain, target: good, status: 200 },
    { subject: 'cached', request: 'any', runtime: onlyCached, target: good, status: 200 },
    ...(['sealpix', 'webcrypto'] as const).flatMap((subject): Case[] => {
      const runtime = subject === 'sealpix' ? sealpix : webcrypto
      return [
        { subject, request: 'hit', runtime, target: good, status: 200 },
        { subject, request: 'bad signature', runtime, target: bad, status: 403 },
        { subject, request: 'expired', runtime, target: expired, status: 403 },
      ]
    }),
  ])
  say('bench: first answers')
  const first = await firstAnswers([['empty', plain], ['sealpix', sealpix], ['webcrypto', webcrypto]], bad)
  say('bench: the gate in a loop')
  const gate = await gateTimes(folder, settings.rounds, settings.gatePasses)
  const report: Report = {
    date: new Date().toISOString().slice(0, 10), machine: await machine(), settings, picture: { bytes: hit.body.length, target: good.length },
    sizes: { empty: sizes(empty), cached: sizes(cached), sealpix: sizes(ours), webcrypto: sizes(peer) }, measured, first, gate,
  }
  if (quick) return say(`\n${page(report)}`)
  const docs = join(top, 'docs', 'benchmarks')
  mkdirSync(docs, { recursive: true })
  writeFileSync(join(docs, 'edge.md'), page(report))
  writeFileSync(join(docs, 'edge.json'), `${JSON.stringify(report, null, 1)}\n`)
  say('bench: docs/benchmarks/edge.md and edge.json are written')
}

try {
  await main()
} finally {
  await Promise.all(runtimes.map((runtime) => runtime.stop()))
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
}
