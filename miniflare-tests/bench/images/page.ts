// docs/benchmarks/images.md, written from one run's figures. Every sentence that holds a figure takes it from there.
import { aims, middle, OURS, ratios, type Loads, type Measured, type Ratio, type Report, type Row } from './report.ts'

const SHOWN: Record<string, string> = {
  sealpix: '**Sealpix**', ipx: 'IPX', thumbor: 'thumbor', oximg: 'oximg', 'oximg-jpegli': 'oximg, jpegli', imgproxy: 'imgproxy',
}
const shown = (server: string): string => SHOWN[server] ?? server

const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
const brief = (value: number): string => (value >= 100 ? whole(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2))
const mebibytes = (bytes: number): string => whole(bytes / 2 ** 20)
const table = (columns: string[], rows: string[][]): string =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** The lines of a server: one for each number of connections. */
function cells(task: Measured, row: Row, versus: (connections: number) => Ratio | undefined): string[][] {
  if ('notRun' in row) return [[shown(row.server), '-', `not run: ${row.notRun}`, ...Array.from({ length: 9 }, () => '-')]]
  return row.loads.map((loads: Loads) => {
    const ratio = versus(loads.connections)
    return [
      shown(row.server), String(loads.connections), brief(middle(loads, ({ perSecond }) => perSecond)), ratio === undefined ? '-' : ratio.perSecond.toFixed(2),
      brief(middle(loads, ({ p50 }) => p50)), brief(loads.p99), brief(middle(loads, ({ cpuMillis }) => cpuMillis)), mebibytes(loads.peakBytes),
      whole(row.bytes), row.score.values.toFixed(1), row.score.light.toFixed(1), task.output === 'png' ? '-' : String(row.quality),
    ]
  })
}

const COLUMNS = [
  'server', 'connections', 'requests/s', 'Sealpix/it', 'p50 ms', 'p99 ms', 'CPU ms an image', 'peak MiB', 'bytes', 'SSIMULACRA2', 'in light', 'quality',
]

