// An origin that misbehaves, or a network that does: a proxy before the real origin spoils what passes.
import assert from 'node:assert/strict'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { assertPicture, assertRefused, start, type Edge, type Reply, type World } from './harness.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'

/** What the proxy does to an answer. */
type Spoil = (answer: IncomingMessage, body: Buffer, reply: ServerResponse) => void
const pass: Spoil = (answer, body, reply) => reply.writeHead(answer.statusCode ?? 500, answer.headers).end(body)

let world: World
let proxy: Server
let edge: Edge
let patient: Edge
let spoil: Spoil = pass
let spoilPulls: Spoil = pass
let refuse = 0
let pulls = 0
let url = ''
const seen: IncomingMessage[] = []

before(async () => {
  world = await start()
  proxy = createServer((asked, reply) => {
    const isPicture = !asked.url?.startsWith('/api/')
    if (isPicture) seen.push(asked)
    const isPull = asked.url?.startsWith('/api/edge/v1/records') === true
    if (isPull) pulls += 1
    if (isPicture && refuse > 0) {
      refuse -= 1
      asked.socket.destroy()
      return
    }
    const { hostname, port } = new URL(world.origin.url)
    const onward = request({ hostname, port, path: asked.url, method: asked.method ?? 'GET', headers: asked.headers }, (answer) => {
      void answer.toArray().then((chunks: Buffer[]) => (isPicture ? spoil : isPull ? spoilPulls : pass)(answer, Buffer.concat(chunks), reply))
    })
    onward.on('error', () => reply.destroy())
    asked.pipe(onward)
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  edge = world.newEdge({ SEALPIX_ORIGIN: url, SEALPIX_ORIGIN_TIMEOUT_SECS: '1' })
  patient = world.newEdge({ SEALPIX_ORIGIN: url, SEALPIX_ORIGIN_TIMEOUT_SECS: '5' })
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

test('CACHE-11 CACHE-14 a client that leaves before the picture, or in the middle of it, leaves a whole one or none', async (t) => {
  const whole = await edge.warm(world.sign('w_800', PHOTO))
  for (const [operations, half] of [['w_800,dl_a.jpg', false], ['w_800,dl_b.jpg', true]] as const) {
    const target = world.sign(operations, PHOTO)
    let held = (): void => {}
    const asked = new Promise<void>((done) => (held = done))
    let rest = (): void => {}
    const holding: Spoil = (answer, body, reply) => {
      reply.writeHead(200, answer.headers)
      if (half) reply.write(body.subarray(0, body.length / 2))
      rest = () => reply.end(half ? body.subarray(body.length / 2) : body)
      held()
    }
    await spoiled(holding, async () => {
      await Promise.all([edge.leave(target, half ? undefined : asked), asked])
      rest()
    })
    // While the origin cannot be asked, only what was stored is answered.
    refuse = Number.MAX_SAFE_INTEGER
    let kept = await edge.fetch(target)
    for (let round = 0; kept.status !== 200 && round < 100; round += 1) kept = await edge.fetch(target)
    refuse = 0
    if (kept.status === 200) assert.deepEqual(kept.body, whole.body)
    else assertRefused(kept, 'origin_unreachable', 502)
    t.diagnostic(`left ${half ? 'in the middle' : 'before it'}: ${kept.status === 200 ? 'stored whole' : 'not stored'}`)
    assert.deepEqual((await edge.fetch(target)).body, whole.body)
  }
})

test("CACHE-2 the origin's headers are not passed on, but for those of a picture: no cookie is shared", async () => {
  const target = world.sign('w_219', PHOTO)
  const cookie: Spoil = (answer, body, reply) =>
    reply.writeHead(200, { ...answer.headers, 'set-cookie': 'session=1', 'x-powered-by': 'x', vary: 'Cookie', age: '5' }).end(body)
  await spoiled(cookie, async () => {
    for (const reply of [await edge.fetch(target), await edge.warm(target)]) {
      for (const name of ['Set-Cookie', 'X-Powered-By', 'Vary', 'Age', 'Sealpix-Engine', 'Sealpix-Stored', 'CF-Cache-Status']) {
        assert.equal(reply.headers.get(name), null, name)
      }
    }
  })
  assertPicture(await edge.fetch(target), 'hit')
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

function assertPassing(reply: Reply): void {
  assert.ok(Number(reply.headers.get('Retry-After')) > 0, `${reply.status} says when to come again`)
}

test('with the origin stopped hits and known keys go on, misses say when to come again, and nothing need be restarted', async () => {
  const kept = world.sign('w_220', PHOTO)
  assertPicture(await patient.warm(kept), 'hit')
  await world.origin.stop()
  for (let round = 0; round < 5; round += 1) {
    assertPicture(await patient.fetch(kept), 'hit')
    const miss = await patient.fetch(world.sign(`w_${221 + round}`, PHOTO))
    assertRefused(miss, 'origin_unreachable', 502)
    assertPassing(miss)
    assertRefused(await patient.fetch(kept.replace('w_220', 'w_219')), 'signature_invalid', 403)
  }
  await world.origin.serve()
  assertPicture(await patient.fetch(world.sign('w_221', PHOTO)), 'fwd=miss; stored')
})

test('a slow origin holds up neither hits nor refusals', async () => {
  const kept = world.sign('w_230', PHOTO)
  assertPicture(await patient.warm(kept), 'hit')
  await spoiled(() => undefined, async () => {
    const before = seen.length
    let answered = 0
    // Of a picture that is not there: the origin has no work with it, the proxy never says so.
    const misses = Array.from({ length: 40 }, (_, index) =>
      patient.fetch(world.sign(`w_${231 + index}`, '@gallery/none.jpg')).finally(() => (answered += 1)))
    while (seen.length < before + 40 && answered === 0) assertPicture(await patient.fetch(kept), 'hit')
    for (let round = 0; round < 20; round += 1) {
      assertPicture(await patient.fetch(kept), 'hit')
      assertRefused(await patient.fetch(kept.replace('w_230', 'w_229')), 'signature_invalid', 403)
    }
    assert.equal(answered, 0, 'they were answered while all 40 waited')
    for (const miss of await Promise.all(misses)) {
      assertRefused(miss, 'origin_timeout', 504)
      assertPassing(miss)
    }
  })
  assertPicture(await patient.fetch(world.sign('w_231', PHOTO)), 'fwd=miss; stored')
})

test('a status that no answer can have is none that is passed on', async () => {
  for (const status of [600, 700, 999]) {
    const odd: Spoil = (_answer, _body, reply) =>
      reply.writeHead(status, { 'Content-Type': 'application/problem+json', 'Sealpix-Code': 'source_not_found' }).end('{"code":"source_not_found"}')
    await spoiled(odd, async () => assertRefused(await patient.fetch(world.sign('w_279', PHOTO)), 'origin_unreachable', 502))
  }
  assert.ok(!patient.said.some((line) => /Critical|unreachable executed|panicked/.test(line)), 'nothing panics')
})

test('what is no HTTP, or half of it, is an origin that does not answer', async () => {
  const wires = ['', 'rubbish\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Le', 'HTTP/1.1 2000 x\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(2_000_000)}\r\n\r\n`]
  for (const wire of wires) {
    await spoiled((_answer, _body, reply) => reply.socket?.end(wire), async () => {
      const reply = await patient.fetch(world.sign('w_280', PHOTO))
      assertRefused(reply, 'origin_unreachable', 502)
      assertPassing(reply)
    })
  }
  assertPicture(await patient.fetch(world.sign('w_280', PHOTO)), 'fwd=miss; stored')
})

test('FETCH-1 an answer without end goes through and is not gathered', async () => {
  const huge = 160 * 1024 * 1024
  const flood: Spoil = (answer, _body, reply) => {
    reply.writeHead(200, { ...answer.headers, 'content-length': huge })
    const block = Buffer.alloc(1024 * 1024)
    let sent = 0
    const more = (): void => {
      while (sent < huge) {
        sent += block.length
        if (!reply.write(block)) return void reply.once('drain', more)
      }
      reply.end()
    }
    more()
  }
  const kept = world.sign('w_230', PHOTO)
  await spoiled(flood, async () => {
    const target = world.sign('w_281', PHOTO)
    for (let round = 0; round < 2; round += 1) {
      const flooded = patient.fetch(target)
      assertPicture(await patient.fetch(kept), 'hit')
      const reply = await flooded
      assertPicture(reply, 'fwd=miss')
      assert.equal(reply.body.length, huge)
    }
  })
  assertPicture(await patient.warm(world.sign('w_281', PHOTO)), 'hit')
})

test('pulls that are answered with rubbish admit nobody, and are over when the origin is itself again', async () => {
  const answers: Spoil[] = [
    (_answer, _body, reply) => reply.writeHead(200).end('<h1>proxy</h1>'),
    (_answer, _body, reply) => reply.writeHead(200).end('r1.x\nr1.y\n'),
    (_answer, body, reply) => reply.writeHead(200).end(body.subarray(0, body.length / 2)),
    (_answer, _body, reply) => reply.writeHead(200).end('a'.repeat(20_000_000)),
    (_answer, _body, reply) => reply.writeHead(500).end(),
    (_answer, _body, reply) => reply.socket?.end('rubbish'),
  ]
  const target = world.sign('w_230', PHOTO)
  for (const [at, answer] of answers.entries()) {
    const fresh = world.newEdge({ SEALPIX_ORIGIN: url })
    spoilPulls = answer
    try {
      const reply = await fresh.fetch(target)
      assertRefused(reply, 'key_lookup_busy', 503)
      assertPassing(reply)
    } finally {
      spoilPulls = pass
    }
    assert.equal((await fresh.fetch(target)).status, 200, `after ${at}`)
    await fresh.stop()
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
