// Load from wrk: one address, over connections that stay open, as fast as answers come back.
//
// wrk's report comes from a script that runs once, after the load: a script that looked at each answer would slow wrk.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Prints what wrk counted, exactly; its own report is rounded. */
const REPORT = `done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('report {"requests":%d,"bytes":%d,"micros":%d,"above399":%d,"broken":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.bytes, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
`

export type Load = { url: string; headers: Record<string, string>; connections: number; seconds: number }
export type Loaded = { requests: number; bytes: number; micros: number; above399: number; broken: number; p50: number; p99: number }

export async function load(folder: string, { url, headers, connections, seconds }: Load): Promise<Loaded> {
  const script = join(folder, 'report.lua')
  writeFileSync(script, REPORT)
  const more = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const said = await output('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, ...more, url])
  const [, report] = /^report (.*)$/m.exec(said) ?? []
  if (report === undefined) throw new Error(`wrk says ${said}`)
  return JSON.parse(report) as Loaded
}

/** Runs a program to its end; what it says on both outputs. */
export async function output(program: string, args: string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
  await new Promise((done, fail) => child.once('close', done).once('error', fail))
  return said
}