export function page(report: Report): string {
  const { machine, settings } = report
  const all = ratios(report)
  const tasks = report.tasks.map((measured) => {
    const { task, rows } = measured
    const ours = rows.filter(({ server }) => server === OURS)
    const lines = [...ours, ...rows.filter(({ server }) => server !== OURS)].flatMap((row) =>
      cells(measured, row, (connections) => all.find((ratio) => ratio.task.task === task && ratio.peer === row.server && ratio.connections === connections)))
    return `### ${task}\n\n${table(COLUMNS, lines)}`
  })
  const goals = aims(report).map(({ aim, least, found, over }) => [
    aim, least.toFixed(1), found === undefined ? '-' : found.toFixed(2), String(over),
    found === undefined ? 'not run' : found >= least ? 'met' : `missed by ${((1 - found / least) * 100).toFixed(0)} %`,
  ])
  // The encoders of the same kind: the same number has to give as good a picture in as many bytes.
  const alike = all.filter(({ peer, task, connections }) => peer === 'ipx' && connections === 2 && (task.output === 'jpeg' || task.output === 'webp'))
  const worse = alike.filter(({ score, bytes }) => score < -0.5 || bytes > 1.02)
  const avif = all.filter(({ peer, task, connections }) => peer === 'ipx' && connections === 2 && task.output === 'avif')
  const share = Math.max(...report.tasks.flatMap(({ rows }) => rows).flatMap((row) => ('loads' in row ? row.loads : []))
    .flatMap(({ rounds }) => rounds).map(({ ownCpuShare }) => ownCpuShare))
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`).join(', ')

  return `# What image work costs

Made by \`make bench\`, in one run on one machine; nothing here is written by hand. Figures of every round are in
[images.json](images.json). Figures of another machine differ; the ratios are what to look at.

${report.date}, commit ${report.commit}. ${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, Linux ${machine.kernel}. ${versions}.

![requests a second at two connections: Sealpix over each peer](images.png)

## The aims

Ratios of requests a second at two connections, Sealpix over the peer: above 1 Sealpix is faster. Beside them how many tasks they look at.

${table(['aim', 'at least', 'found', 'tasks', ''], goals)}

${worse.length === 0
    ? `On all ${alike.length} tasks to JPEG and WebP Sealpix's score is at most 0.5 below IPX's and its bytes at most 2 % above.`
    : `Of ${alike.length} tasks to JPEG and WebP these give a score of more than 0.5 below IPX's, or more than 2 % more bytes:

${table(['task', 'score less IPX\'s', 'bytes over IPX\'s'], worse.map(({ task, score, bytes }) => [task.task, score.toFixed(1), bytes.toFixed(3)]))}`}

${avif.length === 0 ? '' : `AVIF at the lowest quality whose score is IPX's default's or better:

${table(['task', 'score less IPX\'s', 'bytes over IPX\'s'], avif.map(({ task, score, bytes }) => [task.task, score.toFixed(1), bytes.toFixed(3)]))}
`}
## Who, and with what

${table(['server', 'version', 'settings'], report.servers.map(({ name, version, settings }) => [shown(name), version, settings]))}

Each is a process of its own (thumbor: one a core) that reads the photos from a folder, on the loopback, with no cache of results and
no cache of sources but the kernel's. Every request has another photo's name, so nothing is made once for two. What is not said above is as it
comes. IPX checks no signature. WebP is libwebp's method 4 everywhere; PNG is as each compresses by default, so its bytes differ.

## The photos

${table(['photo', 'pixels', 'bytes'], report.photos.map(({ name, pixels, bytes }) => [name, pixels, whole(bytes)]))}

Of the repo's two (miniflare-tests/photos): the sunset as its author shipped it, progressive, and by \`jpegtran\` as the same picture in baseline; both
at half its size, quality 90; the other one cut to three by two, as PNG, as PNG with an alpha of all shades, and as a window that moves across it.

## How

Task by task all servers start anew; then ${settings.rounds} rounds of each number of connections, in each all servers one after the other in an order that moves on,
for ${Object.entries(settings.seconds).map(([connections, seconds]) => `${seconds} s at ${connections}`).join(', ')} and until every request is answered. A connection asks again as soon as it has its answer.
AVIF and the animation are not loaded by 32. Medians of the rounds; *p99* is over all of their requests, and where those are few it is the slowest; *Sealpix/it* is the median of
the rounds' ratios. *CPU* is user and kernel time of the server's processes; *peak* is the most memory they held in a round of this task (VmHWM, summed; shared pages count
for each). The load comes from the bench's own process, which took ${(share * 100).toFixed(0)} % of one core at the most.

*SSIMULACRA2* is against the source resized in f32 by Lanczos3 on its stored values, laid on white; *in light* against the same in linear light, as oximg resizes.
Every answer is read by sharp, and every one of a load must have the bytes of the one that was scored. Of an animation three frames are scored. A wrong answer ends the run.

## Every task

${tasks.join('\n\n')}
`
}

/** What the plot shows: for each task the ratio to each peer at two connections. */
export function plot(report: Report): { title: string; peers: string[]; rows: { label: string; ratios: (number | null)[] }[] } {
  const at2 = ratios(report).filter(({ connections }) => connections === 2)
  const peers = ['ipx', 'thumbor', 'oximg', 'imgproxy'].filter((peer) => at2.some((ratio) => ratio.peer === peer))
  return {
    title: 'requests a second at 2 connections, sealpix / peer: to the right sealpix is faster',
    peers,
    rows: report.tasks.map(({ task }) => ({
      label: task.replace('.jpg', '').replace('progressive', 'progr.'),
      ratios: peers.map((peer) => at2.find((ratio) => ratio.task.task === task && ratio.peer === peer)?.perSecond ?? null),
    })),
  }
}
