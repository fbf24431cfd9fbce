// The tour: what an operator does in a product's life, through the API, on both databases, with and without the Worker.
// At its end the database, its dump and every log are searched for each secret that was used.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Api } from './api.ts'
import { Between } from './between.ts'
import { World, type Edge, type Key, type Reply } from './harness.ts'
import { freePort, Postgres } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const MASTER = 'the master secret of the tour, 32 characters and more'
const PASSWORD = 'correct horse battery staple'
const ADMIN = { email: 'ada@example.com', name: 'Ada', password: PASSWORD }

for (const database of ['sqlite', 'postgres'] as const) {
  for (const way of ['direct', 'worker'] as const) {
    describe(`the tour on ${database}, ${way}`, () => tour(database, way))
  }
}

function tour(database: 'sqlite' | 'postgres', way: 'direct' | 'worker'): void {
  const secrets = new Map<string, string>([['master secret', MASTER], ['password', PASSWORD]])
  const postgres = new Postgres()
  const kv = mkdtempSync(join(tmpdir(), 'sealpix-tour-'))
  let world: World
  let edge: Edge | undefined
  const between = new Between(() => world.origin.url)
  let api: Api
  let key: Key
  let vendorFile: string
  const more: World['origin'][] = []

  const keep = (name: string, secret: string): string => {
    secrets.set(`${name} ${secrets.size}`, secret)
    world.guard(secret)
    return secret
  }
  const pair = (made: { key: { public_key: string }; secret_key: string }): Key => ({
    public_key: made.key.public_key,
    secret_key: keep('secret key', made.secret_key),
  })
  /** A change that the edge has, where there is one. */
  const acknowledged = <Made extends { edge: string }>(made: Made): Made => {
    assert.equal(made.edge, way === 'worker' ? 'acknowledged' : 'none')
    return made
  }
  const deliver = async (target: string): Promise<{ status: number; code: string | undefined }> => {
    const reply: Reply = edge === undefined ? await direct(world.origin.url + target) : await edge.fetch(target)
    return { status: reply.status, code: reply.problem?.code }
  }
  const sign = (of: Key, operations = 'w_64'): string => world.sign(operations, PHOTO, { key: of, project: 'tour' })

  before(async () => {
    const environment: Record<string, string> = { MASTER_SECRET: MASTER }
    if (database === 'postgres') {
      await postgres.start()
      environment.DATABASE_URL = postgres.url
      secrets.set('database password', postgres.password)
    }
    environment.SEALPIX_DELIVERY = way === 'direct' ? 'direct' : 'proof'
    world = new World(environment)
    const port = await freePort()
    if (way === 'worker') world.origin.edgeUrl = `http://127.0.0.1:${port}`
    const { file, public: publicKey } = vendor(world)
    environment.SEALPIX_LICENSE_PUBLIC_KEY = publicKey
    vendorFile = file
    secrets.set('licence signing key', readFileSync(file, 'utf8').trim())
    await world.origin.serve()
    if (way === 'worker') {
      await between.start()
      edge = world.newEdge({ SEALPIX_ORIGIN: between.url }, { port, kv })
    }
    keep('edge link', world.origin.setup.edge_link)
    keep('secret key', world.origin.setup.secret_key)
    api = new Api(() => world.origin.url)
  })

  after(async () => {
    await Promise.all(more.map((origin) => origin.stop()))
    await world.stop()
    if (way === 'worker') between.stop()
    await postgres.stop()
    rmSync(kv, { recursive: true, force: true })
  })

  test('the first run makes one admin, with the token alone', async () => {
    // Printed once for who started it; the world's own search is of logs, which this line is none of.
    const token = world.origin.setupToken()
    secrets.set('setup token', token)
    assert.equal((await api.done('GET', '/setup')).needed, true)
    await api.refused(401, 'setup_token_wrong', 'POST', '/setup', { token: `setup_${'A'.repeat(43)}`, ...ADMIN })
    const made = await api.done('POST', '/setup', { token, ...ADMIN })
    keep('session', made.token)
    await api.refused(409, 'set_up_already', 'POST', '/setup', { token, ...ADMIN })
    await api.refused(401, 'credentials_wrong', 'POST', '/sessions', { email: ADMIN.email, password: 'not it at all' })
    const session = await api.done('POST', '/sessions', { email: ADMIN.email, password: PASSWORD })
    api = api.as(keep('session', session.token))
    assert.equal((await api.done('GET', '/session')).role, 'admin')
  })

  test('a project, its key, and a picture', async () => {
    acknowledged(await api.done('POST', '/projects', { slug: 'tour', grants: ['gallery'] }))
    const made = await api.done('POST', '/projects/tour/keys', { name: 'first' })
    key = pair(made)
    acknowledged(made)
    assert.deepEqual(await deliver(sign(key)), { status: 200, code: undefined })
    const signed = await api.done('POST', '/sign', { project: 'tour', key: key.public_key, operations: 'w_80', source: PHOTO })
    assert.equal((await deliver(signed.target)).status, 200)
  })

  test('rotation with grace lets both verify, without it the old one stops', async () => {
    const old = key
    const with_ = await api.done('POST', `/keys/${old.public_key}/rotate`, { grace: '15m' })
    key = pair(with_)
    acknowledged(with_)
    for (const each of [old, key]) assert.equal((await deliver(sign(each, 'w_65'))).status, 200)
    const before = key
    const without = await api.done('POST', `/keys/${before.public_key}/rotate`, { grace: '0' })
    acknowledged(without)
    key = pair(without)
    assert.equal((await refusal(() => deliver(sign(before, 'w_65')))).code, 'key_expired')
    assert.equal((await deliver(sign(key, 'w_65'))).status, 200)
  })

  test('a revoked key is refused', async () => {
    const made = acknowledged(await api.done('POST', '/projects/tour/keys', { name: 'leaked' }))
    const leaked = pair(made)
    assert.equal((await deliver(sign(leaked, 'w_66'))).status, 200)
    const began = performance.now()
    const revoked = acknowledged(await api.done('POST', `/keys/${leaked.public_key}/revoke`))
    assert.equal((await refusal(() => deliver(sign(leaked, 'w_66')))).code, 'key_revoked')
    console.log(`tour: ${database} ${way}: from revoke to refusal ${Math.round(performance.now() - began)} ms${edge === undefined ? '' : `, edge ${revoked.edge}`}`)
    for (let round = 0; round < 20; round += 1) assert.equal((await deliver(sign(leaked, `w_${70 + round}`))).code, 'key_revoked')
  })

  if (way === 'worker') {
    test('a slow pull that races a revocation never wins', async () => {
      assert.ok(edge !== undefined)
      for (let round = 0; round < 3; round += 1) {
        const raced = pair(await api.done('POST', '/projects/tour/keys', { name: 'raced' }))
        const { pulled, release } = between.hold()
        // A project that the edge cannot know: both records are pulled, the key's as it is before the revocation.
        const slow = edge.fetch(world.sign('w_64', PHOTO, { key: raced, project: `elsewhere-${round}` }))
        await pulled
        const { edge: said } = await api.done('POST', `/keys/${raced.public_key}/revoke`)
        assert.equal(said, 'acknowledged')
        release()
        assert.notEqual((await slow).status, 200)
        assert.equal((await deliver(sign(raced))).code, 'key_revoked')
      }
    })
  }

  test('guests see the gallery while guest mode is on, and nothing else', async () => {
    await api.as(undefined).refused(403, 'forbidden', 'POST', '/sessions/guest')
    await api.done('PUT', '/settings/guest.enabled', { value: 'true' })
    const guest = api.as(keep('session', (await api.as(undefined).done('POST', '/sessions/guest')).token))
    const gallery = await guest.done('GET', '/projects/tour/gallery')
    assert.ok(gallery.items.length > 0)
    for (const path of ['/projects', '/settings', '/audit', '/users']) await guest.refused(403, 'forbidden', 'GET', path)
    await api.done('PUT', '/settings/guest.enabled', { value: 'false' })
    assert.ok([401, 403].includes((await guest.ask('GET', '/projects/tour/gallery')).status))
  })

  test('the fourth instance needs a licence, and the sixth is refused by one for five; in a race too', async () => {
    const another = (): World['origin'] => {
      const origin = world.origin.sibling()
      more.push(origin)
      return origin
    }
    const starts = async (count: number): Promise<number> => {
      const outcomes = await Promise.allSettled(Array.from({ length: count }, () => another().serve()))
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assert.match(String(outcome.reason), /licen[cs]e/)
      }
      return outcomes.filter((outcome) => outcome.status === 'fulfilled').length
    }
    assert.equal(await starts(4), 2, 'with the first one, three of five run')
    const text = issued(world, vendorFile, 5)
    keep('licence', text)
    await api.refused(400, 'license_signature', 'PUT', '/license', { license: text.slice(0, -4) + 'AAAA' })
    await api.done('PUT', '/license', { license: text })
    assert.equal((await api.done('GET', '/license')).max_instances, 5)
    assert.equal(await starts(4), 2, 'five of seven run')
    assert.equal((await api.done('GET', '/instances')).items.length, 5)
  })

  test('two instances: a change through one is seen by the next request on the other', async () => {
    const other = more.find((origin) => origin.url !== '')
    assert.ok(other !== undefined)
    const there = new Api(() => other.url, api.token)
    for (let round = 0; round < 20; round += 1) {
      const [writer, reader] = round % 2 === 0 ? [api, there] : [there, api]
      await writer.done('PATCH', '/projects/tour', { require_referer: round % 4 < 2 })
      assert.equal((await reader.done('GET', '/projects/tour')).require_referer, round % 4 < 2)
    }
    await api.done('PATCH', '/projects/tour', { require_referer: false })
    const session = await there.as(undefined).done('POST', '/sessions', { email: ADMIN.email, password: PASSWORD })
    keep('session', session.token)
    await there.as(session.token).done('DELETE', '/session')
    assert.equal((await api.as(session.token).ask('GET', '/session')).status, 401)
  })

  test('the audit log says it all, and its export is verified', async () => {
    const verdict = await api.done('GET', '/audit/verification')
    assert.equal(verdict.intact, true)
    const exported = String(await api.done('GET', '/audit/export'))
    const entries = exported.trim().split('\n').map((line) => JSON.parse(line))
    assert.equal(verifyChain(entries), entries.length)
    const actions = new Set(entries.map((entry) => entry.action))
    for (const action of ['user.create', 'session.begin', 'session.failure', 'project.create', 'key.create', 'key.rotate', 'key.revoke', 'setting.change'])
      assert.ok(actions.has(action), `${action} is in ${[...actions].join(' ')}`)
    const tampered = entries.map((entry, at) => (at === 3 ? { ...entry, actor: 'somebody else' } : entry))
    assert.equal(verifyChain(tampered), 3)
    console.log(`tour: ${database} ${way}: audit export of ${entries.length} entries verified`)
  })

  test('neither the database nor a log holds a secret', async () => {
    await Promise.all(more.map((origin) => origin.stop()))
    await world.origin.stop()
    const places = new Map<string, Buffer>()
    if (database === 'postgres') places.set('the dump', postgres.dump())
    for (const name of readdirSync(world.origin.data)) {
      const path = join(world.origin.data, name)
      if (statSync(path).isFile()) places.set(name, readFileSync(path))
    }
    if (database === 'sqlite') assert.ok(places.has('registry.db'))
    for (const origin of [world.origin, ...more]) {
      const lines = origin.said.filter((line) => !line.startsWith('first run:'))
      assert.ok(origin.url === '' || lines.length > 0)
      places.set(`log ${places.size}`, Buffer.from(lines.join('\n')))
    }
    if (edge !== undefined) places.set('the log of the edge', Buffer.from(edge.said.join('\n')))
    let searched = 0
    for (const [name, secret] of secrets) {
      for (const spelling of spellings(secret)) {
        for (const [place, bytes] of places) {
          assert.ok(!bytes.includes(spelling), `${place} holds the ${name} as ${spelling.slice(0, 4)}…`)
          searched += 1
        }
      }
    }
    console.log(`tour: ${database} ${way}: ${secrets.size} secrets, ${searched} searches, none found`)
  })
}

