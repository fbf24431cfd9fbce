// The sources, made of the repo's two photographs, and as many names for each as a load asks for.
import { execFileSync } from 'node:child_process'
import { copyFileSync, linkSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sharp, type RawInfo } from './sharp.ts'
import { ANIMATION, PHOTOS, type Photo } from './tasks.ts'

const repo = resolve(import.meta.dirname, '..', '..', 'photos')

/** More than the most connections: no two requests that are under way have one name, so no server makes them one. */
const NAMES = 512

/** The name of a photo's `at`th copy. */
export const named = (photo: Photo, at: number): string => `${at % NAMES}-${photo}`

/** Writes them all into `folder`, and their other names, which are links to the same bytes. */
export async function makePhotos(folder: string): Promise<void> {
  const path = (photo: Photo): string => join(folder, photo)
  const jpegtran = (from: Photo, to: Photo, how: string): void => {
    execFileSync('jpegtran', ['-copy', 'none', how, '-outfile', path(to), path(from)])
  }
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(repo, 'sunset-12mp-progressive.jpg'), path('12mp-progressive.jpg'))
  jpegtran('12mp-progressive.jpg', '12mp-baseline.jpg', '-optimize')
  await sharp(path('12mp-baseline.jpg')).resize(2136, 1424).jpeg({ quality: 90 }).toFile(path('3mp-baseline.jpg'))
  jpegtran('3mp-baseline.jpg', '3mp-progressive.jpg', '-progressive')

  // Of three to two, so that no server's rounding of a side moves the picture.
  const { data, info } = await sharp(join(repo, 'freespace-1mp.jpg')).extract({ left: 15, top: 90, width: 1335, height: 890 })
    .raw().toBuffer({ resolveWithObject: true })
  await sharp(data, { raw: info }).png().toFile(path('photo.png'))
  const alpha = { ...info, channels: 1 }
  await sharp(data, { raw: info }).joinChannel(faded(alpha), { raw: alpha }).png().toFile(path('alpha.png'))
  const { frames, width, height } = ANIMATION
  const strip = panned(data, info)
  await sharp(strip, { raw: { width, height: height * frames, channels: 3, pageHeight: height } })
    .gif({ delay: Array.from({ length: frames }, () => 80), loop: 0, effort: 2 }).toFile(path('animated.gif'))

  for (const photo of PHOTOS) {
    for (let at = 0; at < NAMES; at += 1) linkSync(path(photo), join(folder, named(photo, at)))
  }
}

/** Opaque in an ellipse, clear in the corners, all shades between. */
function faded({ width, height }: RawInfo): Buffer {
  const alpha = Buffer.alloc(width * height)
  for (let at = 0; at < alpha.length; at += 1) {
    const [x, y] = [(at % width) / width - 0.5, Math.floor(at / width) / height - 0.5]
    alpha[at] = Math.round(255 * Math.min(1, Math.max(0, 3 - 6 * Math.hypot(x, y))))
  }
  return alpha
}

/** Frames below each other: a window that moves across the photograph. */
function panned(pixels: Buffer, photo: RawInfo): Buffer {
  const { frames, width, height } = ANIMATION
  const rows = Array.from({ length: frames }, (_, frame) => {
    const [left, top] = [frame * 20, frame * 8]
    return Array.from({ length: height }, (_, row) => {
      const at = ((top + row) * photo.width + left) * 3
      return pixels.subarray(at, at + width * 3)
    })
  })
  return Buffer.concat(rows.flat())
}
