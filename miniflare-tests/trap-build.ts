// A copy of the built Worker in which the WASM can be made to trap, for tests alone: the product has no switch for it.
//
// The copy's WASM has one global more, and counts it down in each function by which JavaScript calls in: the exported
// `fetch`, and those that resume a future after it waited. At zero it runs into `unreachable`. The glue of worker-build is
// untouched. A module around it sets the global by a request's `Test-Trap` header: `in 1` traps that very call, `in 7` the
// sixth that follows it, so that each place at which a request can wait is reached; `after 1` counts from when the answer
// is made, which is work in `wait_until`; `off` calls a trap off that was not reached.
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import binaryen from 'binaryen'

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
    const [how, count] = (request.headers.get('Test-Trap') ?? '').split(' ')
    const set = (count) => (globalThis.newest.trap.value = Number(count))
    if (how === 'off') set(0)
    if (how === 'in') set(count)
    const answer = await new Worker(context, env).fetch(request)
    if (how === 'after') set(count)
    return answer
  },
}
`

/** Makes the copy; its folder, for `Place.build`, which whoever asked for it removes. */
export function trapBuild(): string {
  const build = resolve(import.meta.dirname, '..', 'edge', 'build')
  const copy = mkdtempSync(join(tmpdir(), 'sealpix-trap-'))
  cpSync(join(build, 'index.js'), join(copy, 'index.js'))
  const module = binaryen.readBinary(readFileSync(join(build, 'index_bg.wasm')))
  // Not those that the file does not use: binaryen would write it in their newest spelling.
  const { MutableGlobals, SignExt, NontrappingFPToInt, BulkMemory, Multivalue, ReferenceTypes, ExceptionHandling } = binaryen.Features
  module.setFeatures(MutableGlobals | SignExt | NontrappingFPToInt | BulkMemory | Multivalue | ReferenceTypes | ExceptionHandling)
  module.addGlobal('trap', binaryen.i32, true, module.i32.const(0))
  module.addGlobalExport('trap', 'trap')
  let resumed = 0
  for (let at = 0; at < module.getNumExports(); at += 1) {
    const { name, value } = binaryen.getExportInfo(module.getExportByIndex(at))
    if (name.startsWith('wasm_bindgen__convert__closures')) resumed += 1
    else if (name !== 'fetch') continue
    guard(module, value)
  }
  if (resumed === 0) throw new Error('the WASM resumes futures by other names now')
  writeFileSync(join(copy, 'index_bg.wasm'), module.emitBinary())
  module.dispose()
  writeFileSync(join(copy, 'watch.js'), WATCH)
  writeFileSync(join(copy, 'entry.js'), ENTRY)
  return copy
}

/** Puts before a function's body: if the global is set, count it down, and at zero trap. */
function guard(module: binaryen.Module, name: string): void {
  const { params, results, vars, body } = binaryen.getFunctionInfo(module.getFunction(name))
  const trap = (): number => module.global.get('trap', binaryen.i32)
  const counted = module.block(null, [
    module.global.set('trap', module.i32.sub(trap(), module.i32.const(1))),
    module.if(module.i32.eqz(trap()), module.unreachable()),
  ])
  const guarded = module.block(null, [module.if(trap(), counted), body], results)
  module.removeFunction(name)
  module.addFunction(name, params, results, vars, guarded)
}
