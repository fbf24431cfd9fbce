// Sealed records: read from KV, opened with WebCrypto, and kept as long as our Worker keeps them.
//
// Form and associated data are those of shared/src/envelope.rs; the fields' numbers those of shared/src/record.rs.
import { fromBase64Url, lengthPrefixed, numberBytes } from './bytes.ts'
import { decode, type Cbor } from './cbor.ts'
import { Denied, type Rule } from './gate.ts'
import type { Context, Namespace } from './platform.ts'

export type KeyRecord = {
  key: string
  project: string
  verifying: CryptoKey
  revoked: boolean
  notAfter: number | undefined
  policy: {
    requireExpiry: boolean
    maxLifetimeSecs: number | undefined
    operations: Set<string> | undefined
    presetsOnly: boolean
    maxWidth: number | undefined
    maxHeight: number | undefined
  }
}
export type ProjectRecord = {
  slug: string
  isDevelopment: boolean
  referers: Rule[]
  requireReferer: boolean
  sources: Rule[]
  grants: Map<string, number>
  presets: Map<string, Map<string, string>>
  ttlSecs: number
  isPublic: boolean
  epoch: number
  sourceEpochs: [prefix: string, epoch: number][]
}
export type RecordsEnv = { RECORDS: Namespace; SEALPIX_EDGE_LINK: string }

type Known<Value> = { value: Value; freshUntil: number; read: number }

const FRESH_MILLIS = 15_000
const USABLE_MILLIS = 30_000
const keys = new Map<string, Known<KeyRecord>>()
const projects = new Map<string, Known<ProjectRecord>>()
let sealing: { id: string; key: CryptoKey } | undefined

/** The records of a key and a project: from memory, while they are fresh. */
export async function lookUp(
  env: RecordsEnv, key: string, project: string, now: number, context: Context,
): Promise<[KeyRecord, ProjectRecord]> {
  const age = now - Math.min(keys.get(key)?.read ?? 0, projects.get(project)?.read ?? 0)
  if (age > USABLE_MILLIS) await read(env, key, project, now)
  else if (age > FRESH_MILLIS) context.waitUntil(read(env, key, project, now))
  const known = [keys.get(key), projects.get(project)] as const
  if (known[0] === undefined || known[1] === undefined) throw new Denied('key_unknown', 401)
  if (now / 1000 > Math.min(known[0].freshUntil, known[1].freshUntil)) throw new Denied('record_stale', 503)
  return [known[0].value, known[1].value]
}

async function read(env: RecordsEnv, key: string, project: string, now: number): Promise<void> {
  const stored = [`key:${key}`, `project:${project}`].map((name) => env.RECORDS.get(name, { cacheTtl: 30 }))
  const [keySealed, projectSealed] = await Promise.all(stored)
  if (typeof keySealed !== 'string' || typeof projectSealed !== 'string') return
  const [keyOpened, projectOpened] = await Promise.all([
    open(env, 'key', key, keySealed), open(env, 'project', project, projectSealed)])
  keys.set(key, { value: await keyRecord(keyOpened.fields), freshUntil: keyOpened.freshUntil, read: now })
  projects.set(project, { value: projectRecord(projectOpened.fields), freshUntil: projectOpened.freshUntil, read: now })
}

async function open(env: RecordsEnv, kind: string, name: string, sealed: string): Promise<{ fields: Cbor; freshUntil: number }> {
  const [form, id = '', version = '', sealedAt = '', freshUntil = '', text = ''] = sealed.split('.')
  sealing ??= await derive(env.SEALPIX_EDGE_LINK)
  if (form !== 'r1' || id !== sealing.id) throw new Denied('key_unknown', 401)
  const additionalData = lengthPrefixed('sealpix/record/v1', id, 'production', kind, name,
    numberBytes(Number(version)), numberBytes(Number(sealedAt)), numberBytes(Number(freshUntil)))
  const bytes = fromBase64Url(text)
  const algorithm = { name: 'AES-GCM', iv: bytes.subarray(0, 12), additionalData }
  const plain = await crypto.subtle.decrypt(algorithm, sealing.key, bytes.subarray(12))
  return { fields: decode(new Uint8Array(plain)), freshUntil: Number(freshUntil) }
}

async function derive(link: string): Promise<{ id: string; key: CryptoKey }> {
  const [, id = '', secret = ''] = /^el_([0-9a-f]{8})_(.+)$/.exec(link) ?? []
  const input = await crypto.subtle.importKey('raw', fromBase64Url(secret), 'HKDF', false, ['deriveKey'])
  const info = new TextEncoder().encode('sealpix/record-seal/v1')
  const how = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  return { id, key: await crypto.subtle.deriveKey(how, input, { name: 'AES-GCM', length: 256 }, false, ['decrypt']) }
}

async function keyRecord(fields: Cbor): Promise<KeyRecord> {
  const record = map(fields)
  const policy = map(record.get(6))
  const operations = policy.get(2)
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const signing = record.get(2) as Uint8Array<ArrayBuffer>
  return {
    key: String(record.get(0)),
    project: String(record.get(1)),
    verifying: await crypto.subtle.importKey('raw', signing, hmac, false, ['sign']),
    revoked: record.get(3) !== 0,
    notAfter: optional(record.get(4)),
    policy: {
      requireExpiry: policy.get(0) === true,
      maxLifetimeSecs: optional(policy.get(1)),
      operations: operations === undefined || operations === null ? undefined : new Set(list(operations).map(String)),
      presetsOnly: policy.get(3) === true,
      maxWidth: optional(policy.get(4)),
      maxHeight: optional(policy.get(5)),
    },
  }
}

function projectRecord(fields: Cbor): ProjectRecord {
  const record = map(fields)
  const caching = map(record.get(8))
  const pairs = (value: Cbor | undefined): [Cbor, Cbor][] => list(value).map((pair) => [map(pair).get(0) ?? null, map(pair).get(1) ?? null])
  const items = (text: string): [string, string][] => text.split(',').map((item) => [item.slice(0, item.indexOf('_')), item.slice(item.indexOf('_') + 1)])
  return {
    slug: String(record.get(0)),
    isDevelopment: record.get(1) === 2,
    referers: list(record.get(2)).map((rule) => parseRule(String(rule))),
    requireReferer: record.get(3) === true,
    sources: list(record.get(4)).map((rule) => parseRule(String(rule))),
    grants: new Map(pairs(record.get(5)).map(([name, version]) => [String(name), Number(version)])),
    presets: new Map(pairs(record.get(6)).map(([name, text]) => [String(name), new Map(items(String(text)))])),
    ttlSecs: Number(caching.get(0)),
    isPublic: caching.get(1) === true,
    epoch: Number(record.get(9)),
    sourceEpochs: pairs(record.get(10)).map(([prefix, epoch]) => [String(prefix), Number(epoch)]),
  }
}

function parseRule(text: string): Rule {
  const [, wild, host = '', port = '', prefix = ''] = /^(\*\.)?([^:/]+)(?::([0-9]+))?(\/.*)?$/.exec(text) ?? []
  return { subdomains: wild !== undefined, host, port, prefix }
}

const map = (value: Cbor | undefined): Map<Cbor, Cbor> => (value instanceof Map ? value : new Map<Cbor, Cbor>())
const list = (value: Cbor | undefined): Cbor[] => (Array.isArray(value) ? value : [])
const optional = (value: Cbor | undefined): number | undefined => (typeof value === 'number' ? value : undefined)
