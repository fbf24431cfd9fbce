// KV that fails, refuses and dawdles: authentication stays closed, and what is known goes on.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { FailingKv } from './failing-kv.ts'
import { assertPicture, assertRefused, newKey, World, type Edge, type Key } from './harness.ts'
import { prove } from './link.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const PUSH = '/_sealpix/link/records'
const HELD = 'the edge holds the record'

let world: World
let kv: FailingKv
let edge: Edge
let port: number

before(async () => {
  port = await freePort()
  kv = await FailingKv.start()
  world = new World()
  world.origin.edgeUrl = `http://127.0.0.1:${port}`
  await world.origin.serve()
  edge = world.newEdge({}, { port, failing: [kv] })
  await world.origin.says([HELD, 'project:my-app'])
})
after(async () => {
  await world.stop()
  kv.stop()
})

/** A key that the origin has. The project's others, but for the first one, go. */
function newKeyAtOrigin(rest: Partial<Key> = {}): Key {
  const key = newKey(rest)
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [key] }] })
  return key
}

async function whileDown(work: () => Promise<void>): Promise<void> {
  kv.down()
  try {
    await work()
  } finally {
    kv.heal()
  }
}

/** Edges that hold nothing in memory, behind a KV of their own that is down. */
async function withDeadKv(work: (edge: Edge) => Promise<void>): Promise<void> {
  const dead = await FailingKv.start()
  dead.down()
  const fresh = world.newEdge({}, { failing: [dead] })
  try {
    await work(fresh)
    assert.ok(dead.calls.get > 0, 'KV was asked')
    assert.ok(fresh.said.some((line) => line.includes('KV cannot be read')), 'its operator is told')
  } finally {
    await fresh.stop()
    dead.stop()
  }
}

test('a namespace that fails on command is otherwise a namespace', async () => {
  const name = `key:${world.origin.setup.public_key}`
  await world.origin.says([HELD, name])
  assert.match((await edge.stored(name)) ?? '', /^r1\./)
  assert.ok(kv.calls.put >= 2)
})

test('with KV down known keys, cached pictures and pulls go on, and nobody else comes in', async () => {
  const known = newKeyAtOrigin()
  const target = world.sign('w_150', PHOTO, { key: known })
  assertPicture(await edge.warm(target), 'hit')
  await whileDown(async () => {
    assertPicture(await edge.fetch(target), 'hit')
    assertPicture(await edge.fetch(world.sign('w_151', PHOTO, { key: known })), 'fwd=miss; stored')
    assertRefused(await edge.fetch(target.replace('w_150', 'w_152')), 'signature_invalid', 403)
    assertRefused(await edge.fetch(world.sign('w_150', PHOTO, { key: newKey() })), 'key_unknown', 401)
  })
})

test('an isolate that knows nothing pulls what KV cannot tell it, the revoked state included', async () => {
  const key = newKeyAtOrigin()
  const revoked = newKeyAtOrigin({ state: 'revoked' })
  await withDeadKv(async (fresh) => {
    assertRefused(await fresh.fetch(world.sign('w_150', PHOTO, { key: revoked })), 'key_revoked', 401)
    assertRefused(await fresh.fetch(world.sign('w_150', PHOTO, { key }).replace('w_150', 'w_149')), 'signature_invalid', 403)
  })
})

test('authentication stays closed: without KV and without the origin no key is admitted', async () => {
  const key = newKeyAtOrigin()
  await world.origin.away(() =>
    withDeadKv(async (fresh) => {
      for (const target of [world.sign('w_150', PHOTO, { key }), world.sign('w_150', PHOTO), world.sign('w_150', PHOTO, { key: newKey() })]) {
        const reply = await fresh.fetch(target)
        assertRefused(reply, 'key_lookup_busy', 503)
        assert.ok(Number(reply.headers.get('Retry-After')) > 0)
      }
    }),
  )
})

