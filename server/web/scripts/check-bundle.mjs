// Measures the compressed JavaScript that portal and hall need: the entry, what it imports, the route's chunk and what that
// imports. Fails above the budget. WebAssembly is apart. `--json` prints the figures for a machine.
import { readFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const BUDGET = 300 * 1024
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))
const ROUTES = { portal: 'src/features/portal/PortalPage.vue', hall: 'src/features/hall/HallPage.vue', screen: 'src/features/hall/ScreenPage.vue' }

/** The chunk and everything that it imports statically. */
function closure(key, seen = new Set()) {
  const chunk = manifest[key]
  if (!chunk) throw new Error(`no chunk ${key} in the manifest`)
  if (seen.has(key)) return seen
  seen.add(key)
  for (const next of chunk.imports ?? []) closure(next, seen)
  return seen
}

const sizes = new Map()
function size(file) {
  if (!sizes.has(file)) {
    const bytes = readFileSync(new URL(file, dist))
    sizes.set(file, { gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length })
  }
  return sizes.get(file)
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry)
const report = {}
for (const [name, route] of Object.entries(ROUTES)) {
  const keys = closure(route, closure(entry))
  const files = [...new Set([...keys].map((key) => manifest[key].file).filter((file) => file.endsWith('.js')))]
  const total = files.reduce((sum, file) => ({ gzip: sum.gzip + size(file).gzip, brotli: sum.brotli + size(file).brotli }), { gzip: 0, brotli: 0 })
  report[name] = { files: files.length, ...total, budget: BUDGET, ok: total.gzip <= BUDGET }
}
if (process.argv.includes('--json')) console.log(JSON.stringify(report))
else for (const [name, r] of Object.entries(report)) console.log(`${r.ok ? 'ok  ' : 'FAIL'} ${name.padEnd(7)} ${r.files} chunks, ${(r.gzip / 1024).toFixed(1)} KB gzip, ${(r.brotli / 1024).toFixed(1)} KB brotli (at most ${BUDGET / 1024} KB)`)
if (Object.values(report).some((r) => !r.ok)) process.exit(1)
