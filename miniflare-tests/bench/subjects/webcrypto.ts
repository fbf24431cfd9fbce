// The peer: a plain JavaScript Worker that does for a request what Sealpix's does, with WebCrypto for the cryptography.
//
// Same records, opened once and kept as long; same order of checks; same name in the cache; same headers and log line.
// It is a yardstick, not a second edge: it has no limits, no usage, no proof and no ranges, and
// a miss it fetches from `MISSES`.
import { admit, Denied } from './gate.ts'
import { caches, type Context } from './platform.ts'
import { lookUp, type RecordsEnv } from './records.ts'
import { nameInCache } from './name.ts'
import { parse } from './target.ts'

type Pairs = [name: string, value: string][]
type Env = RecordsEnv & {
  /** Where a picture is fetched that the cache lacks. */
  MISSES: string
  /** JSON: the headers that our Worker sends alike with every hit, and with every denial. */
  SAME: string
}

let same: { hit: Pairs; denied: Pairs } | undefined

type Trace = { project: string | null; cache: string; outcome: string; timing: string[]; marked: number }

function mark(trace: Trace, step: string): void {
  const now = Date.now()
  trace.timing.push(`${step};dur=${now - trace.marked}`)
  trace.marked = now
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    const started = Date.now()
    same ??= JSON.parse(env.SAME) as { hit: Pairs; denied: Pairs }
    const ray = request.headers.get('CF-Ray')
    const id = ray !== null && /^[0-9a-f]{16}(-[A-Z]{0,8})?$/i.test(ray) ? ray : crypto.randomUUID().replaceAll('-', '')
    const trace: Trace = { project: null, cache: 'none', outcome: 'ok', timing: [], marked: started }
    const response = await answer(request, env, context, id, started, trace).catch((error: unknown) => {
      if (!(error instanceof Denied)) throw error
      trace.outcome = error.code
      return refused(error, id, trace)
    })
    const { project, outcome, cache } = trace
    console.log(JSON.stringify({ request_id: id, project, outcome, cache, status: response.status, ms: Date.now() - started }))
    return response
  },
}

async function answer(request: Request, env: Env, context: Context, id: string, started: number, trace: Trace): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw new Denied('method_not_allowed')
  const { url, headers } = request
  const target = parse(url.slice(url.indexOf('/', url.indexOf('://') + 3)))
  trace.project = target.project
  const [key, project] = await lookUp(env, target.key, target.project, started, context)
  mark(trace, 'records')
  const now = Math.floor(started / 1000)
  const operations = await admit(target, headers.get('Referer'), key, project, now)
  const negotiated = operations.get('f') === 'auto'
  if (negotiated) negotiate(operations, headers.get('Accept') ?? '')
  const name = `https://bench.invalid/c/${await nameInCache(project, target.source, operations)}`
  const kept = await caches.default.match(name)
  mark(trace, 'cache')
  trace.cache = kept === undefined ? 'miss' : 'hit'
  const picture = kept ?? (await fill(env.MISSES, url, request, name, project.ttlSecs, now, context))

  const left = target.expires === undefined ? project.ttlSecs : Math.min(project.ttlSecs, target.expires - now)
  const out = new Headers(same?.hit)
  out.set('Sealpix-Request-Id', id)
  out.set('Server-Timing', trace.timing.join(', '))
  const fresh = Number(picture.headers.get('Sealpix-Stored')) + project.ttlSecs - now
  out.set('Cache-Status', `sealpix; ${kept === undefined ? 'fwd=miss; stored' : `hit; ttl=${fresh}`}`)
  out.set('Cache-Control', `${project.isPublic && target.expires === undefined ? 'public' : 'private'}, max-age=${left}`)
  if (negotiated) out.set('Vary', 'Accept')
  const etag = picture.headers.get('ETag')
  const tags = headers.get('If-None-Match')
  const has = etag !== null && tags !== null && tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
  for (const name of has ? ['ETag'] : ['Content-Type', 'Content-Length', 'ETag', 'Content-Disposition']) {
    const value = picture.headers.get(name)
    if (value !== null) out.set(name, value)
  }
  const body = has || request.method === 'HEAD' ? null : picture.body
  return new Response(body, { status: has ? 304 : 200, headers: out })
}

async function fill(
  from: string, url: string, request: Request, name: string, ttlSecs: number, now: number, context: Context,
): Promise<Response> {
  const fetched = await fetch(from + url.slice(url.indexOf('/', url.indexOf('://') + 3)), { headers: request.headers })
  if (fetched.status !== 200) throw new Denied('origin_unreachable', 502)
  const copy = new Response(await fetched.arrayBuffer(), fetched)
  copy.headers.set('Sealpix-Stored', String(now))
  copy.headers.set('Cache-Control', `public, max-age=${ttlSecs}`)
  context.waitUntil(caches.default.put(name, copy.clone()))
  return copy
}

function negotiate(operations: Map<string, string>, accept: string): void {
  const named = (type: string): boolean => accept.split(',').some((range) => range.trim().split(';')[0] === type)
  if (named('image/avif')) operations.set('f', 'avif')
  else if (named('image/webp')) operations.set('f', 'webp')
  else operations.delete('f')
}

function refused({ code, status }: Denied, id: string, trace: Trace): Response {
  const out = new Headers(same?.denied)
  out.set('Sealpix-Request-Id', id)
  if (trace.timing.length > 0) out.set('Server-Timing', trace.timing.join(', '))
  out.set('Sealpix-Code', code)
  out.set('Content-Type', 'application/problem+json')
  out.set('Cache-Control', 'no-store')
  const title = TITLES[code] ?? code
  return new Response(JSON.stringify({ type: 'about:blank', title, status, code, detail: title, request_id: id }), { status, headers: out })
}

const TITLES: Record<string, string> = {
  signature_invalid: 'The signature does not match',
  url_expired: 'The URL has expired',
}
