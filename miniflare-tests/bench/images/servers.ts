// Who is measured: each a server process of its own over the same folder of photos, without a cache, at equal settings.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { sign } from '../../../docs/examples/sign.mjs'
import { newKey, Origin } from '../../origin.ts'
import { freePort } from '../../postgres.ts'
import { ask } from './load.ts'
import { IPX, OXIMG, THUMBOR } from './peers.ts'
import { end } from './processes.ts'
import { sharp } from './sharp.ts'
import { ANIMATION, AVIF_QUALITY, QUALITY, covers, side, type Task } from './tasks.ts'

/** A path that asks `task` of the photo's copy `name`; or why it cannot be asked. */
export type Target = (task: Task, name: string, quality: number) => string | NotRun
export type NotRun = { notRun: string }
export type Server = {
  name: string
  version: string
  settings: string
  target: Target
  /** Starts it over this folder; the port and the process, once it answers. */
  start: () => Promise<{ port: number; pid: number; stop: () => Promise<void> }>
}

const JPEG_PNG_WEBP = `JPEG and WebP ${QUALITY}`

/** The quality number that a task's encoder is given. */
export const qualityOf = ({ output }: Task): number => (output === 'avif' ? AVIF_QUALITY : QUALITY)

/** Sealpix over a data folder of its own; its gallery is where the photos have to be. */
export function sealpix(): Server & { gallery: string; remove: () => void } {
  const environment = {
    SEALPIX_DELIVERY: 'direct', SEALPIX_DERIVATIVE_MEMORY_BYTES: '0', SEALPIX_DERIVATIVE_DISK_BYTES: '0', SEALPIX_SOURCE_TIMEOUT_SECS: '15', SEALPIX_LOG: 'warn',
  }
  const origin = new Origin(environment)
  const key = newKey({ limits: { minute: 4_000_000_000, day: 4_000_000_000 } })
  origin.apply({ projects: [{ slug: 'my-app', grants: ['gallery'], keys: [key] }] })
  return {
    name: 'sealpix',
    version: origin.command({ args: ['--version'] }).trim().replace('sealpix ', ''),
    settings: `delivery direct, no derivatives kept, signed URLs, ${JPEG_PNG_WEBP}, AVIF as its score needs`,
    gallery: origin.gallery,
    target: ({ photo, output, box }, name, quality) => {
      const items = [
        ...(photo === 'animated.gif' ? [`frames_${ANIMATION.frames}`] : []), `w_${side(box)}`, `h_${side(box)}`, ...(covers(box) ? ['fit_cover'] : []),
        `f_${output === 'jpeg' ? 'jpg' : output}`, ...(output === 'png' ? [] : [`q_${quality}`]),
      ]
      return sign(key.secret_key, 'my-app', key.public_key, items.join(','), `@gallery/${name}`)
    },
    start: async () => {
      await origin.serve()
      return { port: Number(new URL(origin.url).port), pid: origin.pid, stop: () => origin.stop() }
    },
    remove: () => origin.remove(),
  }
}

