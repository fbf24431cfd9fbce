// What the figures were made on and with.
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { output } from './load.ts'
import { workerd } from './runtime.ts'

export type Machine = { processor: string; cores: number; memoryGib: number; kernel: string; versions: Record<string, string> }

export async function machine(): Promise<Machine> {
  const first = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0] ?? ''
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    versions: {
      workerd: first(workerd, '--version').replace('workerd ', ''),
      node: process.versions.node,
      v8: process.versions.v8,
      rustc: first('rustc', '--version').split(' ')[1] ?? '',
      // It prints its version only beside its usage, and fails.
      wrk: /wrk (\S+)/.exec(await output('wrk', ['-v']))?.[1] ?? '',
    },
  }
}
