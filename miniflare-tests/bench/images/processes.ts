// A server as the machine sees it: a process with those that it started, their processor time and their memory.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

/** The process and all below it. */
function tree(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = stat(Number(name))?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const below = (pid: number): number[] => [pid, ...[...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => below(child))]
  return below(root)
}

/** The fields of proc(5)'s stat behind the name in brackets: state, parent, and so on; none of one that has ended. */
function stat(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')
  } catch {
    return undefined
  }
}

/** Processor time so far, of user and kernel, in milliseconds: fields 14 and 15, in hundredths of a second. */
export function cpuMillis(root: number): number {
  return tree(root).reduce((sum, pid) => {
    const fields = stat(pid) ?? []
    return sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10
  }, 0)
}

/** The most memory that each has held since `forgetPeak`, summed, in bytes. What several share counts for each. */
export function peakBytes(root: number): number {
  return tree(root).reduce((sum, pid) => {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return sum + Number(kib ?? 0) * 1024
  }, 0)
}

/** The peak from now on: proc(5), clear_refs 5. */
export function forgetPeak(root: number): void {
  for (const pid of tree(root)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Ends it with all below it. */
export function end(root: number): void {
  for (const pid of tree(root)) process.kill(pid, 'SIGTERM')
}
