// The format's vectors through the Worker: the verdicts that the file gives, as `edge` says (EDGE-3).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { now, patiently, start, type Project, type World } from './harness.ts'

type Case = {
  id: string
  method: string
  target?: string
  sign?: { project: string; key: string; operations: string; source: string; expires_in?: number; width?: number }
  referer?: string
  raw: string
  edge: 'same' | 'normalised-then-admitted' | 'varies'
}
const file = join(import.meta.dirname, '../shared/vectors/v1.json')
const { state, cases } = JSON.parse(readFileSync(file, 'utf8')) as { state: { projects: Project[] }; cases: Case[] }

// Rows 1 to 11 of the gate: what a source answers has other codes.
const STATUS: Record<string, number> = {
  method_not_allowed: 405, malformed_url: 400, key_unknown: 401, signature_invalid: 403, project_mismatch: 401,
  key_revoked: 401, key_expired: 401, url_expired: 403, expiry_required: 403, expiry_too_far: 403,
  operation_not_allowed: 403, referer_denied: 403, source_denied: 403, rate_limited: 429,
}

let world: World
before(async () => {
  world = await start()
  world.origin.apply(state)
})
after(() => world.stop())

function target({ target, sign }: Case): string {
  if (target !== undefined) return target
  assert.ok(sign !== undefined)
  const keys = state.projects.flatMap((project) => project.keys ?? [])
  const key = keys.find((key) => key.public_key === sign.key)
  assert.ok(key !== undefined)
  const exp = sign.expires_in === undefined ? {} : { exp: now() + sign.expires_in }
  const signed = world.sign(sign.operations, sign.source, { project: sign.project, key, ...exp })
  return sign.width === undefined ? signed : `${signed}&w=${sign.width}`
}

async function wrong(one: Case): Promise<string | undefined> {
  const referer: Record<string, string> = one.referer === undefined ? {} : { Referer: one.referer }
  const ask = (): Promise<{ status: number; code: string }> => world.edge.send(target(one), referer, one.method)
  const { status, code } = await patiently(ask, ({ code }) => code)
  const admitted = !(code in STATUS) && status !== 0 && (one.method !== 'HEAD' || !Object.values(STATUS).includes(status))
  // HEAD has no body to read a code from.
  const refused = code === one.raw || (one.method === 'HEAD' && status === STATUS[one.raw])
  const right = { same: one.raw === 'admitted' ? admitted : refused, 'normalised-then-admitted': admitted, varies: admitted || refused }
  return right[one.edge] ? undefined : `${one.id}: raw ${one.raw}, edge ${one.edge}, was ${status} ${code}`
}

test('EDGE-3 the Worker gives the verdicts of the vectors', async () => {
  const found: string[] = []
  // Limits first: that a picture cannot be made, which these have none of, is remembered, and said before a limit is, as a hit is.
  const limited = cases.filter(({ raw }) => raw === 'rate_limited')
  for (const one of limited) found.push(...[await wrong(one)].filter((error) => error !== undefined))
  const left = cases.filter(({ raw }) => raw !== 'rate_limited').values()
  const lane = async (): Promise<void> => {
    for (const one of left) {
      const error = await wrong(one)
      if (error !== undefined) found.push(error)
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane))
  console.log(`vectors: edge ${cases.length}`)
  assert.equal(found.length, 0, found.join('\n'))
})
