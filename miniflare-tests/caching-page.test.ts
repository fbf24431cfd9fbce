// docs/caching.md, run as it stands: each command with curl, each answer compared with what the page says of it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { now, start } from './harness.ts'
import { freePort } from './postgres.ts'

const PHOTO = '@gallery/freespace-1mp.jpg'
const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'caching.md'), 'utf8')

/** The page's indented blocks, in order: a command, what it prints, and so on. */
const blocks = page
  .split('\n\n')
  .filter((block) => block.startsWith('    '))
  .map((block) => block.split('\n').map((line) => line.trim()).filter((line) => line !== ''))

const matches = (line: string, said: string): boolean =>
  new RegExp(`^${line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.+')}$`, 'i').test(said)

test('the page on caching says what curl prints', async () => {
  const world = await start()
  const folder = mkdtempSync(join(tmpdir(), 'sealpix-page-'))
  try {
    const port = await freePort()
    const edge = world.newEdge({}, { port })
    const base = `http://127.0.0.1:${port}`
    const url = world.sign('w_500,f_webp', PHOTO)
    world.origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], fallback: { source: PHOTO } }] })
    const signed = {
      url: base + url,
      ending: base + world.sign('w_500,f_webp', PHOTO, { exp: now() + 600 }),
      auto: base + world.sign('w_500,f_auto', PHOTO),
      missing: base + world.sign('w_500,f_webp', '@gallery/none.jpg'),
      expired: base + world.sign('w_500,f_webp', PHOTO, { exp: now() - 1 }),
    }
    // An edge listens a moment after it was made.
    await edge.fetch('/_sealpix/healthz')
    let etag = ''
    for (let at = 0; at < blocks.length; at += 2) {
      const [command = ''] = blocks[at] ?? []
      const expected = blocks[at + 1] ?? []
      const environment = { PATH: process.env.PATH, etag, ...signed }
      const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd: folder, env: environment })
      const said = stdout.split('\r\n')
      for (const line of expected) assert.ok(said.some((said) => matches(line, said)), `${command}\nhas no line ${line}\n${stdout}`)
      if (command.includes('$ending')) {
        const [, secs] = /max-age=(\d+)/.exec(stdout) ?? []
        assert.ok(Number(secs) <= 600 && Number(secs) > 500, secs)
      }
      etag = (await edge.warm(url)).headers.get('ETag') ?? ''
    }
    assert.ok(blocks.length >= 20 && blocks.length % 2 === 0, String(blocks.length))
  } finally {
    await world.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
