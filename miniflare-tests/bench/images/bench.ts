// `make bench`: what image work costs, beside the servers that people use.
//
//     SEALPIX_BIN=target/release/sealpix node miniflare-tests/bench/images/bench.ts   writes docs/benchmarks/images.*
//     QUICK=1 …                                                                       a few tasks, printed and not written
//
// Task by task: every server starts anew, so that its peak is of this task; each round measures all of them, so that what
// the machine does meanwhile meets all alike; every answer of a load must be the picture that was looked at before it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { top } from '../../origin.ts'
import { machine } from '../machine.ts'
import { ask, load, type Answer } from './load.ts'
import { page, plot } from './page.ts'
import { makePhotos, named } from './photos.ts'
import { cpuMillis, forgetPeak, peakBytes } from './processes.ts'
import { lines, ratios, OURS, type Loads, type Measured, type Ran, type Report, type Row } from './report.ts'
import { Scorer, judge } from './score.ts'
import { peers, qualityOf, sealpix, type NotRun, type Server } from './servers.ts'
import { sharp } from './sharp.ts'
import { PHOTOS, TASKS, type Task } from './tasks.ts'

const quick = process.env.QUICK !== undefined
const settings = quick
  ? { rounds: 2, seconds: { 1: 0.3, 2: 0.6, 32: 0.5 }, warmUpSeconds: 0.2 }
  : { rounds: 5, seconds: { 1: 0.3, 2: 0.7, 32: 0.5 }, warmUpSeconds: 0.3 }
const say = (line: string): void => void process.stdout.write(`${line}\n`)

type Running = { server: Server; port: number; pid: number; next: () => string; row: Ran }

let names = 0
/** The path of one more request; every one has another photo's name. */
const path = ({ target }: Server, task: Task, quality: number): string | NotRun => target(task, named(task.photo, (names += 1)), quality)

/** Starts the servers that can do a task, and asks each once: its picture, or why there is none. */
async function begin(task: Task, servers: Server[], scorer: Scorer, stops: (() => Promise<void>)[]): Promise<(Running | Row)[]> {
  const begun: (Running | Row)[] = []
  for (const server of servers) {
    const quality = qualityOf(task)
    const first = path(server, task, quality)
    if (typeof first !== 'string') {
      begun.push({ server: server.name, ...first })
      continue
    }
    const { port, pid, stop } = await server.start()
    stops.push(stop)
    const answer = await ask(port, first)
    const refused = answer.status === 200 ? await scorer.wrong(task, answer.body) : `answers ${answer.status} ${answer.code}`.trim()
    if (refused !== undefined) {
      if (server.name === OURS && answer.status !== 501) throw new Error(`${task.name}: sealpix ${refused}`)
      begun.push({ server: server.name, notRun: refused })
      continue
    }
    const asked = { port, server, quality, answer, score: await scorer.score(task, answer.body) }
    const { score, ...chosen } = server.name === OURS && task.output === 'avif' ? await atScore(task, asked, scorer, begun) : asked
    const row: Ran = { server: server.name, quality: chosen.quality, bytes: chosen.answer.body.length, score, loads: [] }
    const next = (): string => {
      const another = path(server, task, chosen.quality)
      if (typeof another !== 'string') throw new Error(another.notRun)
      return another
    }
    begun.push({ server, port, pid, next, row })
  }
  return begun
}

type Asked = { port: number; server: Server; quality: number; answer: Answer; score: Ran['score'] }

/** The lowest quality at which our AVIF scores as IPX's default does: encoders' numbers mean nothing to each other. */
async function atScore(task: Task, asked: Asked, scorer: Scorer, begun: (Running | Row)[]): Promise<Asked> {
  const ipx = begun.find((each): each is Running => 'row' in each && each.server.name === 'ipx')
  if (ipx === undefined) return asked
  let found = asked
  for (let [low, high] = [30, 95]; low < high;) {
    const quality = (low + high) >> 1
    const answer = await ask(asked.port, String(path(asked.server, task, quality)))
    const score = await scorer.score(task, answer.body)
    const enough = score.values >= ipx.row.score.values
    if (enough) found = { ...asked, quality, answer, score }
    if (enough) high = quality
    else low = quality + 1
  }
  return found
}

