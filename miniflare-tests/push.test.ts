// Records pushed by the origin: acknowledged, at once in force, never overtaken, never forged; and the link's rotation.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Between } from './between.ts'
import { assertPicture, assertRefused, newKey, World, type Edge, type Key } from './harness.ts'
import { open, prove, seal, type Place } from './link.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const PUSH = '/_sealpix/link/records'
const HELD = 'the edge holds the record'

const kv = mkdtempSync(join(tmpdir(), 'sealpix-kv-'))
let world: World
let port: number
let between: Between
let edge: Edge

before(async () => {
  port = await freePort()
  world = new World()
  world.origin.edgeUrl = `http://127.0.0.1:${port}`
  await world.origin.serve()
  between = new Between(() => world.origin.url)
  await between.start()
  edge = isolate()
  await world.origin.says([HELD, `key:${world.origin.setup.public_key}`])
  await world.origin.says([HELD, 'project:my-app'])
})

after(async () => {
  await world.stop()
  between.stop()
  rmSync(kv, { recursive: true, force: true })
})

/** A fresh isolate at the edge's address, with what KV held before. */
function isolate(bindings: Record<string, string> = {}): Edge {
  return world.newEdge({ SEALPIX_ORIGIN: between.url, ...bindings }, { port, kv })
}

const apply = (keys: Key[], rest: { presets?: Record<string, string> } = {}): void =>
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys, ...rest }] })

/** A key that the edge holds. */
async function pushedKey(): Promise<Key> {
  const key = newKey()
  const from = world.origin.said.length
  apply([key])
  await world.origin.says([HELD, `key:${key.public_key}`], from)
  return key
}

async function revoke(key: Key): Promise<void> {
  const from = world.origin.said.length
  world.origin.command({ args: ['keys', 'revoke', key.public_key] })
  await world.origin.says([HELD, `key:${key.public_key}`], from)
}

function push(body: string, { link = world.origin.setup.edge_link, proven = body, time = Math.floor(Date.now() / 1000) } = {}) {
  const proof = prove(link, PUSH, { direction: 'origin-to-edge', method: 'POST', body: proven, time })
  return { proof, send: () => edge.post(PUSH, body, { 'Sealpix-Proof': proof }) }
}

test('each change is acknowledged by the edge, and stands in KV', async () => {
  const key = await pushedKey()
  const first = await edge.stored(`key:${key.public_key}`)
  const from = world.origin.said.length
  apply([{ ...key, limits: { minute: 7, day: 70 } }], { presets: { card: 'w_40' } })
  await world.origin.says([HELD, `key:${key.public_key}`], from)
  await world.origin.says([HELD, 'project:my-app'], from)
  const second = await edge.stored(`key:${key.public_key}`)
  assert.ok(first !== null && second !== null)
  assert.ok(Number(second.split('.')[2]) > Number(first.split('.')[2]), 'the version rises')
  assertPicture(await edge.fetch(world.sign('p_card', PHOTO, { key })), 'fwd=miss; stored')
})

test('SIG-17 a revoked key is dead at the edge as soon as the push is there, cached pictures included', async () => {
  const key = await pushedKey()
  const target = world.sign('w_150', PHOTO, { key })
  assertPicture(await edge.warm(target), 'hit')
  world.origin.command({ args: ['keys', 'revoke', key.public_key] })
  const began = performance.now()
  for (;;) {
    const reply = await edge.fetch(target)
    const millis = Math.round(performance.now() - began)
    if (reply.status !== 200) {
      assertRefused(reply, 'key_revoked', 401)
      console.log(`revoke -> refusal at the edge: ${millis} ms`)
      return
    }
    assert.ok(millis < 10_000, 'the edge still answers')
    await pause(5)
  }
})

