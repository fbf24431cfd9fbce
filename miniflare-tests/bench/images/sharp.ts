// sharp as it is installed for IPX: it makes the photos and reads every answer, ours and the others', alike.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { IPX } from './peers.ts'

export type Metadata = { format: string; width: number; height: number; pageHeight?: number; pages?: number; hasAlpha: boolean }
export type RawInfo = { width: number; height: number; channels: number }
export interface Sharp {
  metadata(): Promise<Metadata>
  extract(box: { left: number; top: number; width: number; height: number }): Sharp
  resize(width: number, height: number): Sharp
  joinChannel(bytes: Buffer, options: { raw: RawInfo }): Sharp
  toColourspace(space: 'srgb'): Sharp
  raw(): Sharp
  jpeg(options: { quality: number }): Sharp
  png(): Sharp
  gif(options: { delay: number[]; loop: number; effort: number }): Sharp
  toFile(path: string): Promise<unknown>
  toBuffer(): Promise<Buffer>
  toBuffer(options: { resolveWithObject: true }): Promise<{ data: Buffer; info: RawInfo }>
}
type Options = { page?: number; raw?: RawInfo & { pageHeight?: number } }
type Library = ((input: string | Buffer, options?: Options) => Sharp) & { cache(on: boolean): void; versions: Record<string, string> }

const load = createRequire(join(IPX, 'package.json'))

/** sharp, without its cache of operations. */
export const sharp = load('sharp') as Library
sharp.cache(false)
