// Takes out of a built Worker what no one can call: classes of the platform's library that wasm-bindgen exports whether
// they are used or not, and the functions' names.
//   node_modules/.bin/node .ci/shrink-worker.js edge/build target/worker-named.wasm
// The second file keeps the names, for reading stack traces. Node 24: 20 does not read the module.
import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, named] = process.argv.slice(2)
const [glue, wasm, whole, entry, graph] = ['index.js', 'index_bg.wasm', 'whole.js', 'entry.js', 'graph.json'].map((file) => join(folder, file))
const run = (tool, ...args) => execFileSync(join('node_modules', tool), args, { stdio: ['ignore', 'ignore', 'inherit'] })
const features = ['mutable-globals', 'sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'multivalue', 'reference-types', 'exception-handling']
const enabled = features.map((feature) => `--enable-${feature}`)

// A class that nothing exports goes, once what is done to it at the start is known to have no other effect.
const pure = readFileSync(glue, 'utf8')
  .replace(/\bSymbol\.dispose&&\(([\w$]+)\.prototype\[Symbol\.dispose\]=\1\.prototype\.free\)[;,]?/g, ';')
  .replace(/([=:])new (Proxy|FinalizationRegistry)\(/g, '$1/* @__PURE__ */new $2(')
writeFileSync(whole, pure)
writeFileSync(entry, `export { default, KeyCounter } from './whole.js'\n`)
run('.bin/esbuild', entry, '--bundle', '--format=esm', '--minify', '--external:cloudflare:workers', '--external:./index_bg.wasm',
  `--outfile=${glue}`, '--allow-overwrite', '--log-level=warning')

// Exports of the module that its glue does not name are reached by nobody.
renameSync(wasm, named)
const exported = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(named))).map(({ name }) => name)
const text = readFileSync(glue, 'utf8')
const used = exported.filter((name) => new RegExp(`\\b${name}\\b`).test(text))
const nodes = used.map((name) => ({ name: `export ${name}`, export: name }))
writeFileSync(graph, JSON.stringify([{ name: 'glue', root: true, reaches: nodes.map(({ name }) => name) }, ...nodes]))
run('binaryen/bin/wasm-metadce', named, '--graph-file', graph, '-o', wasm, ...enabled)
run('binaryen/bin/wasm-opt', wasm, '-o', wasm, ...enabled, '-Oz', '--gufa-optimizing', '-Oz', '--converge', '--strip-debug', '--strip-producers')
for (const file of [whole, entry, graph]) rmSync(file)
