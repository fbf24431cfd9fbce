// The checks behind the parser, in the order of docs/signing.md; the signature by WebCrypto.
import { fromBase64Url } from './bytes.ts'
import type { KeyRecord, ProjectRecord } from './records.ts'
import type { Target } from './target.ts'

export class Denied extends Error {
  readonly code: string
  readonly status: number
  constructor(code: string, status = 403) {
    super(code)
    this.code = code
    this.status = status
  }
}

const text = new TextEncoder()
const subtle = crypto.subtle as typeof crypto.subtle & { timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean }

/** The operations to be done, once everything is in order. */
export async function admit(
  target: Target, referer: string | null, key: KeyRecord | undefined, project: ProjectRecord | undefined, now: number,
): Promise<Map<string, string>> {
  if (key === undefined || key.key !== target.key) throw new Denied('key_unknown', 401)
  const mac = await subtle.sign('HMAC', key.verifying, text.encode(`sealpix:url:v1\n${target.signed}`))
  if (!subtle.timingSafeEqual(new Uint8Array(mac, 0, 24), fromBase64Url(target.signature))) throw new Denied('signature_invalid')
  if (project === undefined || project.slug !== target.project || key.project !== target.project) throw new Denied('project_mismatch', 401)
  if (key.revoked) throw new Denied('key_revoked', 401)
  if (key.notAfter !== undefined && now > key.notAfter) throw new Denied('key_expired', 401)
  checkExpiry(target.expires, key, now)
  const preset = target.operations.get('p')
  const under = preset === undefined ? undefined : project.presets.get(preset)
  if (preset !== undefined && under === undefined) throw new Denied('operation_not_allowed')
  const operations = new Map([...(under ?? []), ...target.operations])
  operations.delete('p')
  checkPolicy(target.operations, operations, key)
  checkReferer(referer, project)
  checkSource(target.source, project)
  if (target.width !== undefined) operations.set('w', target.width)
  return operations
}

function checkExpiry(expires: number | undefined, { policy }: KeyRecord, now: number): void {
  if (expires !== undefined && now > expires) throw new Denied('url_expired')
  if (expires === undefined && (policy.requireExpiry || policy.maxLifetimeSecs !== undefined)) throw new Denied('expiry_required')
  if (expires !== undefined && expires - now > (policy.maxLifetimeSecs ?? Infinity)) throw new Denied('expiry_too_far')
}

function checkPolicy(written: Map<string, string>, expanded: Map<string, string>, { policy }: KeyRecord): void {
  const deny = (): never => {
    throw new Denied('operation_not_allowed')
  }
  if (policy.presetsOnly && (!written.has('p') || written.size > 1)) deny()
  if (policy.operations !== undefined) for (const name of written.keys()) if (!policy.operations.has(name)) deny()
  for (const [name, most] of [['w', policy.maxWidth], ['h', policy.maxHeight]] as const) {
    if (most === undefined) continue
    const side = Number(expanded.get(name)?.split('|').at(-1) ?? Infinity)
    if (expanded.get('fit') === 'outside' || side * Number(expanded.get('dpr') ?? 1) > most) deny()
  }
}

function checkReferer(referer: string | null, project: ProjectRecord): void {
  if (project.referers.length === 0) return
  if (referer === null || referer === '') {
    if (project.requireReferer) throw new Denied('referer_denied')
    return
  }
  const parts = /^(https?):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?(?:\/[^\s\\\x00-\x1f\x7f]*)?$/i.exec(referer)
  if (parts === null) throw new Denied('referer_denied')
  const [, scheme = '', host = '', port = scheme.toLowerCase() === 'https' ? '443' : '80'] = parts
  const name = host.toLowerCase()
  if (!project.referers.some((rule) => rule.prefix === '' && covers(rule, name) && (rule.port === '' || rule.port === port))) {
    throw new Denied('referer_denied')
  }
}

function checkSource(source: string, project: ProjectRecord): void {
  const at = source.indexOf('/')
  if (source[0] === '@') {
    if (!project.grants.has(source.slice(1, at))) throw new Denied('source_denied')
    return
  }
  const [host = '', port = '443'] = source.slice(0, at).split(':')
  const path = source.slice(at).split('?')[0] ?? ''
  const isAllowed = project.sources.length === 0 ? project.isDevelopment : project.sources.some(
    (rule) => covers(rule, host) && (rule.port === '' ? '443' : rule.port) === port && path.startsWith(rule.prefix))
  if (!isAllowed) throw new Denied('source_denied')
}

/** A rule in its parts; `prefix` begins and ends with a slash, or is empty. */
export type Rule = { subdomains: boolean; host: string; port: string; prefix: string }

const covers = (rule: Rule, host: string): boolean => rule.subdomains ? host.endsWith(`.${rule.host}`) : host === rule.host
