// The edge link in TypeScript: proofs and sealed records, made anew from their description in shared/src/proof.rs and
// shared/src/envelope.rs. A second implementation checks the first, and can make what an honest origin never would.
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'

export type Stamp = { version: number; sealedAt: number; freshUntil: number }
export type Place = { environment?: string; kind: 'key' | 'project'; name: string }

/** Each field behind its length, 8 bytes, big-endian. */
function lengthPrefixed(...fields: (string | Buffer)[]): Buffer {
  return Buffer.concat(fields.flatMap((field) => [number(Buffer.byteLength(field)), Buffer.from(field)]))
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function derive(edgeLink: string, info: string): { id: string; key: Buffer } {
  const [, id = '', secret = ''] = /^el_([0-9a-f]{8})_(.+)$/.exec(edgeLink) ?? []
  return { id, key: Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64url'), '', info, 32)) }
}

export type Proven = { direction?: 'edge-to-origin' | 'origin-to-edge'; method?: string; body?: string; time?: number }

/** The proof of a request: unless said otherwise the edge's, of a GET without a body. */
export function prove(edgeLink: string, target: string, request: Proven = {}): string {
  const { direction = 'edge-to-origin', method = 'GET', body = '', time = Math.floor(Date.now() / 1000) } = request
  const { id, key } = derive(edgeLink, `sealpix/proof/${direction}/v1`)
  // CBOR: { 0: time, 1: nonce, 6: 0, 7: 0 }, the time in four bytes, the nonce of 22 characters.
  const seconds = Buffer.alloc(4)
  seconds.writeUInt32BE(time)
  const nonce = Buffer.from(randomBytes(16).toString('base64url'))
  const facts = Buffer.concat([Buffer.from([0xa4, 0, 0x1a]), seconds, Buffer.from([1, 0x76]), nonce, Buffer.from([6, 0, 7, 0])])
  const digest = createHash('sha256').update(body).digest()
  const proven = lengthPrefixed('sealpix/proof/v1', direction, id, method, target, facts, digest)
  return `p1.${id}.${facts.toString('base64url')}.${createHmac('sha256', key).update(proven).digest('base64url')}`
}

const associated = (id: string, { environment = 'production', kind, name }: Place, stamp: Stamp): Buffer =>
  lengthPrefixed('sealpix/record/v1', id, environment, kind, name,
    number(stamp.version), number(stamp.sealedAt), number(stamp.freshUntil))

/** Opens a sealed record. */
export function open(edgeLink: string, place: Place, sealed: string): { stamp: Stamp; record: Buffer } {
  const { id, key } = derive(edgeLink, 'sealpix/record-seal/v1')
  const [, , version, sealedAt, freshUntil, text = ''] = sealed.split('.')
  const stamp = { version: Number(version), sealedAt: Number(sealedAt), freshUntil: Number(freshUntil) }
  const bytes = Buffer.from(text, 'base64url')
  const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
  cipher.setAAD(associated(id, place, stamp)).setAuthTag(bytes.subarray(-16))
  const plain = Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()])
  return { stamp, record: plain }
}

/** Seals a record for its place. */
export function seal(edgeLink: string, place: Place, stamp: Stamp, record: Buffer): string {
  const { id, key } = derive(edgeLink, 'sealpix/record-seal/v1')
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associated(id, place, stamp))
  const sealed = Buffer.concat([nonce, cipher.update(record), cipher.final(), cipher.getAuthTag()])
  return `r1.${id}.${stamp.version}.${stamp.sealedAt}.${stamp.freshUntil}.${sealed.toString('base64url')}`
}
