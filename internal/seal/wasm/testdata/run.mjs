// Runs the sealer under node: node run.mjs <wasm_exec.js> <sealer.wasm> <folder>
// The folder holds task.json (a bid's input and everything to check) and the
// files; the envelope and report.json are written into it.
import { readFileSync, writeFileSync, openSync, readSync, statSync, appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [runtimePath, wasmPath, folder] = process.argv.slice(2)
await import(pathToFileURL(runtimePath).href)
const go = new globalThis.Go()
const { instance } = await WebAssembly.instantiate(readFileSync(wasmPath), go.importObject)
void go.run(instance)
const sealer = globalThis.jianbiaoSealer

const task = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8'))
const code = (promise) => promise.then((v) => `resolved ${JSON.stringify(v)}`, (e) => e.code)
const bytes = (text) => new TextEncoder().encode(text)
const reader = (path) => {
  const fd = openSync(path, 'r')
  return async (offset, length) => {
    const b = new Uint8Array(length)
    return b.subarray(0, readSync(fd, b, 0, length, offset))
  }
}

const report = { version: sealer.version }
report.certificateWrong = await code(sealer.certificateOpen(bytes(task.certificate), 'x'))
const demo = await sealer.certificateOpen(bytes(task.certificate), task.passphrase)
report.certificate = demo.certificate
report.certificateSignature = await sealer.certificateSign(demo.handle, 'tag', bytes('挑战'))
task.input.firmFile = demo.handle
const out = join(folder, 'wasm.jbe')
writeFileSync(out, '')
const readers = task.input.sections.map((s) => s.files.map((f) => reader(join(folder, f.name))))
let done = 0
const started = performance.now()
report.sealed = await sealer.sealBid(
  JSON.stringify(task.input),
  (section, file, offset, length) => readers[section][file](offset, length),
  async (chunk) => appendFileSync(out, chunk),
  (d) => { done = d },
  // Chunks encrypted elsewhere and coming back late: the envelope must be the same kind of thing.
  async (key, nonce, plain, aad) => { await new Promise((r) => setTimeout(r, 3)); return sealer.encryptChunk(key, nonce, plain, aad) },
)
report.sealSeconds = (performance.now() - started) / 1000
report.progress = done
await sealer.certificateClose(demo.handle)
report.certificateClosed = await code(sealer.certificateSign(demo.handle, 'tag', bytes('挑战')))
report.digest = await sealer.digest(statSync(out).size, reader(out), () => {})

const header = JSON.stringify(report.sealed.header)
report.part = await sealer.unwrapPart(task.input.bidder, header, 'technical')
report.partFits = await sealer.checkPart(header, 'technical', 'bidder', report.part)
report.partElsewhere = await sealer.checkPart(header, 'price', 'bidder', report.part)
report.wrongKey = await code(sealer.unwrapPart(task.input.firm, header, 'technical'))
report.noSection = await code(sealer.unwrapPart(task.input.bidder, header, 'nothing'))

const r = task.receipt
const receipt = (change) => sealer.verifyReceipt(JSON.stringify({ ...r.receipt, ...change }), r.ed25519, r.sm2, JSON.stringify(r.header), r.receipt.digest, r.receipt.size)
report.receipt = await code(receipt({}))
report.receiptChanged = await code(receipt({ receivedAt: '2026-01-01T00:00:00Z' }))
report.owner = await code(sealer.verifyOwner(JSON.stringify(r.header), JSON.stringify(r.owner)))
report.ownerChanged = await code(sealer.verifyOwner(JSON.stringify(r.header), JSON.stringify({ ...r.owner, name: 'x' })))
report.vrf = await sealer.verifyVrf(task.vrf.public, task.vrf.alpha, task.vrf.proof, 41)
report.vrfChanged = await code(sealer.verifyVrf(task.vrf.public, '', task.vrf.proof, 41))

report.signature = await sealer.signOneTime(task.input.oneTime, 'jianbiao/opening/seal-check/v1', bytes('检查'))
report.signatureHolds = await sealer.verifySignature(report.sealed.header.oneTimeKey, 'jianbiao/opening/seal-check/v1', bytes('检查'), report.signature)
report.signatureElsewhere = await sealer.verifySignature(report.sealed.header.oneTimeKey, 'jianbiao/opening/release/v1', bytes('检查'), report.signature)
report.keys = await sealer.generateKeys(2)
report.public = await sealer.publicKey(report.keys[0].private)
report.canonical = await sealer.canonical('{"b":1,"a":"元"}')
report.notCanonical = await code(sealer.canonical('{"a":1.5}'))

const opened = await sealer.vaultOpen(new Uint8Array(readFileSync(join(folder, 'native.vault'))), task.passphrase)
report.vaultWrong = await code(sealer.vaultOpen(new Uint8Array(readFileSync(join(folder, 'native.vault'))), task.passphrase + 'x'))
opened.document.settings.from = 'wasm'
await sealer.vaultChange(opened.handle, task.passphrase, task.nextPassphrase)
writeFileSync(join(folder, 'wasm.vault'), await sealer.vaultSeal(opened.handle, JSON.stringify(opened.document), '2026-03-02T01:00:00Z'))
await sealer.vaultClose(opened.handle)
report.vaultClosed = await code(sealer.vaultSeal(opened.handle, JSON.stringify(opened.document), '2026-03-02T01:00:00Z'))
report.weak = await code(sealer.checkPassphrase('1234567890'))

report.badCall = await code(sealer.sealBid('{', null, null, null, null))
report.badArity = await code(sealer.sealBid())
report.shortFile = await code(sealer.sealBid(JSON.stringify(task.input), async () => new Uint8Array(0), () => {}, () => {}, null))
report.rejectedFile = await code(sealer.sealBid(JSON.stringify(task.input), () => Promise.reject(new Error('gone')), () => {}, () => {}, null))

writeFileSync(join(folder, 'report.json'), JSON.stringify(report))
process.exit(0)