test('SIG-17 a revocation counts at once where it arrives, and is repeated until KV takes it', async () => {
  for (const status of [429, 500]) {
    const key = newKeyAtOrigin()
    const name = `key:${key.public_key}`
    await world.origin.says([HELD, name])
    const target = world.sign('w_150', PHOTO, { key })
    assertPicture(await edge.warm(target), 'hit')
    const stored = await edge.stored(name)
    kv.fail('put', status)
    const [from, puts] = [world.origin.said.length, kv.calls.put]
    world.origin.command({ args: ['keys', 'revoke', key.public_key] })
    const until = Date.now() + 10_000
    while (kv.calls.put === puts && Date.now() < until) await edge.fetch(target)
    assertRefused(await edge.fetch(target), 'key_revoked', 401)
    assert.equal(await edge.stored(name), stored)
    assert.ok(!world.origin.said.slice(from).some((line) => line.includes(HELD) && line.includes(name)), 'no acknowledgement')
    kv.heal()
    await world.origin.says([HELD, name], from)
    assert.notEqual(await edge.stored(name), stored)
    assertRefused(await edge.fetch(target), 'key_revoked', 401)
  }
})

test('SIG-12 a push whose name KV cannot tell is not written over what may be newer', async () => {
  const key = newKeyAtOrigin()
  const name = `key:${key.public_key}`
  await world.origin.says([HELD, name])
  const { key: sealed } = await world.origin.records(key.public_key, 'my-app')
  const body = `${name}\n${sealed}`
  const send = (): ReturnType<Edge['post']> => {
    const proof = prove(world.origin.setup.edge_link, PUSH, { direction: 'origin-to-edge', method: 'POST', body })
    return edge.post(PUSH, body, { 'Sealpix-Proof': proof })
  }
  const puts = kv.calls.put
  kv.fail('get', 500)
  assert.deepEqual(await send(), { status: 503, says: 'key_lookup_busy' })
  assert.equal(kv.calls.put, puts)
  kv.heal()
  assert.match((await send()).says, /^held /)
})

test('a push that its sender gave up leaves the name free for the next', async () => {
  const key = newKeyAtOrigin()
  const name = `key:${key.public_key}`
  await world.origin.says([HELD, name])
  const { key: sealed } = await world.origin.records(key.public_key, 'my-app')
  const body = `${name}\n${sealed}`
  const proof = (): string => prove(world.origin.setup.edge_link, PUSH, { direction: 'origin-to-edge', method: 'POST', body })
  kv.slow('put', 3_600_000)
  const puts = kv.calls.put
  const socket = connect(port, '127.0.0.1')
  socket.write(`POST ${PUSH} HTTP/1.1\r\nHost: edge\r\nContent-Length: ${Buffer.byteLength(body)}\r\nSealpix-Proof: ${proof()}\r\n\r\n${body}`)
  const until = Date.now() + 10_000
  while (kv.calls.put === puts && Date.now() < until) await edge.fetch('/_sealpix/healthz')
  socket.destroy()
  kv.heal()
  let said = ''
  while (!said.startsWith('held ') && Date.now() < until + 20_000) {
    said = (await edge.post(PUSH, body, { 'Sealpix-Proof': proof() })).says
  }
  assert.match(said, /^held /)
})

test('a slow KV holds up neither hits nor known keys', async () => {
  const key = newKeyAtOrigin()
  const target = world.sign('w_150', PHOTO, { key })
  assertPicture(await edge.warm(target), 'hit')
  kv.slow('get', 3_600_000)
  try {
    const began = performance.now()
    for (let round = 0; round < 20; round += 1) assertPicture(await edge.fetch(target), 'hit')
    assert.ok(performance.now() - began < 5_000)
  } finally {
    kv.heal()
  }
})

test('a KV that never answers is gone past: an unknown key is looked up at the origin', async () => {
  const key = newKeyAtOrigin()
  const dead = await FailingKv.start()
  dead.slow('get', 3_600_000)
  const fresh = world.newEdge({}, { failing: [dead] })
  const began = performance.now()
  assertPicture(await fresh.fetch(world.sign('w_153', PHOTO, { key })), 'fwd=miss; stored')
  assert.ok(performance.now() - began < 10_000)
  await fresh.stop()
  dead.stop()
})
