// One run's figures, as docs/benchmarks/images.json holds them, and the ratios that follow from them.
import type { Machine } from '../machine.ts'
import { median } from '../page.ts'
import type { Scores } from './score.ts'
import type { Output } from './tasks.ts'

export type Round = { requests: number; perSecond: number; cpuMillis: number; p50: number; p99: number; ownCpuShare: number }
/** A server under a number of connections: its rounds, and over all of them the time that 99 % of requests took, and its peak. */
export type Loads = { connections: number; p99: number; peakBytes: number; rounds: Round[] }
export type Row =
  | { server: string; notRun: string }
  | { server: string; quality: number; bytes: number; score: Scores; loads: Loads[] }
export type Ran = Extract<Row, { loads: Loads[] }>
export type Measured = { task: string; photo: string; output: Output; box: string; rows: Row[] }
export type Report = {
  date: string
  machine: Machine
  commit: string
  settings: { rounds: number; seconds: Record<string, number>; warmUpSeconds: number }
  photos: { name: string; bytes: number; pixels: string }[]
  servers: { name: string; version: string; settings: string }[]
  tasks: Measured[]
}

export const OURS = 'sealpix'

/** Ours in terms of a peer's, on one task under a number of connections. */
export type Ratio = {
  task: Measured; peer: string; connections: number
  perSecond: number; cpu: number; peak: number; bytes: number; score: number
}

export const middle = (loads: Loads, of: (round: Round) => number): number => median(loads.rounds.map(of))

const ran = (task: Measured, server: string): Ran | undefined =>
  task.rows.find((row): row is Ran => row.server === server && 'loads' in row)

/** Every ratio that two figures stand for. Of loads round by round, so that what slowed the machine in one slowed both. */
export function ratios({ tasks }: Report): Ratio[] {
  return tasks.flatMap((task) => {
    const ours = ran(task, OURS)
    if (ours === undefined) return []
    return task.rows.flatMap(({ server: peer }) => {
      const theirs = ran(task, peer)
      if (theirs === undefined || peer === OURS) return []
      return ours.loads.flatMap((mine): Ratio[] => {
        const other = theirs.loads.find(({ connections }) => connections === mine.connections)
        if (other === undefined) return []
        const byRound = (of: (round: Round) => number): number =>
          median(mine.rounds.map((round, at) => of(round) / of(other.rounds[at] ?? round)))
        return [{
          task, peer, connections: mine.connections, perSecond: byRound((round) => round.perSecond), cpu: byRound((round) => round.cpuMillis),
          peak: mine.peakBytes / other.peakBytes, bytes: ours.bytes / theirs.bytes, score: ours.score.values - theirs.score.values,
        }]
      })
    })
  })
}

/** What is printed of a ratio: `bench: {task}: sealpix/{peer} {measure} {ratio}`. */
export function lines({ task, peer, connections, perSecond, cpu, peak, bytes, score }: Ratio): string[] {
  const line = (measure: string, ratio: number): string => `bench: ${task.task}: ${OURS}/${peer} ${measure} ${ratio.toFixed(2)}`
  const loaded = (['requests/s', 'CPU', 'peak memory'] as const).map((measure, at) => line(`${measure} at ${connections}`, [perSecond, cpu, peak][at] ?? NaN))
  const sign = score < 0 ? '' : '+'
  return connections === 1
    ? [line('bytes', bytes), `bench: ${task.task}: ${OURS}-${peer} SSIMULACRA2 ${sign}${score.toFixed(1)}`, ...loaded]
    : loaded
}

export function geometricMean(values: number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** An aim, and how it stands: the figure that counts and whether it is enough. */
export type Aim = { aim: string; least: number; found: number | undefined; over: number }

const JPEG_AND_WEBP: Output[] = ['jpeg', 'webp']

/** The aims in requests a second at two connections, one a core of the machine that they were set for; memory, too. */
export function aims(report: Report): Aim[] {
  const at2 = ratios(report).filter(({ connections }) => connections === 2)
  const of = (peer: string, photos: string, outputs: Output[]): Ratio[] =>
    at2.filter(({ task, ...ratio }) => ratio.peer === peer && task.photo.includes(photos) && outputs.includes(task.output))
  const aim = (aim: string, least: number, over: Ratio[], found: (values: number[]) => number, what: (ratio: Ratio) => number = (ratio) => ratio.perSecond): Aim =>
    ({ aim, least, over: over.length, found: over.length === 0 ? undefined : found(over.map(what)) })
  const lowest = (values: number[]): number => Math.min(...values)
  const baseline = of('ipx', 'baseline', JPEG_AND_WEBP)
  return [
    aim('baseline JPEG to JPEG and WebP, IPX, geometric mean', 1.3, baseline, geometricMean),
    aim('baseline JPEG to JPEG and WebP, IPX, lowest', 1.1, baseline, lowest),
    aim('progressive JPEG to JPEG and WebP, IPX, lowest', 1.1, of('ipx', 'progressive', JPEG_AND_WEBP), lowest),
    aim('photo PNG to PNG, IPX, lowest', 1.5, of('ipx', 'photo.png', ['png']), lowest),
    aim('animated GIF to WebP, IPX, lowest', 1.3, of('ipx', 'animated', ['webp']), lowest),
    aim('JPEG to JPEG, oximg, lowest', 1, of('oximg', '.jpg', ['jpeg']), lowest),
    aim('PNG to PNG, oximg, lowest', 1, of('oximg', '.png', ['png']), lowest),
    aim('to AVIF, IPX at its default, lowest', 3, of('ipx', '', ['avif']), lowest),
    aim('12 MP to 800, IPX, lowest (a stretch)', 1.3, baseline.concat(of('ipx', 'progressive', JPEG_AND_WEBP)).filter(({ task }) => task.box === 'fit 800'), lowest),
    aim('peak memory of IPX over that of Sealpix, 12 MP, lowest', 2, of('ipx', '12mp', ['jpeg', 'webp', 'png']), lowest, ({ peak }) => 1 / peak),
  ]
}
