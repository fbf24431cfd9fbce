// `sealpix edge doctor` against the real Worker: well in a whole world, and each thing that can be wrong made wrong.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Between } from './between.ts'
import { newKey, now, World, type Place, type Edge } from './harness.ts'
import { open, prove, seal } from './link.ts'
import { freePort } from './postgres.ts'

const PUSH = '/_sealpix/link/records'
const ALL: Place = { objects: true, addressLimit: 3000 }
const OTHER_LINK = 'el_0000000a_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'

const kv = mkdtempSync(join(tmpdir(), 'sealpix-kv-'))
let world: World
let edge: Edge
let url: string

before(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  world = new World()
  world.origin.edgeUrl = url
  await world.origin.serve()
  edge = world.newEdge({}, { ...ALL, port, kv })
  for (const name of [`key:${world.origin.setup.public_key}`, 'project:my-app']) {
    await world.origin.says(['the edge holds the record', name])
  }
})

after(async () => {
  await world.stop()
  rmSync(kv, { recursive: true, force: true })
})

type Finding = { verdict: 'ok' | 'warn' | 'fail'; what: string; why: string }

/** What the doctor finds at an address; its exit code says whether anything fails. */
async function examined(at: string = url, environment: Record<string, string> = {}): Promise<Finding[]> {
  const { status, stdout, stderr } = await world.origin.run({ args: ['edge', 'doctor', '--json', '--url', at], environment })
  const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: Finding[] }
  assert.deepEqual([status, stderr], [healthy ? 0 : 1, ''])
  assert.equal(healthy, findings.every(({ verdict }) => verdict !== 'fail'))
  return findings
}

/** What is not well at another edge of this origin, one line each. */
async function unwell(bindings: Record<string, string> = {}, place: Place = ALL, environment: Record<string, string> = {}): Promise<string[]> {
  const other = world.newEdge(bindings, place)
  const findings = await examined(await other.url(), environment)
  await other.stop()
  return lines(findings).filter((line) => !line.startsWith('ok ') && !line.includes('nothing is pushed there'))
}

const lines = (findings: Finding[]): string[] => findings.map(({ verdict, what, why }) => `${verdict} ${what}: ${why}`)

function only(found: string[], ...patterns: RegExp[]): void {
  assert.equal(found.length, patterns.length, found.join('\n'))
  patterns.forEach((pattern, at) => assert.match(found[at] ?? '', pattern))
}

test('a whole world is well in every line', async () => {
  const findings = await examined()
  assert.ok(findings.every(({ verdict }) => verdict === 'ok'), lines(findings).join('\n'))
  const what = findings.map((finding) => finding.what)
  const all = ['answers', 'tls', 'before it', 'edge link', 'origin', 'environment', 'version', 'clock']
  assert.deepEqual(what, [...all, 'RECORDS', 'ADDRESS_LIMIT', 'counters', 'cache', 'records'])
  assert.match(lines(findings).join('\n'), /ok records: 2 of the newest 2 are as the registry has them, good for 2[34] h/)
  const { status, stdout } = await world.origin.run({ args: ['edge', 'doctor'] })
  assert.equal(status, 0)
  assert.match(stdout, /^ok    answers        http:/)
  console.log(stdout)
})

test('what it is told holds no secret, and only who has the link is told', async () => {
  const { edge_link, public_key, secret_key } = world.origin.setup
  const body = `doctor\nkey:${public_key}\nproject:nowhere\nnonsense`
  const proof = prove(edge_link, PUSH, { direction: 'origin-to-edge', method: 'POST', body })
  const told = await edge.post(PUSH, body, { 'Sealpix-Proof': proof })
  assert.equal(told.status, 200)
  const report = JSON.parse(told.says) as { links: string[]; records: { name: string; memory: unknown; kv: unknown }[] }
  assert.deepEqual(report.links, [edge_link.slice(3, 11)])
  const [held, ...others] = report.records
  assert.equal(held?.name, `key:${public_key}`)
  assert.deepEqual(held.kv, held.memory)
  assert.deepEqual(others.map(({ memory, kv: stored }) => [memory, stored]), [[null, null], [null, null]])
  for (const secret of [edge_link.slice(12), secret_key.slice(3)]) assert.ok(!told.says.includes(secret))
  assert.deepEqual(await edge.post(PUSH, body, { 'Sealpix-Proof': proof }), { status: 403, says: 'proof_required' })
  assert.deepEqual(await edge.post(PUSH, body, {}), { status: 403, says: 'proof_required' })
  const forged = prove(OTHER_LINK, PUSH, { direction: 'origin-to-edge', method: 'POST', body })
  assert.deepEqual(await edge.post(PUSH, body, { 'Sealpix-Proof': forged }), { status: 403, says: 'proof_required' })
})