test('SIG-12 a slow pull that began before a revocation never wins', async () => {
  const key = await pushedKey()
  const stored = await edge.stored(`key:${key.public_key}`)
  const { pulled, release } = between.hold()
  // A project that the edge cannot know: both records are pulled, the key's as it is before the revocation.
  const slow = edge.fetch(world.sign('w_150', PHOTO, { key, project: 'elsewhere' }))
  await pulled
  await revoke(key)
  const tombstone = await edge.stored(`key:${key.public_key}`)
  assert.notEqual(tombstone, stored)
  release()
  assertRefused(await slow, 'project_mismatch', 401)
  assertRefused(await edge.fetch(world.sign('w_150', PHOTO, { key })), 'key_revoked', 401)
  assert.equal(await edge.stored(`key:${key.public_key}`), tombstone, 'a pull does not write KV')
})

test('SIG-12 a push counts once, and a lower version never', async () => {
  const key = await pushedKey()
  const name = `key:${key.public_key}`
  const place: Place = { kind: 'key', name: key.public_key }
  const link = world.origin.setup.edge_link
  const { key: sealed } = await world.origin.records(key.public_key, 'my-app')
  assert.ok(sealed !== null)
  const { stamp, record } = open(link, place, sealed)
  const again = push(`${name}\n${sealed}`)
  assert.deepEqual(await again.send(), { status: 200, says: `held ${stamp.version}` })
  assert.deepEqual(await again.send(), { status: 403, says: 'proof_required' }, 'replayed')

  await revoke(key)
  const tombstone = await edge.stored(name)
  const { key: newer } = await world.origin.records(key.public_key, 'my-app')
  const revoked = open(link, place, newer ?? '').stamp.version
  for (const version of [stamp.version, revoked - 1]) {
    const older = seal(link, place, { ...stamp, version }, record)
    assert.deepEqual(await push(`${name}\n${older}`).send(), { status: 200, says: `stale ${revoked}` })
  }
  assert.equal(await edge.stored(name), tombstone)
  assertRefused(await edge.fetch(world.sign('w_150', PHOTO, { key })), 'key_revoked', 401)
})

test('what KV does not take is not acknowledged', async () => {
  const { public_key: name } = await pushedKey()
  const link = world.origin.setup.edge_link
  const place: Place = { kind: 'key', name }
  const { stamp, record } = open(link, place, (await edge.stored(`key:${name}`)) ?? '')
  // KV refuses what would end in the past.
  const ended = seal(link, place, { ...stamp, version: stamp.version + 1, freshUntil: 1 }, record)
  assert.deepEqual(await push(`key:${name}\n${ended}`).send(), { status: 503, says: 'key_lookup_busy' })
})

test('SIG-17 only the origin pushes: forged, foreign, stale, misplaced and overlong ones are refused', async () => {
  const key = await pushedKey()
  const { key: sealed } = await world.origin.records(key.public_key, 'my-app')
  const body = `key:${key.public_key}\n${sealed}`
  const before = await edge.stored(`key:${key.public_key}`)
  const link = world.origin.setup.edge_link
  const [foreign, sameId] = ['el_0a0a0a0a', link.slice(0, 11)].map((id) => `${id}_${Buffer.alloc(32, 7).toString('base64url')}`)
  const seconds = Math.floor(Date.now() / 1000)
  const denied = { status: 403, says: 'proof_required' }
  assert.deepEqual(await push(body, { link: foreign }).send(), denied, 'foreign')
  assert.deepEqual(await push(body, { link: sameId }).send(), denied, 'forged')
  assert.deepEqual(await push(body, { proven: `${body} ` }).send(), denied, 'another body')
  assert.deepEqual(await push(body, { time: seconds - 70 }).send(), denied, 'late')
  assert.deepEqual(await push(body, { time: seconds + 70 }).send(), denied, 'early')
  const turned = prove(link, PUSH, { direction: 'edge-to-origin', method: 'POST', body })
  assert.deepEqual(await edge.post(PUSH, body, { 'Sealpix-Proof': turned }), denied, 'turned round')
  assert.deepEqual(await edge.post(PUSH, body, {}), denied, 'without a proof')

  const malformed = { status: 400, says: 'malformed_url' }
  const other = `key:${newKey().public_key}\n${sealed}`
  for (const [what, wrong] of Object.entries({ other, nameless: 'x', kind: `preset:a\n${sealed}`, long: 'a'.repeat(200_000) })) {
    assert.deepEqual(await push(wrong).send(), malformed, what)
  }
  assert.equal(await edge.stored(`key:${key.public_key}`), before)
  assert.equal((await edge.fetch(PUSH)).status, 404)
  assert.equal((await edge.post('/_sealpix/link', body, {})).status, 404)
  assert.equal((await edge.post(`${PUSH}?x`, body, { 'Sealpix-Proof': push(body).proof })).status, 404)
})

