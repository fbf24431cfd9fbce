// Purges: what they empty at the edge and what they leave, by API and command; and an origin that has lost one.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { Api } from './api.ts'
import { assertPicture, assertRefused, newKey, World, type Edge, type Key, type Reply } from './harness.ts'
import { freePort } from './postgres.ts'

const HELD = ['the edge holds the record', 'project:my-app']
const CAT = '@gallery/cat.jpg'
const CAT_2 = '@gallery/cat2.jpg'
const KITTEN = '@gallery/cat/kitten.jpg'
const ALBUM = '@gallery/albums/2026/sea.jpg'
const ALL = [CAT, CAT_2, KITTEN, ALBUM]
const other = newKey()
const MISS = 'fwd=miss; stored'

let world: World
let edge: Edge
let api: Api
/** Two pictures, of which now the one and now the other is at the source. */
let pictures: Buffer[]
let turn = 0

before(async () => {
  const port = await freePort()
  world = new World()
  world.origin.edgeUrl = `http://127.0.0.1:${port}`
  await world.origin.serve()
  edge = world.newEdge({}, { port })
  const anyone = new Api(() => world.origin.url)
  const admin = { token: world.origin.setupToken(), email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' }
  api = anyone.as((await anyone.done('POST', '/setup', admin)).token)
  world.guard(api.token ?? '')
  world.origin.apply({
    projects: [
      { slug: 'my-app', grants: ['gallery'] },
      { slug: 'other-app', grants: ['gallery'], keys: [other] },
    ],
  })
  await world.origin.says(HELD)
  const made = ['@gallery/freespace-1mp.jpg', '@gallery/sunset-12mp-progressive.jpg']
  pictures = await Promise.all(made.map(async (source) => (await edge.fetch(world.sign('w_200', source))).body))
  assert.notDeepEqual(pictures[0], pictures[1])
})
after(() => world.stop())

/** Puts the other picture to every source. */
function replaceSources(): void {
  turn += 1
  const picture = pictures[turn % 2]
  assert.ok(picture !== undefined)
  for (const source of ALL) {
    const file = join(world.origin.gallery, source.slice('@gallery/'.length))
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, picture)
  }
}

const target = (source: string): string => world.sign('w_100', source)
const elsewhere = (source: string): string => world.sign('w_100', source, { key: other, project: 'other-app' })
let warm = new Map<string, Reply>()

// Every picture is in the cache, in both projects, and at the source there is another one.
beforeEach(async () => {
  warm = new Map()
  replaceSources()
  await purgeByApi({})
  for (const source of ALL) {
    warm.set(source, await edge.warm(target(source)))
    await edge.warm(elsewhere(source))
  }
  replaceSources()
})

async function purgeByApi(what: { source?: string }, headers: Record<string, string> = {}): Promise<any> {
  const purged = await api.done('POST', '/projects/my-app/purge', what, headers)
  assert.equal(purged.edge, 'acknowledged', JSON.stringify(purged))
  return purged
}

/** Returns when the edge has the record. */
async function purgeByCommand(...args: string[]): Promise<any> {
  const from = world.origin.said.length
  const purged = JSON.parse(world.origin.command({ args: ['purge', 'my-app', '--json', ...args] }))
  await world.origin.says(HELD, from)
  return purged
}

/** Which sources the cache still answers for; the others are missed once, with the new bytes, and then held anew. */
async function kept(): Promise<string[]> {
  const hits: string[] = []
  for (const source of ALL) {
    const reply = await edge.fetch(target(source))
    const old = warm.get(source)?.body
    if (reply.headers.get('Cache-Status')?.startsWith('sealpix; hit') === true) {
      assert.deepEqual(reply.body, old, source)
      hits.push(source)
      continue
    }
    assertPicture(reply, MISS)
    assert.notDeepEqual(reply.body, old, `${source} is made anew of the old source`)
    assert.deepEqual((await edge.warm(target(source))).body, reply.body)
  }
  for (const source of ALL) assertPicture(await edge.fetch(elsewhere(source)), 'hit')
  return hits
}

test('without a purge the cache answers with the old picture', async () => {
  assert.deepEqual(await kept(), ALL)
})

