// Records: from KV, pulled from the origin, forged, old, and with the origin away.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertPicture, assertRefused, newKey, now, start, type Edge, type World } from './harness.ts'
import { open, prove, seal, type Place, type Stamp } from './link.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const second = newKey()

let world: World
let sealed: { key: string; project: string }
let keyPlace: Place
const projectPlace: Place = { kind: 'project', name: 'my-app' }

before(async () => {
  world = await start()
  world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [second] }] })
  keyPlace = { kind: 'key', name: world.origin.setup.public_key }
  const { key, project } = await world.origin.records(keyPlace.name, 'my-app')
  assert.ok(key !== null && project !== null)
  sealed = { key, project }
})
after(() => world.stop())

async function seeded(records = sealed): Promise<Edge> {
  const edge = world.newEdge()
  await edge.store(`key:${keyPlace.name}`, records.key)
  await edge.store('project:my-app', records.project)
  return edge
}

/** Both records sealed anew with another stamp. */
function restamped(change: (stamp: Stamp) => Partial<Stamp>): { key: string; project: string } {
  const link = world.origin.setup.edge_link
  const again = (place: Place, text: string): string => {
    const { stamp, record } = open(link, place, text)
    return seal(link, place, { ...stamp, ...change(stamp) }, record)
  }
  return { key: again(keyPlace, sealed.key), project: again(projectPlace, sealed.project) }
}

const forged = (target: string): string => target.replace('w_150', 'w_151')

test('with the origin away, known keys and cached pictures live on', async () => {
  const edge = await seeded()
  const target = world.sign('w_150', PHOTO)
  assertPicture(await edge.warm(target), 'hit')
  await world.origin.away(async () => {
    assertPicture(await edge.fetch(target), 'hit')
    assertRefused(await edge.fetch(forged(target)), 'signature_invalid', 403)
    assertRefused(await edge.fetch(world.sign('w_152', PHOTO)), 'origin_unreachable', 502)
    // A key that this edge has never seen: not "unknown", which would be a lie.
    const unseen = await edge.fetch(world.sign('w_150', PHOTO, { key: second }))
    assertRefused(unseen, 'key_lookup_busy', 503)
    assert.ok(Number(unseen.headers.get('Retry-After')) > 0)
  })
})

test('a fresh isolate knows from KV what the origin cannot tell it', async () => {
  const edge = await seeded()
  const target = world.sign('w_150', PHOTO)
  await world.origin.away(async () => {
    assertRefused(await edge.fetch(forged(target)), 'signature_invalid', 403)
    assertRefused(await edge.fetch(target), 'origin_unreachable', 502)
  })
})

test('SIG-12 a record that was changed, moved or made elsewhere does not open', async () => {
  const flipped = sealed.key.slice(0, -1) + (sealed.key.endsWith('A') ? 'B' : 'A')
  const other = (await world.origin.records(second.public_key, 'my-app')).key ?? ''
  const { stamp, record } = open(world.origin.setup.edge_link, keyPlace, sealed.key)
  const staging = seal(world.origin.setup.edge_link, { ...keyPlace, environment: 'staging' }, stamp, record)
  const stranger = `el_${world.origin.setup.edge_link.slice(3, 11)}_${Buffer.alloc(32, 7).toString('base64url')}`
  const ours = seal(stranger, keyPlace, stamp, record)
  const ahead = restamped((stamp) => ({ version: stamp.version + 3_600_000 })).key
  const target = world.sign('w_150', PHOTO)
  for (const [what, key] of Object.entries({ flipped, other, staging, ours, ahead, empty: '', text: 'r1.x' })) {
    const edge = await seeded({ ...sealed, key })
    await world.origin.away(async () => assertRefused(await edge.fetch(target), 'key_lookup_busy', 503))
    // With the origin back it is pulled: what stands in KV does no harm.
    assert.equal((await edge.fetch(target)).status, 200, what)
  }
})

test('past its end a record says nothing, and a fresh one is pulled where it can be', async () => {
  const edge = await seeded(restamped(() => ({ freshUntil: now() - 1 })))
  const target = world.sign('w_150', PHOTO)
  await world.origin.away(async () => {
    const reply = await edge.fetch(target)
    assertRefused(reply, 'record_stale', 503)
    assert.ok(Number(reply.headers.get('Retry-After')) > 0)
  })
  const later = await seeded(restamped(() => ({ freshUntil: now() - 1 })))
  assert.equal((await later.fetch(target)).status, 200)
})

test('past its end a record is renewed by a push, with the origin out of reach', async () => {
  const edge = await seeded(restamped(() => ({ freshUntil: now() - 1 })))
  const target = world.sign('w_150', PHOTO)
  await world.origin.away(async () => {
    assertRefused(await edge.fetch(target), 'record_stale', 503)
    const renewed = restamped(() => ({ sealedAt: now(), freshUntil: now() + 86_400 }))
    for (const [name, record] of [[`key:${keyPlace.name}`, renewed.key], ['project:my-app', renewed.project]]) {
      const body = `${name}\n${record}`
      const request = { direction: 'origin-to-edge', method: 'POST', body } as const
      const proof = prove(world.origin.setup.edge_link, '/_sealpix/link/records', request)
      assert.match((await edge.post('/_sealpix/link/records', body, { 'Sealpix-Proof': proof })).says, /^held /)
    }
    assertRefused(await edge.fetch(target), 'origin_unreachable', 502)
    assertRefused(await edge.fetch(forged(target)), 'signature_invalid', 403)
  })
  assertPicture(await edge.fetch(target), 'fwd=miss; stored')
})

test('SIG-11 strangers cannot have the origin asked without bound', async () => {
  const edge = world.newEdge()
  const targets = Array.from({ length: 120 }, () => world.sign('w_150', PHOTO, { key: newKey() }))
  const replies = await Promise.all(targets.map((target) => edge.fetch(target)))
  const codes = replies.map((reply) => reply.problem?.code)
  assert.ok(codes.includes('key_unknown') && codes.includes('key_lookup_busy'), [...new Set(codes)].join())
  assert.ok(codes.every((code) => code === 'key_unknown' || code === 'key_lookup_busy'))
})

test("SIG-17 an edge with another link's secret is refused, and says so to its operator alone", async () => {
  const stranger = `el_0a0a0a0a_${Buffer.alloc(32, 7).toString('base64url')}`
  const edge = world.newEdge({ SEALPIX_EDGE_LINK: stranger })
  const reply = await edge.fetch(world.sign('w_150', PHOTO))
  assertRefused(reply, 'origin_unreachable', 502)
  assert.ok(edge.said.some((line) => line.includes('SEALPIX_EDGE_LINK')), edge.said.join('\n'))
})

test('CFG-2 a wrong variable is named in the log and nowhere else', async () => {
  for (const [name, value] of [
    ['SEALPIX_ORIGIN', ''], ['SEALPIX_ORIGIN', 'http://origin.example.com'], ['SEALPIX_EDGE_LINK', ''],
    ['SEALPIX_EDGE_LINK', 'el_wrong'], ['SEALPIX_LIMIT_COUNTS', 'hits'], ['SEALPIX_ORIGIN_TIMEOUT_SECS', 'soon'],
  ] as const) {
    const edge = world.newEdge({ [name]: value })
    const reply = await edge.fetch(world.sign('w_150', PHOTO))
    assertRefused(reply, 'internal', 500)
    assert.ok(!reply.body.toString().includes('SEALPIX'))
    const line = edge.said.find((line) => line.includes(name)) ?? ''
    assert.ok(line !== '' && (value === '' || !line.includes(value)), edge.said.join('\n'))
  }
})
