// After `vite build`: put the placeholder back that lets Go compile without a web build, and write .br and .gz beside
// everything that compresses, so that the server never compresses while somebody waits.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dist = new URL('../dist', import.meta.url).pathname
const COMPRESSES = /\.(js|css|html|svg|json|wasm)$/

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) yield* files(path)
    else yield path
  }
}

writeFileSync(join(dist, '.gitkeep'), '')
for (const path of files(dist)) {
  if (!COMPRESSES.test(path) || path.includes('/.vite/')) continue
  const bytes = readFileSync(path)
  if (bytes.length < 512) continue
  const quality = bytes.length > 4_000_000 ? 9 : 11
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
  if (brotli.length < bytes.length) writeFileSync(`${path}.br`, brotli)
  const gzip = gzipSync(bytes, { level: 9 })
  if (gzip.length < bytes.length) writeFileSync(`${path}.gz`, gzip)
}
