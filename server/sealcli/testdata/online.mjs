// Makes a bid as the browser does, under node: node online.mjs <wasm_exec.js> <sealer.wasm> <folder>
// The folder holds online.json {terms, bid, keys}, bill.xlsx and the files; online.jbe and online-problems.json come out.
import { readFileSync, writeFileSync, appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [runtimePath, wasmPath, folder] = process.argv.slice(2)
await import(pathToFileURL(runtimePath).href)
const go = new globalThis.Go()
const { instance } = await WebAssembly.instantiate(readFileSync(wasmPath), go.importObject)
void go.run(instance)
const sealer = globalThis.jianbiaoSealer

const { terms, bid, seal, section } = JSON.parse(readFileSync(join(folder, 'online.json'), 'utf8'))
const imported = await sealer.billRead(JSON.stringify(terms.form.bill), new Uint8Array(readFileSync(join(folder, 'bill.xlsx'))))
bid.forms[terms.form.bill.section].bill = imported.lines
const prepared = await sealer.bidPrepare(JSON.stringify(terms), JSON.stringify(bid))
writeFileSync(join(folder, 'online-problems.json'), JSON.stringify({ lines: imported.problems, problems: prepared.problems }))

const sections = Object.keys(prepared.bid.forms).sort().map((name) => ({
  name, form: prepared.bid.forms[name],
  files: (bid.files[name] ?? []).map((file) => ({ name: file, media: 'application/pdf', size: readFileSync(join(folder, 'files', name, file)).length })),
}))
const out = join(folder, 'online.jbe')
writeFileSync(out, '')
await sealer.sealBid(
  JSON.stringify({ ...seal, sections }),
  async (s, f, offset, length) => new Uint8Array(readFileSync(join(folder, 'files', sections[s].name, sections[s].files[f].name)).subarray(offset, offset + length)),
  async (chunk) => appendFileSync(out, chunk),
  () => {},
  null,
)
const template = await sealer.billTemplate(JSON.stringify(terms.form.bill), '[]')
writeFileSync(join(folder, 'online-template.xlsx'), template)
process.exit(0)
