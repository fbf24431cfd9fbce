// Where `.ci/setup peers` has put the others.
import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'

const tools = execFileSync(resolve(import.meta.dirname, '..', '..', '..', '.ci', 'setup'), ['tools'], { encoding: 'utf8' }).trim()

/** The folder of IPX's and sharp's packages. */
export const IPX = join(tools, 'ipx-3.1.1')
export const THUMBOR = join(tools, 'thumbor-7.8.0')
export const OXIMG = join(tools, 'oximg-0.18.1')