test('a source is emptied the moment the edge has acknowledged, by API and by command', async () => {
  const purged = await purgeByApi({ source: ALBUM })
  assert.deepEqual({ ...purged, epoch: 0 }, { project: 'my-app', source: ALBUM, emptied: 'source', epoch: 0, edge: 'acknowledged' })
  assert.deepEqual(await kept(), [CAT, CAT_2, KITTEN])
  await purgeByCommand('--source', CAT_2)
  replaceSources()
  const again = await edge.fetch(target(CAT_2))
  assertPicture(again, MISS)
  assert.deepEqual(again.body, warm.get(CAT_2)?.body, 'of the source as it is now')
})

test('a folder is emptied with all that is in it, by API and by command', async () => {
  await purgeByApi({ source: '@gallery/albums/' })
  assert.deepEqual(await kept(), [CAT, CAT_2, KITTEN])
})

test('PATH-2 a prefix is one of text: a folder is named with its slash', async () => {
  await purgeByCommand('--source', '@gallery/cat/')
  assert.deepEqual(await kept(), [CAT, CAT_2, ALBUM])
})

test('PATH-2 without the slash what begins alike is emptied too', async () => {
  await purgeByCommand('--source', '@gallery/cat')
  assert.deepEqual(await kept(), [ALBUM])
})

test('a named source, and a project, are emptied whole', async () => {
  const source = await purgeByCommand('--source', '@gallery')
  assert.equal(source.source, '@gallery/')
  assert.deepEqual(await kept(), [])
})

test('a project is emptied whole, and no other', async () => {
  const purged = await purgeByCommand('--all')
  assert.deepEqual([purged.emptied, purged.source], ['project', null])
  assert.deepEqual(await kept(), [])
})

test('a purge again is harmless: one miss more, or none under the same Idempotency-Key', async () => {
  const headers = { 'Idempotency-Key': `purge-${turn}` }
  const first = await purgeByApi({ source: CAT }, headers)
  assert.deepEqual(await kept(), [CAT_2, KITTEN, ALBUM])
  assert.equal((await purgeByApi({ source: CAT }, headers)).epoch, first.epoch)
  assertPicture(await edge.fetch(target(CAT)), 'hit')
  assert.ok((await purgeByApi({ source: CAT })).epoch > first.epoch)
  assertPicture(await edge.fetch(target(CAT)), MISS)
  assertPicture(await edge.warm(target(CAT)), 'hit')
})

test('the 65th source empties the project, and purges of parts go on from there', async () => {
  const purged = []
  for (let number = 0; number < 65; number += 1) {
    purged.push(JSON.parse(world.origin.command({ args: ['purge', 'my-app', '--json', '--source', `@gallery/${number}/`] })))
  }
  assert.deepEqual(purged.map((purged) => purged.emptied).lastIndexOf('source'), 63)
  assert.equal(purged[64].emptied, 'project')
  await purgeByApi({ source: '@gallery/nothing-of-ours/' })
  assert.deepEqual(await kept(), [])
})

test('CACHE-7 a rotated key finds what was made since the purge', async () => {
  await purgeByApi({})
  const made = await api.done('POST', '/projects/my-app/keys', { name: 'to be rotated' })
  const old: Key = { public_key: made.key.public_key, secret_key: made.secret_key }
  const fresh = await edge.warm(world.sign('w_100', CAT, { key: old }))
  const rotated = await api.done('POST', `/keys/${old.public_key}/rotate`, { grace: '0' })
  const key: Key = { public_key: rotated.key.public_key, secret_key: rotated.secret_key }
  const hit = await edge.fetch(world.sign('w_100', CAT, { key }))
  assertPicture(hit, 'hit')
  assert.deepEqual(hit.body, fresh.body)
})

test('an origin that lost a purge makes nothing for its edge until it is purged again', async () => {
  const { origin } = world
  const backup = join(origin.folder, 'backup')
  origin.command({ args: ['registry', 'backup', backup] })
  await purgeByApi({ source: CAT })
  await origin.stop()
  for (const file of readdirSync(origin.data).filter((file) => file.startsWith('registry.db'))) rmSync(join(origin.data, file))
  origin.command({ args: ['registry', 'restore', backup] })
  await origin.serve()

  const refused = await edge.fetch(target(CAT))
  assertRefused(refused, 'origin_behind', 503)
  assert.equal(refused.headers.get('Retry-After'), '2')
  assertRefused(await edge.fetch(target(CAT)), 'origin_behind', 503)
  assertPicture(await edge.fetch(target(ALBUM)), 'hit')
  assertPicture(await edge.fetch(world.sign('w_101', ALBUM)), MISS)

  await purgeByCommand('--source', CAT)
  assert.deepEqual(await kept(), [CAT_2, KITTEN, ALBUM])
})