/** The vendor's key pair, made by the command line. */
function vendor(world: World): { file: string; public: string } {
  const file = join(world.origin.folder, 'vendor.key')
  const [, text] = /([A-Za-z0-9_-]{43})\s*$/.exec(world.origin.command({ args: ['license', 'keygen', file] })) ?? []
  assert.ok(text !== undefined)
  return { file, public: text }
}

/** A licence of that vendor's. */
function issued(world: World, file: string, maxInstances: number): string {
  const args = ['license', 'issue', '--holder', 'The tour', '--days', '30', '--max-instances', String(maxInstances)]
  return world.origin.command({ args, environment: { SEALPIX_LICENSE_SIGNING_KEY_FILE: file } }).trim()
}

/** A secret as it may lie about: as it is, without its prefix, its bytes; each in base64 at each offset, and in hex. */
function spellings(secret: string): Buffer[] {
  const bare = secret.replace(/^(sk|setup|spt|el_[0-9a-f]{8}|SPXK)[_.]/, '')
  const raw = /^[A-Za-z0-9_-]{43}$/.test(bare) ? [Buffer.from(bare, 'base64url')] : []
  const forms = [Buffer.from(secret), Buffer.from(bare), ...raw]
  return forms.flatMap((bytes) => {
    const hex = bytes.toString('hex')
    const shifted = [0, 1, 2].flatMap((offset) => {
      const padded = Buffer.concat([Buffer.alloc(offset), bytes])
      const cut = padded.toString('base64').replaceAll('=', '').slice(offset === 0 ? 0 : 4, -4)
      return [cut, cut.replaceAll('+', '-').replaceAll('/', '_')]
    })
    return [bytes, ...[hex, hex.toUpperCase(), ...shifted].map((text) => Buffer.from(text))]
  })
}

