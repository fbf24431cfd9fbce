// A client that reads slowly: what the origin sends is gathered at the origin's pace, not the client's.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { crc32, deflateSync } from 'node:zlib'
import { assertPicture, start, type World } from './harness.ts'

/** A picture of noise, which no codec makes small. */
function noise(width: number, height: number): Buffer {
  const rows = randomBytes((width * 3 + 1) * height)
  for (let y = 0; y < height; y += 1) rows[y * (width * 3 + 1)] = 0
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body) >>> 0)
    return Buffer.concat([length, body, sum])
  }
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0])
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 0 })), chunk('IEND', Buffer.alloc(0))])
}

let world: World
before(async () => {
  world = await start()
  writeFileSync(join(world.origin.gallery, 'noise.png'), noise(1700, 1700))
})
after(() => world.stop())

test('CACHE-14 a client that stops reading for longer than the origin may take gets the picture whole, and it is stored', async () => {
  const edge = world.newEdge({ SEALPIX_ORIGIN_TIMEOUT_SECS: '4' })
  const target = world.sign('_', '@gallery/noise.png')
  const { hostname, port } = new URL(await edge.url())
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${target} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`)
  const received: Buffer[] = [(await once(socket, 'data'))[0] as Buffer]
  socket.pause()
  // The origin's deadline passes while the client sleeps.
  await pause(5_000)
  socket.on('data', (bytes: Buffer) => received.push(bytes))
  socket.resume()
  await once(socket, 'close')
  const answer = Buffer.concat(received)
  const end = answer.indexOf('\r\n\r\n')
  const length = Number(/content-length: (\d+)/i.exec(answer.subarray(0, end).toString())?.[1])
  assert.ok(length > 8_000_000, String(length))
  assert.equal(answer.length - end - 4, length)
  assertPicture(await edge.warm(target), 'hit')
})
