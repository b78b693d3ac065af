// A second reader of bid envelopes, written from docs/spec/bid-envelope.md with
// another library (sm-crypto-v2 1.15.1, to be installed where node finds it). It
// opens the vectors and says what it found:
//   node reader.mjs docs/spec/bid-envelope.vectors.json
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { sm2, sm3, sm4 } = createRequire(join(process.cwd(), 'x.js'))('sm-crypto-v2')

const v = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const b64 = (s) => Buffer.from(s, 'base64url')
const hex = (b) => Buffer.from(b).toString('hex')
const utf8 = (s) => Buffer.from(s, 'utf8')
const cat = (...b) => Buffer.concat(b)
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b }
const text = (s) => { const b = utf8(s); const n = Buffer.alloc(2); n.writeUInt16BE(b.length); return cat(n, b) }
const tag = (t, m) => cat(utf8(t), Buffer.from([0]), m)
const hash = (m) => Buffer.from(sm3(new Uint8Array(m)), 'hex')
const digest = (m) => 'sm3:' + hex(hash(m))
const kdf = (z) => hash(cat(z, u32(1))).subarray(0, 16)

const canonical = (x) => {
  if (Array.isArray(x)) return '[' + x.map(canonical).join(',') + ']'
  if (typeof x !== 'object' || x === null) return JSON.stringify(x)
  return '{' + Object.keys(x).sort().map((k) => JSON.stringify(k) + ':' + canonical(x[k])).join(',') + '}'
}

function check(what, ok) {
  if (!ok) throw new Error(what)
}

// sm-crypto takes C1 without its leading 04, and all in hexadecimal.
const unwrap = (key, capsule) => Buffer.from(sm2.doDecrypt(hex(capsule.subarray(1)), hex(b64(key)), 1, { output: 'array' }))
const verify = (key, t, m, signature) => sm2.doVerifySignature(new Uint8Array(tag(t, m)), hex(b64(signature)), hex(key), { hash: true, userId: '1234567812345678' })

function open(key, nonce, aad, sealed) {
  const at = sealed.length - 16
  const out = sm4.decrypt(new Uint8Array(sealed.subarray(0, at)), new Uint8Array(key), {
    mode: 'gcm', iv: new Uint8Array(nonce), associatedData: new Uint8Array(aad), tag: new Uint8Array(sealed.subarray(at)), output: 'array', padding: 'none',
  })
  return Buffer.from(out.output ?? out)
}

function readHeader(file) {
  check('magic', file.subarray(0, 9).equals(Buffer.from('4a42454e56310d0a01', 'hex')))
  const prefix = file.subarray(0, 139)
  const secret = unwrap(v.keys.cutoff, file.subarray(10, 139))
  const key = kdf(cat(tag('jianbiao/envelope/header-key/v1', secret), prefix))
  const block = open(key, Buffer.alloc(12), prefix, file.subarray(139, 139 + 16384 * 2 ** file[9]))
  return block.subarray(4, 4 + block.readUInt32BE()).toString('utf8')
}

function readSection(file, header, s, want) {
  const nonce = b64(header.nonce)
  const capsule = b64(s.wrapTender)
  check('proof', verify(capsule.subarray(0, 65), 'jianbiao/envelope/capsule/v1', cat(nonce, text(s.name), b64(header.openingKey), capsule), s.proofTender))
  const commit = (role, part) => digest(tag('jianbiao/envelope/part/v1', cat(nonce, text(s.name), text(role), part)))
  const tender = unwrap(v.keys.opening, capsule)
  check('tender part', hex(tender) === want.tenderPart && commit('tender', tender) === s.commitTender)
  let bidder = Buffer.alloc(0)
  if (s.parts === 'both') {
    bidder = unwrap(v.keys.bidder, b64(s.wrapBidder))
    check('bidder part', hex(bidder) === want.bidderPart && commit('bidder', bidder) === s.commitBidder)
  }
  const key = kdf(cat(tag('jianbiao/envelope/section-key/v1', nonce), text(s.name), text(s.parts), tender, bidder))
  check('key', hex(key) === want.key)
  const aad = hash(tag('jianbiao/envelope/header/v1', utf8(canonical(header))))
  const plain = []
  const count = Math.ceil(s.size / 1048576)
  for (let i = 0; i < count; i++) {
    const iv = Buffer.alloc(12)
    iv.writeUInt32BE(i, 7)
    iv[11] = i === count - 1 ? 1 : 0
    const from = s.offset + i * 1048592
    plain.push(open(key, iv, aad, file.subarray(from, Math.min(from + 1048592, s.offset + s.stored))))
  }
  const all = cat(...plain)
  check('size', all.length === s.size)
  const n = all.readUInt32BE(32)
  check('digest', digest(tag('jianbiao/envelope/section/v1', cat(nonce, text(s.name), all.subarray(0, 36 + n)))) === s.digest)
  const index = JSON.parse(all.subarray(36, 36 + n).toString('utf8'))
  check('index', canonical(index) === want.index)
  let at = 36 + n
  for (const f of index.files) {
    const bytes = all.subarray(at, at += f.size)
    check('file', digest(bytes) === f.sm3 && hex(bytes) === want.files[f.name])
  }
  return index
}

const headers = []
for (const e of [v.bid, v.withdrawal]) {
  const head = b64(e.unpadded)
  const file = cat(head, Buffer.alloc(e.size - head.length))
  check('envelope digest', digest(file) === e.digest)
  const raw = readHeader(file)
  const header = JSON.parse(raw)
  check('header', raw === e.header && canonical(header) === raw)
  check('header digest', digest(tag('jianbiao/envelope/header/v1', utf8(raw))) === e.headerDigest)
  headers.push(header)
  for (const s of header.sections) {
    const index = readSection(file, header, s, e.sections[s.name])
    if (s.name !== 'owner') continue
    const o = index.form
    const manifest = utf8(canonical({ ...o, firmSignature: '', signerSignature: '' }))
    check('firm', verify(b64(o.firmKey), 'jianbiao/envelope/manifest/v1', manifest, o.firmSignature))
    check('signer', verify(b64(o.signerKey), 'jianbiao/envelope/manifest/v1', manifest, o.signerSignature))
    check('manifest', header.sections.slice(1).every((x) => o.sections[x.name] === x.digest) && o.nonce === header.nonce)
  }
}
const [bid, w] = headers
check('replaces', w.replaces === v.bid.digest && w.number === bid.number + 1 && w.oneTimeKey === bid.oneTimeKey)
check('previous signature', verify(b64(w.oneTimeKey), 'jianbiao/envelope/replacement/v1', utf8(canonical({ ...w, previousSignature: '' })), w.previousSignature))
for (const [n, want] of v.sizeClass) {
  let k = 262144
  while (k < n) k += Math.floor(Math.floor(k * 3 / 25) / 4096) * 4096
  check('size class', k === want)
}
for (const [from, to] of v.canonical) check('canonical', canonical(JSON.parse(from)) === to)
console.log('all vectors open')
