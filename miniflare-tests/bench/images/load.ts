// Load: some connections that each ask, wait for the whole answer and ask again, every time for another address.
//
// In this process, not by wrk: each address is signed anew, no request is left behind when a load ends, and a server that
// takes tens of milliseconds leaves time enough. What this process takes itself stands in the report.
import { Agent, request } from 'node:http'

export type Answer = { status: number; type: string; code: string; body: Buffer }
export type Loaded = { requests: number; seconds: number; bytes: number; latencies: number[]; ownCpuMillis: number }

/** Fewest requests of a load: with fewer, the last one, which has the machine to itself, would say too much. */
const LEAST = 6

/** One request; keeps the connection where `agent` does. */
export async function ask(port: number, path: string, agent?: Agent): Promise<Answer> {
  return await new Promise((done, fail) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: agent ?? false, headers: { Accept: 'image/*,*/*;q=0.8' } }, (reply) => {
      const parts: Buffer[] = []
      reply.on('data', (part: Buffer) => parts.push(part))
      reply.once('error', fail)
      reply.once('end', () => {
        const { 'content-type': type = '', 'sealpix-code': code } = reply.headers
        done({ status: reply.statusCode ?? 0, type, code: String(code ?? ''), body: Buffer.concat(parts) })
      })
    })
    sent.once('error', fail)
    sent.end()
  })
}

/** For `seconds` at least, until all have been answered. An answer that is none, or of other bytes, ends the run. */
export async function load(port: number, next: () => string, connections: number, seconds: number, expected: number): Promise<Loaded> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies: number[] = []
  let bytes = 0
  const cpu = process.cpuUsage()
  const began = performance.now()
  let begun = 0
  const connection = async (): Promise<void> => {
    while (performance.now() - began < seconds * 1000 || begun < LEAST) {
      begun += 1
      const sent = performance.now()
      const answer = await ask(port, next(), agent)
      latencies.push(performance.now() - sent)
      if (answer.status !== 200) throw new Error(`answers ${answer.status} ${answer.code}: ${answer.body.subarray(0, 300).toString()}`)
      if (answer.body.length !== expected) throw new Error(`answers ${answer.body.length} bytes, not ${expected}`)
      bytes += answer.body.length
    }
  }
  await Promise.all(Array.from({ length: connections }, connection))
  const took = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  agent.destroy()
  return { requests: latencies.length, seconds: took / 1000, bytes, latencies, ownCpuMillis: (user + system) / 1000 }
}
