// docs/benchmarks/edge.md, written from one run's figures. Every sentence that holds a figure takes it from there.
import type { GateTimes } from './gate.ts'
import type { Loaded } from './load.ts'
import type { Machine } from './machine.ts'

export type Round = Loaded & { perSecond: number; cpuMicros: number }
export type Measured = { subject: string; request: string; rounds: Round[] }
export type Report = {
  date: string
  machine: Machine
  settings: { rounds: number; seconds: number; warmUpSeconds: number; connections: number; coldRounds: number; gatePasses: number }
  picture: { bytes: number; target: number }
  sizes: Record<string, { raw: number; gzipped: number }>
  measured: Measured[]
  first: { subject: string; total: number[]; request: number[] }[]
  gate: GateTimes
}

const SUBJECTS: Record<string, string> = {
  empty: 'an empty JavaScript Worker',
  cached: 'a JavaScript Worker that only answers with the cached picture',
  sealpix: '**Sealpix**',
  webcrypto: 'a JavaScript Worker with the same checks by WebCrypto',
}

export function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  const [low = NaN, high = NaN] = sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]]
  return (low + high) / 2
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
const spread = (values: number[], show: (value: number) => string): string => `${show(Math.min(...values))} to ${show(Math.max(...values))}`

export function page(report: Report): string {
  const { machine, settings, picture, sizes, measured, first, gate } = report
  const find = (subject: string, request: string): Round[] =>
    measured.find((each) => each.subject === subject && (each.request === request || each.request === 'any'))?.rounds ?? []
  // Round by round, so that what slowed the machine in one round slowed both.
  const ratio = (rounds: Round[], other: Round[]): string =>
    rounds === other ? '1' : median(rounds.map((round, at) => round.perSecond / (other[at]?.perSecond ?? NaN))).toFixed(2)

  const loads = measured.map(({ subject, request, rounds }) => {
    const perSecond = rounds.map((round) => round.perSecond)
    const isPeer = subject === 'sealpix' || subject === 'webcrypto'
    return `| ${[
      SUBJECTS[subject], request === 'any' ? '-' : request, whole(median(perSecond)), spread(perSecond, whole),
      ratio(rounds, find('empty', 'any')), request === 'hit' || subject === 'cached' ? ratio(rounds, find('cached', 'any')) : '-',
      isPeer ? ratio(rounds, find('webcrypto', request)) : '-',
      whole(median(rounds.map((round) => round.cpuMicros))),
      (median(rounds.map((round) => round.p50)) / 1000).toFixed(2), (median(rounds.map((round) => round.p99)) / 1000).toFixed(2),
      whole(median(rounds.map((round) => round.bytes / round.requests))),
      whole(sizes[subject]?.raw ?? NaN), whole(sizes[subject]?.gzipped ?? NaN),
    ].join(' | ')} |`
  })
  const gates = Object.entries(gate).map(([name, { wasm, native }]) => {
    const micros = (values: number[]): string => `${median(values).toFixed(2)} | ${spread(values, (value) => value.toFixed(2))}`
    return `| ${name} | ${micros(wasm)} | ${micros(native)} |`
  })
  const firsts = first.map(({ subject, total, request }) => {
    const millis = (values: number[]): string => `${median(values).toFixed(0)} | ${spread(values, (value) => value.toFixed(0))}`
    return `| ${SUBJECTS[subject]} | ${millis(total)} | ${median(request).toFixed(1)} | ${spread(request, (value) => value.toFixed(1))} |`
  })
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`).join(', ')

  return `# What the edge costs

Made by \`make bench-edge\`, in one run on one machine; nothing here is written by hand. Figures of every round are in
[edge.json](edge.json). Figures of another machine differ; the ratios are what to look at.

${report.date}. ${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, Linux ${machine.kernel}. ${versions}.

## Requests a second

${settings.rounds} rounds; in each, every line's subject is loaded for ${settings.seconds} s by \`wrk -t1 -c${settings.connections}\`, in an order that moves on with each round,
after ${settings.warmUpSeconds} s of warm-up at the beginning. Medians; a ratio is the median of the rounds' ratios. Load generator and subject share the
machine; a subject uses one core at most, as an isolate does.

| subject | request | requests/s | lowest to highest | of empty | of cached picture | of WebCrypto | CPU us a request | p50 ms | p99 ms | bytes an answer | code, bytes | gzipped |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
${loads.join('\n')}

- *hit*: a signed URL of ${picture.target} bytes with an expiry, a Referer and an Accept header; key and project are in the
  isolate's memory, the picture (WebP, ${whole(picture.bytes)} bytes, made by the real origin through the Worker) is in the cache.
- *bad signature*: the same URL with its width changed. *expired*: a good signature over a past \`exp\`. Both are answered with a problem+json body.
- *of empty*, *of cached picture*, *of WebCrypto*: this line's requests a second as a share of that Worker's: above 1 is faster than it.
- *CPU us a request*: processor time of the whole workerd process: sockets, isolate, cache and all.
- *an empty JavaScript Worker* answers 200 without a body and shows what workerd itself costs. *only answers with the cached picture* looks
  at nothing of the request, asks the cache for one fixed name and passes on what it finds.
- *the same checks by WebCrypto* (miniflare-tests/bench/subjects): strict parsing of the target, sealed records opened once (HKDF, AES-GCM) and kept
  15 s as here, HMAC-SHA-256, expiry, key policy, referer and source rules, SHA-256 name in the cache, the same headers, the same body,
  the same log line. It has no limits, no usage counts, no proof to an origin and no
  ranges, and does not know the bounds of the rarer operations.

That every subject answers with the right status, headers and bytes is checked before the load; that all answers of each load had the right kind of status and
the right mean size, after it. A wrong answer ends the run without a table.

The subjects run in workerd directly, each in a process of its own, with the same cache and KV services (JavaScript, in memory) inside that
process: a cache hit's figure holds the time of that cache. There is no network but the loopback, no TLS, and no isolate but one a subject.
Cloudflare's own cache, its network and its accounting of CPU time are not measured; nor is the limit of client addresses, a binding of Cloudflare's that
workerd does not have. A hit and a denial spend none of a key's limits. Log lines go to the null device.

## The gate alone

What one request asks of \`shared\`, on a target of 200 bytes: parse, signature, expiry, key policy, referer and source rules, format by Accept, name in the cache.
Microseconds, median of ${settings.rounds} rounds of ${whole(settings.gatePasses)} passes. The aim: under 20 as WebAssembly, under 5 natively.

| verdict | WebAssembly in Node, us | lowest to highest | native, us | lowest to highest |
|---|---|---|---|---|
${gates.join('\n')}

The module is not the Worker's own, which exports nothing but its handler: it is the same crate with the same profile (\`worker\`: opt-level z, its cryptography
at 3, LTO, one codegen unit) through the same passes of wasm-opt. Native is \`cargo build --release\` (opt-level 3, thin LTO).

## The first request

From starting the workerd process to its first answer, and, within that, from the connection to the answer. The request is one with a bad signature: records are read
from KV and opened, the signature is checked, nothing is fetched. workerd compiles a Worker before it listens. Milliseconds, medians of ${settings.coldRounds} starts.

| subject | process to answer | lowest to highest | connection to answer | lowest to highest |
|---|---|---|---|---|
${firsts.join('\n')}
`
}
