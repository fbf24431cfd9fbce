// A copy of the built Worker in which the WASM can be made to trap, for tests alone: the product has no switch for it.
//
// The copy's WASM has one global more, and `unreachable` behind it in two places: in the exported `fetch`, where a
// request comes in, and in the functions that resume a future after it waited. The glue of worker-build is untouched. A
// module around it sets the global when a request's `Test-Trap` header says so: `at once` traps that call, `resumed` the
// next future that goes on, `after` the first that does once the answer is made, which is work in `wait_until`.
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import binaryen from 'binaryen'

const AT_ONCE = 1
const RESUMED = 2

const WATCH = `// Keeps hold of the newest instance: the glue makes a fresh one after a trap.
const Instance = WebAssembly.Instance
WebAssembly.Instance = function (...parts) {
  const made = new Instance(...parts)
  globalThis.newest = made.exports
  return made
}
`

const ENTRY = `import './watch.js'
import Worker from './index.js'
export default {
  async fetch(request, env, context) {
    const how = request.headers.get('Test-Trap')
    if (how === 'at once') globalThis.newest.trap.value = ${AT_ONCE}
    const answer = new Worker(context, env).fetch(request)
    if (how === 'resumed') globalThis.newest.trap.value = ${RESUMED}
    if (how !== 'after') return answer
    const made = await answer
    globalThis.newest.trap.value = ${RESUMED}
    return made
  },
}
`

/** Makes the copy; its folder, for `Place.build`, which whoever asked for it removes. */
export function trapBuild(): string {
  const build = resolve(import.meta.dirname, '..', 'edge', 'build')
  const copy = mkdtempSync(join(tmpdir(), 'sealpix-trap-'))
  cpSync(join(build, 'index.js'), join(copy, 'index.js'))
  const module = binaryen.readBinary(readFileSync(join(build, 'index_bg.wasm')))
  module.setFeatures(binaryen.Features.All)
  module.addGlobal('trap', binaryen.i32, true, module.i32.const(0))
  module.addGlobalExport('trap', 'trap')
  let resumed = 0
  for (let at = 0; at < module.getNumExports(); at += 1) {
    const { name, value } = binaryen.getExportInfo(module.getExportByIndex(at))
    if (name === 'fetch') guard(module, value, AT_ONCE)
    if (name.startsWith('wasm_bindgen__convert__closures')) {
      guard(module, value, RESUMED)
      resumed += 1
    }
  }
  if (resumed === 0) throw new Error('the WASM resumes futures by other names now')
  writeFileSync(join(copy, 'index_bg.wasm'), module.emitBinary())
  module.dispose()
  writeFileSync(join(copy, 'watch.js'), WATCH)
  writeFileSync(join(copy, 'entry.js'), ENTRY)
  return copy
}

/** Puts `if (trap == when) unreachable` before a function's body. */
function guard(module: binaryen.Module, name: string, when: number): void {
  const made = module.getFunction(name)
  const { body, results } = binaryen.getFunctionInfo(made)
  const armed = module.i32.eq(module.global.get('trap', binaryen.i32), module.i32.const(when))
  const guarded = module.block(null, [module.if(armed, module.unreachable()), body], results)
  binaryen.Function.setBody(made, guarded)
}
