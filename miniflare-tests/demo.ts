// `make demo`: the real origin on SQLite and the real Worker under wrangler deliver the repository's photographs through
// signed URLs. Prints a line for each request, then URLs to click, and keeps running; with ONCE=1 it checks itself and
// ends with `demo: ok`, or with what failed.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { newKey, now, Origin, type Key } from './harness.ts'
import { Wrangler } from './wrangler.ts'

const once = process.env.ONCE === '1'
const began = performance.now()
const failures: string[] = []

const say = (text: string): void => console.log(text)
const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`

/** A free port, or the one asked for; a taken one is said, not worked around. */
async function port(wanted: number): Promise<number> {
  const server = createServer()
  return new Promise((done, fail) => {
    server.once('error', () => fail(new Error(`port ${wanted} is taken: stop what listens there, or set PORT to another`)))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : wanted))
    })
  })
}

/** wrangler with the real wrangler.toml; ready when the Worker answers. */
async function wrangler(origin: Origin): Promise<string> {
  worker = new Wrangler(origin.folder, await port(Number(process.env.PORT ?? (once ? 0 : 8787))))
  await worker.start({ SEALPIX_EDGE_LINK: origin.setup.edge_link, SEALPIX_ORIGIN: origin.url })
  return worker.url
}

type Shown = { label: string; url: string; expect: string; headers?: Record<string, string> }

/** One request, one line: status, format or code, bytes, cache, time. */
async function show({ label, url, expect, headers = {} }: Shown): Promise<Response> {
  const from = performance.now()
  const reply = await fetch(url, { headers })
  const body = Buffer.from(await reply.arrayBuffer())
  const millis = (performance.now() - from).toFixed(0)
  const type = reply.headers.get('Content-Type') ?? ''
  const what = type === 'application/problem+json' ? (JSON.parse(body.toString()) as { code: string }).code : type
  const cache = (reply.headers.get('Cache-Status') ?? '-').replace(/^sealpix; |; ttl=\d+/g, '')
  const right = what === expect || `${what} ${cache}` === expect
  if (!right) failures.push(`${label}: ${reply.status} ${what} ${cache}, not ${expect}`)
  const columns = [String(reply.status), what.padEnd(20), `${body.length} B`.padStart(9), cache.padEnd(16), `${millis} ms`.padStart(8)]
  say(`${right ? 'ok  ' : 'FAIL'} ${label.padEnd(38)} ${columns.join('  ')}`)
  return reply
}

let origin: Origin | undefined
let worker: Wrangler | undefined

/** Ends what was started, whenever that is asked for. */
async function end(): Promise<void> {
  await worker?.stop()
  await origin?.stop()
  origin?.remove()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end().then(() => process.exit(once ? 1 : 0)))

async function main(): Promise<void> {
  say('demo: setting up the origin: SQLite registry, project, keys, @gallery')
  const made = new Origin()
  origin = made
  const few: Key = newKey({ limits: { minute: 1_000, day: 2 } })
  const first: Key = { public_key: made.setup.public_key, secret_key: made.setup.secret_key }
  const rules = { referers: ['www.example.com'], sources: ['cdn.example.com'] }
  made.apply({ projects: [{ slug: 'my-app', ...rules, grants: ['gallery'], keys: [first, few] }] })
  await made.serve()
  say(`demo: origin ${made.url} (${seconds()})`)
  say('demo: starting the Worker under wrangler')
  const edge = await wrangler(made)
  say(`demo: edge ${edge} (${seconds()})\n`)

  const sign = (operations: string, source: string, key: Key = first, exp: string[] = []): string => {
    const args = ['sign', '--base', edge, '--project', 'my-app', '--key', key.public_key, ...exp, operations, source]
    return made.command({ args, environment: { SEALPIX_SECRET_KEY: key.secret_key } }).trim()
  }
  try {
    const photo = '@gallery/sunset-12mp-progressive.jpg'
    // A transparent PNG, made by the product from a photograph: the margin of fit_pad is transparent.
    const padded = await fetch(sign('w_900,h_900,fit_pad,f_png', '@gallery/freespace-1mp.jpg'))
    writeFileSync(join(made.gallery, 'transparent.png'), Buffer.from(await padded.arrayBuffer()))
    const urls: string[] = []
    for (const [name, source] of [['12 MP JPEG', photo], ['transparent PNG', '@gallery/transparent.png']] as const) {
      for (const format of ['webp', 'avif', 'jpg']) {
        const url = sign(`w_800,f_${format}`, source)
        const expect = `image/${format === 'jpg' ? 'jpeg' : format}`
        await show({ label: `${name} as ${format.toUpperCase()}`, url, expect: `${expect} fwd=miss; stored` })
        await stored(url)
        await show({ label: `${name} as ${format.toUpperCase()} again`, url, expect: `${expect} hit` })
        urls.push(url)
      }
    }
    const good = urls[0] ?? ''
    const auto = sign('w_640,f_auto', photo)
    await show({ label: 'f_auto, Accept names AVIF', url: auto, expect: 'image/avif', headers: { Accept: 'image/avif,image/webp' } })
    await show({ label: 'f_auto, Accept: */*', url: auto, expect: 'image/jpeg', headers: { Accept: '*/*' } })
    await show({ label: 'allowed Referer', url: good, expect: 'image/webp', headers: { Referer: 'https://www.example.com/page' } })

    await show({ label: 'tampered', url: good.replace('w_800', 'w_801'), expect: 'signature_invalid' })
    await show({ label: 'expired', url: sign('w_800', photo, first, ['--exp', String(now() - 60)]), expect: 'url_expired' })
    await show({ label: 'wrong Referer', url: good, expect: 'referer_denied', headers: { Referer: 'https://evil.example.net/' } })
    await show({ label: 'wrong source', url: sign('w_800', 'https://elsewhere.example.net/a.jpg'), expect: 'source_denied' })
    await show({ label: 'unknown key', url: sign('w_800', photo, newKey()), expect: 'key_unknown' })
    for (const width of [101, 102]) await show({ label: 'within its limit', url: sign(`w_${width}`, photo, few), expect: 'image/jpeg' })
    await show({ label: 'over its limit of 2 a day', url: sign('w_103', photo, few), expect: 'rate_limited' })

    say(`\ndemo: checked in ${seconds()}`)
    if (once) return
    say('\nURLs to click (Ctrl-C ends the demo):')
    for (const url of [...urls, auto]) say(url)
    await new Promise(() => undefined)
  } finally {
    await end()
  }
}

/** Waits until the edge has stored what it has just sent: storing goes on behind the answer's back. */
async function stored(url: string): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const reply = await fetch(url, { method: 'HEAD' })
    if (reply.headers.get('Cache-Status')?.startsWith('sealpix; hit') === true) return
    await new Promise((done) => setTimeout(done, 20))
  }
}

try {
  await main()
} catch (error) {
  failures.push(error instanceof Error ? error.message : String(error))
}
if (failures.length > 0) {
  for (const failure of failures) say(`demo: failed: ${failure}`)
  process.exit(1)
}
say('demo: ok')
process.exit(0)