test('a Worker with another link, with none, or with ours as the previous one is found', async () => {
  const id = world.origin.setup.edge_link.slice(3, 11)
  only(await unwell({ SEALPIX_EDGE_LINK: OTHER_LINK }), new RegExp(`^fail edge link: the Worker does not have link ${id}: `))
  only(await unwell({ SEALPIX_EDGE_LINK: '' }), /^fail edge link: the Worker lacks a variable or a secret/)
  const damaged = world.origin.setup.edge_link.slice(0, 12) + OTHER_LINK.slice(12)
  only(await unwell({ SEALPIX_EDGE_LINK: damaged }), /^fail edge link: the Worker has another secret as link/)
  const previous = { SEALPIX_EDGE_LINK: OTHER_LINK, SEALPIX_EDGE_LINK_PREVIOUS: world.origin.setup.edge_link }
  only(await unwell(previous), /^fail edge link: .* as its previous link only/, /^fail origin: .* refuses the Worker's proof/)
  const left = { SEALPIX_EDGE_LINK_PREVIOUS: OTHER_LINK }
  only(await unwell(left), /^warn edge link: .*wrangler secret delete SEALPIX_EDGE_LINK_PREVIOUS/)
})

test('a Worker that asks the wrong origin, or none, is found', async () => {
  const nowhere = `http://127.0.0.1:${await freePort()}`
  only(await unwell({ SEALPIX_ORIGIN: nowhere }), /^fail origin: the Worker does not reach/)
  const stranger = new World()
  await stranger.origin.serve()
  only(await unwell({ SEALPIX_ORIGIN: stranger.origin.url }), /^fail origin: .* refuses the Worker's proof/)
  stranger.newEdge()
  await stranger.stop()
  // Another web server answers, with what is no answer of an origin.
  only(await unwell({ SEALPIX_ORIGIN: url }), /^fail origin: /)
})

test('an origin that answers too late is found', async () => {
  const between = new Between(() => world.origin.url)
  await between.start()
  const { release } = between.hold()
  only(await unwell({ SEALPIX_ORIGIN: between.url, SEALPIX_ORIGIN_TIMEOUT_SECS: '1' }), /^fail origin: .* in time$/)
  release()
  between.stop()
})

test('a Worker of another environment is found', async () => {
  only(await unwell({ SEALPIX_ENVIRONMENT: 'staging' }), /^fail environment: the Worker's is "staging", ours "production"/)
})

test('a binding that is missing is found, with what that means', async () => {
  only(await unwell({}, { ...ALL, namespaces: [] }), /^fail RECORDS: no KV namespace is bound/)
  only(await unwell({}, {}), /^warn ADDRESS_LIMIT: /, /^warn counters: neither KEY_COUNTER nor COUNTERS/)
  only(await unwell({}, { namespaces: ['RECORDS', 'COUNTERS'], addressLimit: 1 }))
})

test('records in KV that are older, ended, newer, or do not open are found', async () => {
  const other = world.newEdge({}, ALL)
  const link = world.origin.setup.edge_link
  const name = `key:${world.origin.setup.public_key}`
  const place = { kind: 'key', name: world.origin.setup.public_key } as const
  const whole = await edge.stored(name)
  assert.ok(whole !== null)
  const { stamp, record } = open(link, place, whole)
  const found = async (sealed: string): Promise<string> => {
    await other.store(name, sealed)
    return lines(await examined(await other.url())).filter((line) => line.includes(name)).join('\n')
  }
  for (const [change, pattern] of [
    [{ version: stamp.version - 1 }, /^fail record: key:\S+: KV has version \d+, the registry \d+/],
    [{ version: stamp.version + 1 }, /^fail record: key:\S+: KV has version \d+, the registry the older \d+/],
    [{ sealedAt: now() - 90_000, freshUntil: now() - 3_600 }, /^fail record: key:\S+: it has ended/],
    [{ freshUntil: now() + 3_700 }, /^warn record: key:\S+: it ends in 1 h/],
  ] as const) {
    assert.match(await found(seal(link, place, { ...stamp, ...change }, record)), pattern)
  }
  assert.match(await found(seal(OTHER_LINK, place, stamp, record)), /^fail record: key:\S+: what KV has does not open/)
  assert.equal(await found(whole), '')
  await other.stop()
})

test('a record that KV has lost is found, and one that is on its way', async () => {
  const key = newKey()
  await world.origin.stop()
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [key], presets: { card: 'w_40' } }] })
  const waiting = lines(await examined()).join('\n')
  assert.match(waiting, new RegExp(`warn record: key:${key.public_key}: KV does not have it yet: it waits to be pushed`))
  assert.match(waiting, /warn record: project:my-app: KV has version \d+, the registry \d+: it waits to be pushed/)
  assert.match(waiting, /fail origin: the Worker does not reach/)
  const from = world.origin.said.length
  await world.origin.serve()
  await world.origin.says(['the edge holds the record', `key:${key.public_key}`], from)
  await world.origin.says(['the edge holds the record', 'project:my-app'], from)
  const empty = world.newEdge({}, ALL)
  const at = await empty.url()
  // As if this empty namespace were the one that was pushed to.
  const lost = lines(await examined(at, { SEALPIX_EDGE_URL: at })).join('\n')
  assert.match(lost, new RegExp(`fail record: key:${key.public_key}: KV does not have it although it was pushed`))
})