test('a fresh isolate lives on what was pushed, without the origin', async () => {
  const key = await pushedKey()
  const dead = await pushedKey()
  await revoke(dead)
  const target = world.sign('w_150', PHOTO, { key })
  await edge.stop()
  await world.origin.stop()
  edge = isolate()
  assertRefused(await edge.fetch(target.replace('w_150', 'w_151')), 'signature_invalid', 403)
  assertRefused(await edge.fetch(target), 'origin_unreachable', 502)
  assertRefused(await edge.fetch(world.sign('w_150', PHOTO, { key: dead })), 'key_revoked', 401)
  await world.origin.serve()
  assert.equal((await edge.fetch(target)).status, 200)
})

test('the link rotates without a gap, and the old secret is worth nothing after', async () => {
  const old = world.origin.setup.edge_link
  const target = world.sign('w_160', PHOTO)
  assert.equal((await edge.fetch(target)).status, 200)
  let from = world.origin.said.length
  const made = JSON.parse(world.origin.command({ args: ['secrets', 'rotate', 'edge-link', '--json'] }))
  world.guard(made.edge_link.slice(12))
  assert.equal(made.previous, old)
  // Until the edge has the new one, all goes on under the old, pushes included.
  assert.equal((await edge.fetch(world.sign('w_161', PHOTO))).status, 200)
  const key = await pushedKey()
  assert.throws(() => world.origin.command({ args: ['secrets', 'retire', 'edge-link'] }), /not shown yet/)

  await edge.stop()
  edge = isolate({ SEALPIX_EDGE_LINK: made.edge_link, SEALPIX_EDGE_LINK_PREVIOUS: old })
  assert.equal((await edge.fetch(world.sign('w_162', PHOTO))).status, 200)
  from = await world.origin.says(['the edge has the new edge link'], from)
  await world.origin.says([HELD, `key:${key.public_key}`], from)
  await world.origin.says([HELD, 'project:my-app'], from)
  const id = made.edge_link.slice(3, 11)
  assert.equal((await edge.stored(`key:${key.public_key}`))?.split('.')[1], id)

  await world.origin.retireLink()
  await assert.rejects(world.origin.records(key.public_key, 'my-app'), /403/)
  await edge.stop()
  await world.origin.stop()
  edge = isolate({ SEALPIX_EDGE_LINK: made.edge_link })
  assertRefused(await edge.fetch(world.sign('w_150', PHOTO, { key }).replace('w_150', 'w_151')), 'signature_invalid', 403)
  assert.deepEqual(await push('link').send(), { status: 403, says: 'proof_required' })
  await world.origin.serve()
  assert.equal((await edge.fetch(target)).status, 200)
})

test('a compromised link is cut at once, and everything comes back under the new one', async () => {
  const current = await edge.stored('project:my-app')
  const made = JSON.parse(world.origin.command({ args: ['secrets', 'rotate', 'edge-link', '--compromised', '--json'] }))
  world.guard(made.edge_link.slice(12))
  assert.equal(made.previous, null)
  assertRefused(await edge.fetch(world.sign('w_170', PHOTO)), 'origin_unreachable', 502)
  await edge.stop()
  const from = world.origin.said.length
  edge = isolate({ SEALPIX_EDGE_LINK: made.edge_link })
  assert.equal((await edge.fetch(world.sign('w_171', PHOTO))).status, 200)
  await world.origin.says([HELD, 'project:my-app'], from)
  assert.notEqual((await edge.stored('project:my-app'))?.split('.')[1], current?.split('.')[1])
})