type Entry = Record<string, any>

/** How many entries from the first on are as they were written: the chain as docs describe it, made anew. */
function verifyChain(entries: Entry[]): number {
  let previous = '0'.repeat(64)
  for (const [at, entry] of entries.entries()) {
    const fields: (Buffer | string)[] = ['sealpix/audit/v1', previous, number(entry.seq), number(entry.at), entry.action, entry.actor_kind, entry.actor, entry.target]
    for (const name of ['address', 'request_id', 'before', 'after']) {
      const value = entry[name]
      fields.push(...(value === null || value === undefined ? ['-'] : ['+', value]))
    }
    const hash = createHash('sha256')
    for (const field of fields) hash.update(number(Buffer.byteLength(field))).update(field)
    if (hash.digest('hex') !== entry.hash) return at
    previous = entry.hash
  }
  return entries.length
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** Asks until it is refused: at the edge a change is in force when it has arrived. */
async function refusal<Answer extends { status: number }>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let round = 0; round < 400; round += 1) {
    const answer = await ask()
    if (answer.status !== 200) return answer
    await pause(10)
  }
  throw new Error('it is never refused')
}

async function direct(url: string): Promise<Reply> {
  const reply = await fetch(url)
  const body = Buffer.from(await reply.arrayBuffer())
  const isProblem = reply.headers.get('Content-Type')?.startsWith('application/problem+json') === true
  return { status: reply.status, headers: reply.headers, body, problem: isProblem ? JSON.parse(body.toString()) : undefined }
}
