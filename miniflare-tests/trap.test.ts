// A trap in the WASM: it fails its own request, and the next one is answered by a fresh instance that knows what it must.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Between } from './between.ts'
import { assertPicture, assertRefused, newKey, World, type Edge, type Reply } from './harness.ts'
import { trapBuild } from './trap-build.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const revoked = newKey({ state: 'revoked' })

let world: World
let between: Between
let build: string
let edge: Edge

before(async () => {
  world = new World()
  await world.origin.serve()
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [revoked] }] })
  between = new Between(() => world.origin.url)
  await between.start()
  build = trapBuild()
  // What a future waited for is waited for to its end, though nobody is there any more: the origin's deadline, at most.
  const bindings = { SEALPIX_ORIGIN: between.url, SEALPIX_ORIGIN_TIMEOUT_SECS: '1' }
  edge = world.newEdge(bindings, { build, scripts: ['entry.js', 'watch.js', 'index.js'] })
})
after(async () => {
  await world.stop()
  between.stop()
  rmSync(build, { recursive: true, force: true })
})

const trap = (target: string, when: string): Promise<Reply> => edge.fetch(target, { 'Test-Trap': when })

/** The gate as it must be, whatever came before. */
async function assertGated(width: number): Promise<void> {
  await trap('/_sealpix/healthz', 'off')
  const target = world.sign(`w_${width}`, PHOTO)
  assertRefused(await edge.fetch(target.replace('w_', 'w_1')), 'signature_invalid', 403)
  assertRefused(await edge.fetch(world.sign(`w_${width}`, PHOTO, { key: revoked })), 'key_revoked', 401)
  assertPicture(await edge.warm(target), 'hit')
}

test('a request that traps as it comes in fails, and the next one works', async () => {
  await assertGated(200)
  assert.equal((await trap(world.sign('w_200', PHOTO), 'in 1')).status, 500)
  assertPicture(await edge.fetch(world.sign('w_200', PHOTO)), 'hit')
  await assertGated(200)
  assert.ok(edge.said.some((line) => line.includes('unreachable')), 'the log names the trap')
})

test('a request that traps wherever it goes on after a wait fails within its deadline, and the next one works', async () => {
  let trapped = 0
  let slowest = 0
  for (let at = 1; ; at += 1) {
    const began = performance.now()
    const reply = await trap(world.sign(`w_${300 + at}`, PHOTO), `in ${at}`)
    slowest = Math.max(slowest, performance.now() - began)
    await assertGated(200)
    if (reply.status === 200) break
    assert.equal(reply.status, 500)
    trapped += 1
  }
  console.log(`a miss traps at each of its ${trapped} places; the slowest answer took ${Math.round(slowest)} ms`)
  assert.ok(trapped > 5, 'it waits for records, cache and origin')
  assert.ok(slowest < 5_000)
})

test('a trap behind the answer takes nothing from it, and the next one works', async () => {
  for (let at = 1; at <= 8; at += 1) {
    const target = world.sign(`w_${400 + at}`, PHOTO)
    const reply = await trap(target, `after ${at}`)
    assertPicture(reply, 'fwd=miss; stored')
    assert.equal(reply.body.length, Number(reply.headers.get('Content-Length')))
    await assertGated(200)
    assertPicture(await edge.warm(target), 'hit')
  }
})

test('what is under way beside a trap ends, and nobody hangs', async () => {
  const { pulled, release } = between.hold()
  // A fresh name, so that it waits for its pull; its isolate's memory is gone by the time that the answer comes.
  const waiting = edge.fetch(world.sign('w_200', PHOTO, { key: newKey() }))
  await pulled
  assert.equal((await trap(world.sign('w_200', PHOTO), 'in 1')).status, 500)
  const beside = edge.fetch(world.sign('w_200', PHOTO))
  release()
  assert.ok([401, 500].includes((await waiting).status))
  assertPicture(await beside, 'hit')
  await assertGated(200)
})

test('a hundred traps, in a row and at once, leave a Worker that works', async () => {
  const target = world.sign('w_200', PHOTO)
  const statuses: number[] = []
  for (let round = 0; round < 50; round += 1) statuses.push((await trap(target, `in ${1 + (round % 3)}`)).status)
  const replies = await Promise.all(Array.from({ length: 50 }, (_, at) => trap(target, `in ${1 + (at % 3)}`)))
  statuses.push(...replies.map(({ status }) => status))
  assert.ok(statuses.every((status) => status === 200 || status === 500), statuses.join())
  const failed = statuses.filter((status) => status === 500).length
  console.log(`of 100 requests ${failed} failed for their trap, or for one beside them`)
  assert.ok(failed >= 50)
  await assertGated(200)
})
