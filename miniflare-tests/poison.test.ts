// Poisoned requests, byte for byte on the wire: each is answered with a refusal, none with a fault of ours, and a good URL
// works afterwards. What is no HTTP the runtime refuses itself, or hangs up on.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, cpSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { assertPicture, assertRefused, now, start, type Edge, type World } from './harness.ts'
import { prove } from './link.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const PUSH = '/_sealpix/link/records'
const fuzz = resolve(import.meta.dirname, '..', 'shared', 'fuzz')

let world: World
let edge: Edge
let good: string

before(async () => {
  world = await start()
  edge = world.edge
  good = world.sign('w_100,f_webp', PHOTO, { exp: now() + 3600 })
  assert.equal((await edge.warm(good)).status, 200)
})
after(() => world.stop())
afterEach(async () => {
  assertPicture(await edge.fetch(good), 'hit')
  // The runtime's own parsers throw at what is no URL, and at CONNECT, before the Worker.
  const said = edge.said.filter((line) => !/kj\/compat\/url\.c\+\+|Invalid URL string|Incoming CONNECT/.test(line))
  for (const line of said) assert.doesNotMatch(line, /uncaught|unhandled|panicked|Critical|RuntimeError|internal"/i)
})

/** The same random numbers on each run. */
function seeded(seed: number): (below: number) => number {
  return (below) => (seed = (seed * 48271) % 2147483647) % below
}

const head = (target: Buffer | string, headers: Buffer | string = '', method = 'GET'): Buffer =>
  Buffer.concat([Buffer.from(`${method} `), Buffer.from(target), Buffer.from(' HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n'), Buffer.from(headers), Buffer.from('\r\n')])

/** Whether a client's URL parser makes the good URL of it: then it is the good URL. */
function isGood(target: Buffer): boolean {
  try {
    return new URL(`http://edge${target.toString('latin1')}`).href === new URL(`http://edge${good}`).href
  } catch {
    return false
  }
}

/** What no Worker sees: workerd answers 501 to a method that it does not know, and 500 to a target or a host that is none. */
function isTheRuntimes(request: Buffer, status: number): boolean {
  const text = request.toString('latin1')
  const [, target = ''] = text.split(' ')
  // Of two hosts it makes one: `edge, other`.
  const host = [...text.matchAll(/\r\nHost: *([^\r]*)/g)].map(([, host]) => host).join(', ')
  return status === 501 || text.startsWith('CONNECT ') || (status === 500 && !(target.startsWith('/') && URL.canParse(`http://${host}`)))
}

type Told = Map<string, number>

/** Sends each, eight at a time; how often which answer came. */
async function sendAll(requests: Buffer[], mayBe: (request: Buffer) => number[] = () => []): Promise<Told> {
  const told: Told = new Map()
  const rest = requests.entries()
  const sender = async (): Promise<void> => {
    for (const [, request] of rest) {
      const { status, code, ours, text } = await edge.raw(request)
      const refused = ours ? code !== '' || status === 204 : true
      const busy = status === 503 && code === 'key_lookup_busy' && /^retry-after: [1-9]/im.test(text)
      const what = `${status} ${code} ${JSON.stringify(request.toString('latin1').slice(0, 300))}`
      const fine = (status === 0 && !ours) || (status >= 400 && status < 500 && refused) || busy || (!ours && isTheRuntimes(request, status)) || mayBe(request).includes(status)
      assert.ok(fine, what)
      if (ours && status >= 400 && !/^HEAD /.test(request.toString('latin1'))) assert.match(text, /content-type: application\/problem\+json/i, what)
      const key = `${status} ${ours ? code : 'runtime'}`
      told.set(key, (told.get(key) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 8 }, sender))
  console.log([...told].map(([key, count]) => `${count} x ${key}`).join(', '))
  return told
}

test('SIG-2 a thousand random byte flips of a valid URL', async () => {
  const random = seeded(20_260_730)
  const requests = Array.from({ length: 1000 }, () => {
    const target = Buffer.from(good)
    for (let flips = 1 + random(3); flips > 0; flips -= 1) {
      // Not the first: what is no path the runtime refuses itself.
      const at = 1 + random(target.length - 1)
      target[at] = (target[at] ?? 0) ^ (1 << random(8))
    }
    return target
  })
  const told = await sendAll(requests.map((target) => head(target)), (request) =>
    isGood(request.subarray(4, request.indexOf(' HTTP/1.1'))) ? [200] : [])
  assert.ok((told.get('400 malformed_url') ?? 0) > 100 && (told.get('403 signature_invalid') ?? 0) > 10)
})

test('a thousand random byte strings, as targets and as whole requests', async () => {
  const random = seeded(7)
  const bytes = (): Buffer => Buffer.from(Array.from({ length: 1 + random(400) }, () => random(256)))
  const asTargets = Array.from({ length: 500 }, () => head(Buffer.concat([Buffer.from('/'), bytes()])))
  await sendAll([...asTargets, ...Array.from({ length: 500 }, bytes)])
})

test('every fuzz seed and find: as target, as its parts, and as each header that is read', async () => {
  const finds: Buffer[] = []
  for (const folder of ['seeds', 'corpus', 'artifacts']) {
    if (!existsSync(join(fuzz, folder))) continue
    for (const entry of readdirSync(join(fuzz, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) finds.push(readFileSync(join(entry.parentPath, entry.name)))
    }
  }
  assert.ok(finds.length >= 30, `${finds.length} inputs`)
  console.log(`${finds.length} inputs`)
  const [path = '', query = ''] = good.split('?')
  const source = path.split('/').slice(3).join('/')
  const operations = path.split('/')[2] ?? ''
  const requests: Buffer[] = []
  for (const find of finds) {
    const text = find.toString('latin1')
    const put = (target: string): number => requests.push(head(Buffer.from(target, 'latin1')))
    put(text)
    put(`/${text}`)
    put(good.replace(operations, () => text))
    put(good.replace(source, () => text))
    put(`${path}?${text}`)
    put(`${path}?${query}&w=${text}`)
    for (const name of ['Referer', 'Accept', 'If-None-Match', 'CF-Connecting-IP', 'CF-Ray', 'Range']) {
      const value = Buffer.from(text.replaceAll(/[\r\n\0]/g, ' '), 'latin1')
      requests.push(head(good, Buffer.concat([Buffer.from(`${name}: `), value, Buffer.from('\r\n')])))
    }
  }
  await sendAll(requests, (request) => (isGood(request.subarray(4, request.indexOf(' HTTP/1.1'))) ? [200, 206, 304, 416] : []))
})

test('SIG-17 poisoned pushes, proven and not, are refused', async () => {
  const random = seeded(99)
  for (const folder of ['envelope', 'records', 'proof']) {
    for (const name of readdirSync(join(fuzz, 'seeds', folder))) {
      const seed = readFileSync(join(fuzz, 'seeds', folder, name)).toString('latin1')
      for (const body of [seed, `key:pk_a\n${seed}`, `project:my-app\n${seed}`, 'project:my-app\n', '\n', 'key:\n', ':\n\n', `project:my-app\nr1.${seed}`]) {
        const proof = prove(world.origin.setup.edge_link, PUSH, { direction: 'origin-to-edge', method: 'POST', body })
        assert.deepEqual(await edge.post(PUSH, body, { 'Sealpix-Proof': proof }), { status: 400, says: 'malformed_url' })
        const at = random(proof.length)
        const flipped = proof.slice(0, at) + (proof[at] === 'A' ? 'B' : 'A') + proof.slice(at + 1)
        assert.deepEqual(await edge.post(PUSH, body, { 'Sealpix-Proof': flipped }), { status: 403, says: 'proof_required' })
      }
    }
  }
})

test('EDGE-2 absolute forms, hosts, versions and methods', async () => {
  // workerd refuses absolute forms itself and logs them, so these are not signed.
  const forged = good.slice(0, -32) + 'A'.repeat(32)
  const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'CONNECT', 'PURGE', 'PROPFIND', 'get', 'G', 'GETGET', 'A'.repeat(300), '\x00']
  const lines = [
    `GET http://elsewhere.example${forged} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`,
    `GET https://user:pass@elsewhere.example:1${forged} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`,
    `GET ftp://elsewhere.example${forged} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`,
    `GET //elsewhere.example${good} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nHost: edge\r\nHost: other\r\nConnection: close\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nConnection: close\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nHost: a b<c>\r\nConnection: close\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nHost: edge:99999\r\nConnection: close\r\n\r\n`,
    `GET ${good} HTTP/1.0\r\n\r\n`,
    `GET ${good} HTTP/3.0\r\nHost: edge\r\n\r\n`,
    `GET ${good}\r\n\r\n`,
    `GET * HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`,
    `GET  HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`,
    ...methods.map((method) => `${method} ${good} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`),
  ]
  // The target is the same whatever host stands before it: the picture, and never another's.
  await sendAll(lines.map((line) => Buffer.from(line)), () => [200, 204])
})

test('long targets, many headers, and bodies where none belong', async () => {
  const long = [8_192, 8_193, 16_384, 65_536].map((length) => head(good.replace(PHOTO, `@gallery/${'a'.repeat(length)}`)))
  const query = [16_384, 65_536].map((length) => head(`${good}${'&a=b'.repeat(length / 4)}`))
  const escapes = head(`/my-app/_/${'%'.repeat(4000)}?${'%2'.repeat(2000)}`)
  const floods = [1_000, 20_000].map((count) => head(good, Array.from({ length: count }, (_, at) => `X-${at}: ${at}\r\n`).join('')))
  const wide = head(good, `Accept: ${'image/avif,'.repeat(5_000)}\r\nIf-None-Match: ${'"a",'.repeat(1_000)}\r\n`)
  const bodies = [
    `GET ${good} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello`,
    `GET ${good} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    `POST ${PUSH} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\nx`,
    `POST ${PUSH} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ].map((request) => Buffer.from(request))
  await sendAll([...long, ...query, escapes, ...floods, wide, ...bodies], () => [200])
})

test('HDR-2 random bytes in every header that is read', async () => {
  const random = seeded(3)
  const names = ['Accept', 'If-None-Match', 'Referer', 'Range', 'If-Range', 'CF-Connecting-IP', 'CF-Ray', 'Origin', 'Cookie', 'Sealpix-Proof']
  const requests = Array.from({ length: 400 }, () => {
    const value = Buffer.from(Array.from({ length: random(60) }, () => 1 + random(255)).filter((byte) => byte !== 10 && byte !== 13))
    return head(good, Buffer.concat([Buffer.from(`${names[random(names.length)]}: `), value, Buffer.from('\r\n')]))
  })
  await sendAll(requests, () => [200, 206, 304, 416])
})

test('EDGE-1 any client address, or none, and any `cf`, or none', async () => {
  for (const address of ['', 'x', '::', '1.2.3.4.5', '999.1.1.1', ':::1', '2001:db8::1%eth0', '127.0.0.1, 10.0.0.1', 'a'.repeat(5_000)]) {
    const reply = await edge.fetch(world.sign('w_101', PHOTO), { 'CF-Connecting-IP': address })
    assert.equal(reply.status, 200, address)
  }
  // Miniflare always fills `cf`: a module in front takes it away.
  const folder = mkdtempSync(join(tmpdir(), 'sealpix-cf-'))
  cpSync(resolve(import.meta.dirname, '..', 'edge', 'build'), folder, { recursive: true })
  const without = (cf: string): string => `import Worker from './index.js'
export default {
  fetch({ url, method, headers }, env, context) {
    const request = new Request(url, { method, headers${cf} })
    return new Worker(context, env).fetch(request)
  },
}
`
  for (const cf of ['', ', cf: {}', ", cf: { colo: 7, country: null, tlsVersion: {}, asn: 'x' }"]) {
    writeFileSync(join(folder, 'entry.js'), without(cf))
    const other = world.newEdge({}, { build: folder, scripts: ['entry.js', 'index.js'] })
    assert.equal((await other.fetch(good)).status, 200, cf)
    assertRefused(await other.fetch('/'), 'malformed_url', 400)
    await other.stop()
  }
  rmSync(folder, { recursive: true, force: true })
})
