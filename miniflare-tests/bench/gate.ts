// The gate's time: the loop of gate/src/lib.rs as WebAssembly in this Node, and natively.
//
// The Worker's own module exports nothing but its handler, so the loop is a module of its own: the same crate
// (`shared`), compiled with the Worker's profile and made small by the same wasm-opt.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const top = resolve(import.meta.dirname, '..', '..')
const CASES = ['admitted', 'signature_invalid', 'url_expired', 'malformed_url']
const FEATURES = ['mutable-globals', 'sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'multivalue', 'reference-types', 'exception-handling']

/** Microseconds of a pass, round by round. */
export type GateTimes = Record<string, { wasm: number[]; native: number[] }>

export async function gateTimes(folder: string, rounds: number, passes: number): Promise<GateTimes> {
  const cargo = (...more: string[]): void => {
    execFileSync('cargo', ['build', '--quiet', '--locked', '--package', 'sealpix-gate-bench', ...more], { cwd: top, stdio: 'inherit' })
  }
  cargo('--lib', '--profile', 'worker', '--target', 'wasm32-unknown-unknown')
  cargo('--bin', 'gate-bench', '--release')
  const target = process.env.CARGO_TARGET_DIR ?? join(top, 'target')
  const small = join(folder, 'gate.wasm')
  const built = join(target, 'wasm32-unknown-unknown', 'worker', 'gate_bench.wasm')
  const flags = FEATURES.map((feature) => `--enable-${feature}`)
  // As .ci/shrink-worker.js does.
  const shrinking = ['-Oz', '--gufa-optimizing', '-Oz', '--converge', '--strip-debug', '--strip-producers']
  execFileSync(join(top, 'node_modules', 'binaryen', 'bin', 'wasm-opt'), [built, '-o', small, ...flags, ...shrinking])

  const { instance } = await WebAssembly.instantiate(readFileSync(small), {})
  const pass = instance.exports.passes as (which: number, times: number) => number
  const timed = (which: number): number => {
    const began = process.hrtime.bigint()
    assert.equal(pass(which, passes), passes, `${CASES[which]}: every verdict is the right one`)
    return Number(process.hrtime.bigint() - began) / 1_000 / passes
  }
  const wasm = CASES.map((_, which) => {
    timed(which) // V8 compiles what is hot while this one runs.
    return Array.from({ length: rounds }, () => timed(which))
  })
  const said = execFileSync(join(target, 'release', 'gate-bench'), [String(rounds), String(passes)], { encoding: 'utf8' })
  const nanos = JSON.parse(said) as Record<string, number[]>
  return Object.fromEntries(CASES.map((name, which) => [name, {
    wasm: wasm[which] ?? [],
    native: (nanos[name] ?? []).map((nanos) => nanos / 1_000),
  }]))
}
