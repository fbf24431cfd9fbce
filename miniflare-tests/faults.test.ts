// An origin that misbehaves, or a network that does: a proxy before the real origin spoils what passes.
import assert from 'node:assert/strict'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { assertPicture, assertRefused, start, type Edge, type World } from './harness.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'

/** What the proxy does to pictures; records pass as they are. */
type Spoil = (answer: IncomingMessage, body: Buffer, reply: ServerResponse) => void
const pass: Spoil = (answer, body, reply) => reply.writeHead(answer.statusCode ?? 500, answer.headers).end(body)

let world: World
let proxy: Server
let edge: Edge
let spoil: Spoil = pass
let refuse = 0
let pulls = 0
let url = ''
const seen: IncomingMessage[] = []

before(async () => {
  world = await start()
  proxy = createServer((asked, reply) => {
    const isPicture = !asked.url?.startsWith('/api/')
    if (isPicture) seen.push(asked)
    else if (asked.url?.startsWith('/api/edge/v1/records') === true) pulls += 1
    if (isPicture && refuse > 0) {
      refuse -= 1
      asked.socket.destroy()
      return
    }
    const { hostname, port } = new URL(world.origin.url)
    const onward = request({ hostname, port, path: asked.url, method: asked.method ?? 'GET', headers: asked.headers }, (answer) => {
      void answer.toArray().then((chunks: Buffer[]) => (isPicture ? spoil : pass)(answer, Buffer.concat(chunks), reply))
    })
    asked.pipe(onward)
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  edge = world.newEdge({ SEALPIX_ORIGIN: url, SEALPIX_ORIGIN_TIMEOUT_SECS: '1' })
})
after(async () => {
  proxy.closeAllConnections()
  proxy.close()
  await world.stop()
})

async function spoiled(how: Spoil, work: () => Promise<void>): Promise<void> {
  spoil = how
  try {
    await work()
  } finally {
    spoil = pass
  }
}

test('EDGE-6 CACHE-9 a picture of another engine is passed on and not kept', async () => {
  const target = world.sign('w_210', PHOTO)
  const older: Spoil = (answer, body, reply) =>
    reply.writeHead(200, { ...answer.headers, 'sealpix-engine': '0' }).end(body)
  await spoiled(older, async () => {
    for (let round = 0; round < 3; round += 1) assertPicture(await edge.fetch(target), 'fwd=miss')
  })
  assertPicture(await edge.warm(target), 'hit')
})

test('FETCH-1 CACHE-14 a picture that breaks off is not kept', async () => {
  const target = world.sign('w_211', PHOTO)
  const broken: Spoil = (answer, body, reply) => {
    reply.writeHead(200, answer.headers).write(body.subarray(0, body.length / 2), () => reply.destroy())
  }
  await spoiled(broken, async () => {
    for (let round = 0; round < 5; round += 1) {
      // Broken off before its head has left the proxy, it is no answer at all.
      const outcome = await edge.fetch(target).then((reply) => reply.status, () => 'not whole')
      assert.ok(outcome === 'not whole' || outcome === 502, String(outcome))
    }
  })
  assertPicture(await edge.fetch(target), 'fwd=miss; stored')
})

test('CACHE-12 what is no answer of an origin is not passed on', async () => {
  const answers: [string, Spoil][] = [
    ['a page', (_answer, _body, reply) => reply.writeHead(500, { 'Content-Type': 'text/html' }).end('<h1>proxy</h1>')],
    ['a redirect', (_answer, _body, reply) => reply.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()],
    ['a part', (answer, body, reply) => reply.writeHead(206, answer.headers).end(body)],
    ['another problem', (_answer, _body, reply) =>
      reply.writeHead(418, { 'Content-Type': 'application/problem+json' }).end('{"code":"teapot"}')],
  ]
  for (const [what, how] of answers) {
    await spoiled(how, async () => {
      const reply = await edge.fetch(world.sign('w_212', PHOTO))
      assertRefused(reply, 'origin_unreachable', 502)
      assert.ok(!reply.body.toString().includes('proxy'), what)
    })
  }
})

test('an origin that does not answer in time', async () => {
  await spoiled(() => undefined, async () => {
    const started = Date.now()
    assertRefused(await edge.fetch(world.sign('w_213', PHOTO)), 'origin_timeout', 504)
    assert.ok(Date.now() - started < 5000)
  })
})

test('a connection that fails is tried once more, not for ever', async () => {
  refuse = 1
  assertPicture(await edge.fetch(world.sign('w_214', PHOTO)), 'fwd=miss; stored')
  refuse = 10
  const before = seen.length
  assertRefused(await edge.fetch(world.sign('w_215', PHOTO)), 'origin_unreachable', 502)
  assert.equal(seen.length - before, 2)
  refuse = 0
})

test("FETCH-5 nothing of the client's goes to the origin but what the proof states", async () => {
  const before = seen.length
  await edge.fetch(world.sign('w_216', PHOTO), {
    Cookie: 'session=1', Authorization: 'Bearer x', Range: 'bytes=0-9', 'If-None-Match': '"a"', Referer: 'https://a.example/',
    'Sealpix-Proof': 'p1.forged', 'X-Forwarded-For': '192.0.2.1', 'CF-Connecting-IP': '192.0.2.1', Accept: 'image/avif',
  })
  const asked = seen[before]
  assert.ok(asked !== undefined)
  const names = ['cookie', 'authorization', 'range', 'if-none-match', 'referer', 'x-forwarded-for', 'accept']
  for (const name of names) assert.ok([undefined, '*/*'].includes(asked.headers[name] as string | undefined), name)
  assert.match(String(asked.headers['sealpix-proof']), /^p1\.[0-9a-f]{8}\.[\w-]+\.[\w-]{43}$/)
})

test("SIG-2 the origin gets the target as it was received, byte for byte", async () => {
  for (const target of [world.sign('w_217,f_auto', PHOTO), `${world.sign('w_217|218', PHOTO)}&w=218`]) {
    const before = seen.length
    await edge.fetch(target)
    assert.equal(seen[before]?.url, target)
  }
})

test('sixty pictures of a page ask for their key once', async () => {
  const fresh = world.newEdge({ SEALPIX_ORIGIN: url })
  const before = pulls
  const targets = Array.from({ length: 60 }, (_, index) => world.sign(`w_${300 + index}`, '@gallery/none.jpg'))
  const replies = await Promise.all(targets.map((target) => fresh.fetch(target)))
  for (const reply of replies) assertRefused(reply, 'source_not_found', 404)
  assert.equal(pulls - before, 1)
})