/** Everyone else; those that are not there are in the table with why. */
export function peers(photos: string, folder: string): Server[] {
  const secret = randomBytes(32)
  const hmac = (path: string): string => createHmac('sha256', secret).update(secret).update(path).digest('base64url')
  const keys = secret.toString('hex')
  const noCover: NotRun = { notRun: 'has no cover' }

  const ipx: Server = {
    name: 'ipx',
    version: `3.1.1, sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}, node ${process.versions.node}`,
    settings: `\`ipx serve\`, the newest sharp by an override, unsigned URLs, ${JPEG_PNG_WEBP}, AVIF as without a quality (${AVIF_QUALITY}, effort 4)`,
    target: ({ photo, output, box }, name) => {
      const quality = output === 'avif' || output === 'png' ? '' : `,q_${QUALITY}`
      const animated = photo === 'animated.gif' ? ',animated' : ''
      return `/f_${output}${quality},s_${side(box)}x${side(box)},fit_${covers(box) ? 'cover' : 'inside'}${animated}/${name}`
    },
    start: () => {
      const command = [join(IPX, 'node_modules', 'ipx', 'bin', 'ipx.mjs'), 'serve', '--dir', photos, '--host', '127.0.0.1', '--port']
      return started(process.execPath, (port) => [...command, String(port)], { NODE_ENV: 'production' })
    },
  }

  const thumbor: Server = {
    name: 'thumbor',
    version: `${pip('thumbor')}, Pillow ${pip('pillow')}, ${python(['--version'])}`,
    settings: `engine PIL, a process a core, signed URLs, ${JPEG_PNG_WEBP}, baseline JPEG, AVIF ${AVIF_QUALITY}`,
    target: (task, name) => {
      const box = `${side(task.box)}x${side(task.box)}`
      const quality = task.output === 'png' ? '' : `:quality(${qualityOf(task)})`
      const path = `${covers(task.box) ? '' : 'fit-in/'}${box}/filters:format(${task.output})${quality}/${name}`
      return `/${createHmac('sha1', keys).update(path).digest('base64').replaceAll('+', '-').replaceAll('/', '_')}/${path}`
    },
    start: () => {
      const [config, keyFile] = [join(folder, 'thumbor.conf'), join(folder, 'thumbor.key')]
      writeFileSync(keyFile, keys)
      writeFileSync(config, `LOADER = 'thumbor.loaders.file_loader'\nFILE_LOADER_ROOT_PATH = ${JSON.stringify(photos)}
STORAGE = 'thumbor.storages.no_storage'\nALLOW_UNSAFE_URL = False\nPROGRESSIVE_JPEG = False\n`)
      const command = ['--conf', config, '--keyfile', keyFile, '--ip', '127.0.0.1', '--log-level', 'error', '--processes', String(availableParallelism())]
      return started(join(THUMBOR, 'bin', 'thumbor'), (port) => [...command, '--port', String(port)])
    },
  }

  const oximg = (name: string, preset: Record<string, string>, how: string): Server => ({
    name,
    version: '0.18.1',
    settings: `${how}, signed URLs, ${JPEG_PNG_WEBP} (method 4), resizes in linear light`,
    target: ({ output, box }, name) => {
      if (output === 'avif') return { notRun: 'built without AVIF: that needs SVT-AV1 4.1' }
      if (covers(box)) return noCover
      const path = `/resize/${side(box)}/${side(box)}/${name}@${output}`
      return `/${hmac(path)}${path}`
    },
    start: () => {
      const settings = { QUALITY: String(QUALITY), OXIMG_WEBP_QUALITY: String(QUALITY), OXIMG_WEBP_EFFORT: '4', ...preset }
      const environment = { IMAGES_DIR: photos, OXIMG_BIND: '127.0.0.1', OXIMG_KEY: keys, OXIMG_SALT: keys, ...settings }
      return started(join(OXIMG, 'bin', 'oximg'), () => ['serve'], environment, 'PORT')
    },
  })
  const jpegli = oximg('oximg-jpegli', {}, 'its own JPEG encoder, jpegli, progressive')
  const onlyJpeg: Target = (task, name, quality) =>
    task.output === 'jpeg' ? jpegli.target(task, name, quality) : { notRun: 'differs from oximg in JPEG alone' }

  const binary = process.env.IMGPROXY_BIN
  const imgproxy: Server = {
    name: 'imgproxy',
    version: binary === undefined ? '-' : spawnSync(binary, ['version'], { encoding: 'utf8' }).stdout.trim(),
    settings: `signed URLs, ${JPEG_PNG_WEBP}, AVIF ${AVIF_QUALITY}`,
    target: (task, name) => {
      if (binary === undefined) return { notRun: 'IMGPROXY_BIN names no binary' }
      const path = `/rs:${covers(task.box) ? 'fill' : 'fit'}:${side(task.box)}:${side(task.box)}/q:${qualityOf(task)}/plain/local:///${name}@${task.output}`
      return `/${hmac(path)}${path}`
    },
    start: async () => {
      const port = await freePort()
      const environment = {
        IMGPROXY_LOCAL_FILESYSTEM_ROOT: photos, IMGPROXY_BIND: `127.0.0.1:${port}`, IMGPROXY_KEY: keys, IMGPROXY_SALT: keys, IMGPROXY_LOG_LEVEL: 'warn',
        IMGPROXY_MAX_ANIMATION_FRAMES: String(ANIMATION.frames),
      }
      return await listening(spawn(binary ?? '', [], { env: { ...process.env, ...environment }, stdio: 'ignore' }), port)
    },
  }
  return [ipx, thumbor, oximg('oximg', { PRESET: 'fast' }, 'JPEG as libjpeg-turbo writes it (`PRESET=fast`)'), { ...jpegli, target: onlyJpeg }, imgproxy]
}

type Started = Awaited<ReturnType<Server['start']>>

/** Starts a program on a free port, which it is told by its arguments or by a variable. */
async function started(program: string, args: (port: number) => string[], more: Record<string, string> = {}, variable = ''): Promise<Started> {
  const port = await freePort()
  const env = { ...process.env, ...more, ...(variable === '' ? {} : { [variable]: String(port) }) }
  return await listening(spawn(program, args(port), { env, stdio: ['ignore', 'ignore', 'inherit'] }), port)
}

/** Waits until it answers anything at all. */
async function listening(child: ChildProcess, port: number): Promise<Started> {
  const { pid } = child
  if (pid === undefined) throw new Error(`${child.spawnfile} does not start`)
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  for (const until = Date.now() + 30_000; ; await pause(50)) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
    try {
      await ask(port, '/')
      break
    } catch (error) {
      if (Date.now() > until) throw error
    }
  }
  const stop = async (): Promise<void> => {
    end(pid)
    await gone
  }
  return { port, pid, stop }
}

function python(args: string[]): string {
  return spawnSync(join(THUMBOR, 'bin', 'python'), args, { encoding: 'utf8' }).stdout.trim()
}

function pip(name: string): string {
  return python(['-c', `import importlib.metadata as m; print(m.version(${JSON.stringify(name)}))`])
}
