// What an answer is worth: its frames as pixels, read by sharp whoever made them, and their score against the source's.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { top } from '../../origin.ts'
import { sharp, type RawInfo } from './sharp.ts'
import { ANIMATION, covers, side, type Photo, type Task } from './tasks.ts'

/** SSIMULACRA2 against a resize on the stored values, and against one on the light that they stand for. */
export type Scores = { values: number; light: number }

type Raw = RawInfo & { path: string }
export const judge = resolve(top, process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'image-judge')

/** Of an animation the first, a middle and the last frame are looked at. */
const LOOKED_AT = [0, ANIMATION.frames >> 1, ANIMATION.frames - 1]

export class Scorer {
  readonly #folder: string
  readonly #photos: string
  readonly #sources = new Map<string, Raw>()

  constructor(folder: string, photos: string) {
    this.#folder = folder
    this.#photos = photos
  }

  /** Why the answer is not what was asked for; nothing when it is. */
  async wrong({ photo, output, box }: Task, body: Buffer): Promise<string | undefined> {
    const { format, width, height, pageHeight, pages = 1 } = await sharp(body).metadata()
    const shown = format === 'heif' ? 'avif' : format
    if (shown !== output) return `answers ${shown}`
    if (photo === 'animated.gif' && pages !== ANIMATION.frames) return `answers ${pages} of ${ANIMATION.frames} frames`
    const [across, down] = [side(box), Math.round(covers(box) ? side(box) : (side(box) * 2) / 3)]
    const tall = pageHeight ?? height
    return Math.abs(width - across) > 1 || Math.abs(tall - down) > 1 ? `answers ${width} x ${tall}` : undefined
  }

  async score({ photo, box }: Task, body: Buffer): Promise<Scores> {
    const pages = photo === 'animated.gif' ? LOOKED_AT : [0]
    const lines: string[] = []
    for (const page of pages) {
      const source = await this.#source(photo, page)
      const result = await this.#write(`result-${page}`, body, page)
      lines.push(JSON.stringify({ source, result, cover: covers(box) }))
    }
    const said = execFileSync(judge, ['score'], { input: `${lines.join('\n')}\n`, encoding: 'utf8' }).trim().split('\n')
    const scores = said.map((line) => JSON.parse(line) as Scores)
    const mean = (which: keyof Scores): number => scores.reduce((sum, each) => sum + each[which], 0) / scores.length
    return { values: mean('values'), light: mean('light') }
  }

  async #source(photo: Photo, page: number): Promise<Raw> {
    const name = `${photo}-${page}`
    const raw = this.#sources.get(name) ?? (await this.#write(name, join(this.#photos, photo), page))
    this.#sources.set(name, raw)
    return raw
  }

  async #write(name: string, picture: string | Buffer, page: number): Promise<Raw> {
    const { data, info } = await sharp(picture, { page }).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
    const path = join(this.#folder, `${name}.raw`)
    writeFileSync(path, data)
    return { path, width: info.width, height: info.height, channels: info.channels }
  }
}
