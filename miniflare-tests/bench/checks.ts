// That every subject answers rightly: a fast wrong answer is no measurement.
import assert from 'node:assert/strict'
import type { Loaded } from './load.ts'
import { assertStatus, header, type Reply, type Runtime } from './runtime.ts'

/** One line of the table: who is asked, for what, and what the answer must be. */
export type Case = { subject: string; request: string; runtime: Runtime; target: string; status: number }

/** Headers that hang on the request, the picture or the clock; and the server's own. */
const OWN = new Set([
  'content-type', 'content-length', 'content-disposition', 'etag', 'cache-control', 'cache-status', 'vary', 'server-timing',
  'sealpix-request-id', 'sealpix-code', 'connection', 'transfer-encoding', 'date',
])

/** The headers that our Worker sends alike with every answer of a kind. The peer is given them, so that it sends as many. */
export const fixedHeaders = (reply: Reply): [string, string][] => reply.headers.filter(([name]) => !OWN.has(name.toLowerCase()))

/** Asks until the answer comes from the cache: storing goes on behind the first one's back. */
export async function untilHit(runtime: Runtime, target: string, headers: Record<string, string>): Promise<Reply> {
  for (let round = 0; round < 200; round += 1) {
    const reply = await runtime.ask(target, headers)
    assertStatus(reply, 200, 'sealpix')
    if (header(reply, 'Cache-Status')?.includes('hit') === true) return reply
  }
  throw new Error('the cache never answers')
}

const names = (reply: Reply): string[] => reply.headers.map(([name]) => name.toLowerCase()).sort()

/** That both answer these targets alike: `body` for those who send but the picture, else headers too. */
export async function assertSame(
  [one, other]: [Runtime, Runtime], targets: Record<string, string>, headers: Record<string, string>, what: 'all' | 'body' = 'all',
): Promise<void> {
  for (const [name, target] of Object.entries(targets)) {
    // The first may be a miss.
    await other.ask(target, headers)
    const [expected, found] = [await one.ask(target, headers), await other.ask(target, headers)]
    assertStatus(found, expected.status, name)
    if (expected.status === 200) assert.ok(expected.body.equals(found.body), `${name}: the same picture`)
    if (what === 'body') continue
    assert.deepEqual(names(found), names(expected), `${name}: the same headers`)
    const cache = (reply: Reply): string | undefined => header(reply, 'Cache-Status')?.replace(/ttl=\d+/, 'ttl')
    assert.equal(cache(found), cache(expected))
    if (expected.status !== 200) assert.deepEqual(JSON.parse(found.body.toString()), JSON.parse(expected.body.toString()), name)
  }
}

/** Most that the mean answer's bytes may differ from a checked answer's: times in headers vary by a digit. */
const MOST_DIFFERENCE = 0.05

/** That a load's answers were all of the expected kind: wrk counts statuses above 399, and bytes. */
export function assertLoad({ subject, request, status }: Case, { requests, bytes, above399, broken }: Loaded, expected: number): void {
  const who = `${subject}, ${request}`
  assert.equal(above399, status > 399 ? requests : 0, `${who}: ${above399} of ${requests} answers are refusals`)
  assert.equal(broken, 0, `${who}: ${broken} connections broke`)
  assert.ok(Math.abs(bytes / requests / expected - 1) < MOST_DIFFERENCE, `${who}: ${bytes / requests} bytes an answer, not ${expected}`)
}
