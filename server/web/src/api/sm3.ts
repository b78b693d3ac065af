/**
 * SM3 (GB/T 32905) of bytes, for the digest of each chunk of an upload. The sealer's WASM has one too, in a worker; this
 * one needs no worker and works where the browser gives no crypto.subtle (a site without TLS on an office network).
 */
const IV = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e] as const
const T = Array.from({ length: 64 }, (_, j) => rotate(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32))

function rotate(x: number, n: number): number {
  return (x << n) | (x >>> (32 - n))
}

/** `sm3:` and 64 hexadecimal digits. */
export function sm3(bytes: Uint8Array): string {
  const state = Int32Array.from(IV)
  const w = new Int32Array(68)
  const whole = bytes.length - (bytes.length % 64)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < whole; at += 64) compress(state, w, view, at)
  const rest = bytes.length - whole
  const tail = new Uint8Array(rest < 56 ? 64 : 128)
  tail.set(bytes.subarray(whole))
  tail[rest] = 0x80
  const last = new DataView(tail.buffer)
  last.setUint32(tail.length - 8, Math.floor(bytes.length / 0x20000000))
  last.setUint32(tail.length - 4, (bytes.length << 3) >>> 0)
  for (let at = 0; at < tail.length; at += 64) compress(state, w, last, at)
  return `sm3:${[...state].map((x) => (x >>> 0).toString(16).padStart(8, '0')).join('')}`
}

function compress(v: Int32Array, w: Int32Array, block: DataView, at: number): void {
  const word = (j: number): number => w[j] as number
  for (let j = 0; j < 16; j++) w[j] = block.getInt32(at + 4 * j)
  for (let j = 16; j < 68; j++) {
    const x = word(j - 16) ^ word(j - 9) ^ rotate(word(j - 3), 15)
    w[j] = x ^ rotate(x, 15) ^ rotate(x, 23) ^ rotate(word(j - 13), 7) ^ word(j - 6)
  }
  let [a, b, c, d, e, f, g, h] = v as unknown as [number, number, number, number, number, number, number, number]
  for (let j = 0; j < 64; j++) {
    const a12 = rotate(a, 12)
    const ss1 = rotate((a12 + e + (T[j] as number)) | 0, 7)
    const ff = j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c)
    const gg = j < 16 ? e ^ f ^ g : (e & f) | (~e & g)
    const tt1 = (ff + d + (ss1 ^ a12) + (word(j) ^ word(j + 4))) | 0
    const tt2 = (gg + h + ss1 + word(j)) | 0
    d = c
    c = rotate(b, 9)
    b = a
    a = tt1
    h = g
    g = rotate(f, 19)
    f = e
    e = tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17)
  }
  const out = [a, b, c, d, e, f, g, h]
  for (let j = 0; j < 8; j++) v[j] = (v[j] as number) ^ (out[j] as number)
}