async function measure(task: Task, servers: Server[], scorer: Scorer): Promise<Measured> {
  const stops: (() => Promise<void>)[] = []
  try {
    const begun = await begin(task, servers, scorer, stops)
    const running = begun.filter((each): each is Running => 'row' in each)
    for (const { port, next, row } of running) await load(port, next, 2, settings.warmUpSeconds, row.bytes)
    for (const connections of task.connections) {
      const latencies = running.map((): number[] => [])
      const loads = running.map(({ row }): Loads => {
        const loads: Loads = { connections, p99: NaN, peakBytes: 0, rounds: [] }
        row.loads.push(loads)
        return loads
      })
      for (let round = 0; round < settings.rounds; round += 1) {
        for (let step = 0; step < running.length; step += 1) {
          // Each round begins with another server, so that none is always the one after the heaviest.
          const at = (step + round) % running.length
          const [each, mine] = [running[at], loads[at]]
          if (each === undefined || mine === undefined) continue
          forgetPeak(each.pid)
          const cpu = cpuMillis(each.pid)
          const seconds = settings.seconds[connections as 1 | 2 | 32]
          const loaded = await load(each.port, each.next, connections, seconds, each.row.bytes).catch((error: unknown) => {
            throw new Error(`${task.name}, ${connections} connections: ${each.server.name} ${String(error)}`)
          })
          mine.peakBytes = Math.max(mine.peakBytes, peakBytes(each.pid))
          latencies[at]?.push(...loaded.latencies)
          mine.rounds.push({
            requests: loaded.requests, perSecond: loaded.requests / loaded.seconds, cpuMillis: (cpuMillis(each.pid) - cpu) / loaded.requests,
            p50: quantile(loaded.latencies, 0.5), p99: quantile(loaded.latencies, 0.99), ownCpuShare: loaded.ownCpuMillis / loaded.seconds / 1000,
          })
        }
      }
      for (const [at, each] of loads.entries()) each.p99 = quantile(latencies[at] ?? [], 0.99)
    }
    const rows = begun.map((each): Row => ('row' in each ? each.row : each))
    return { task: task.name, photo: task.photo, output: task.output, box: task.box, rows }
  } finally {
    await Promise.all(stops.map((stop) => stop()))
  }
}

function quantile(values: number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(values.length * share) - 1] ?? NaN
}

async function main(folder: string, ours: ReturnType<typeof sealpix>): Promise<void> {
  say('bench: making the photos')
  await makePhotos(ours.gallery)
  // Ours comes last, so that IPX's score is there before ours is asked for its like.
  const servers = [...peers(ours.gallery, folder), ours]
  const scorer = new Scorer(folder, ours.gallery)
  const tasks = TASKS.filter((task) => task.quick || !quick)
  const measured: Measured[] = []
  for (const [at, task] of tasks.entries()) {
    say(`bench: ${at + 1} of ${tasks.length}: ${task.name}`)
    measured.push(await measure(quick ? { ...task, connections: [1, 2] } : task, servers, scorer))
  }
  const photos = await Promise.all(PHOTOS.map(async (name) => {
    const { width, height, pageHeight = height, pages = 1 } = await sharp(join(ours.gallery, name)).metadata()
    return { name, bytes: statSync(join(ours.gallery, name)).size, pixels: `${width} x ${pageHeight}${pages > 1 ? ` x ${pages}` : ''}` }
  }))
  const report: Report = {
    date: new Date().toISOString().slice(0, 10), machine: await machine(), settings, photos, tasks: measured,
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { cwd: top, encoding: 'utf8' }).trim(),
    servers: servers.map(({ name, version, settings }) => ({ name, version, settings })),
  }
  for (const ratio of ratios(report)) for (const line of lines(ratio)) say(line)
  if (quick) return say(`\n${page(report)}`)
  const docs = join(top, 'docs', 'benchmarks')
  mkdirSync(docs, { recursive: true })
  writeFileSync(join(docs, 'images.md'), page(report))
  writeFileSync(join(docs, 'images.json'), `${JSON.stringify(report, null, 1)}\n`)
  writeFileSync(join(docs, 'images.png'), execFileSync(judge, ['plot'], { input: JSON.stringify(plot(report)) }))
  say('bench: docs/benchmarks/images.md, images.json and images.png are written')
}

const folder = mkdtempSync(join(tmpdir(), 'sealpix-bench-'))
const ours = sealpix()
try {
  await main(folder, ours)
} finally {
  ours.remove()
  rmSync(folder, { recursive: true, force: true })
}
