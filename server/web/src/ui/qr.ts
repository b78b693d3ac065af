/** A QR code (ISO/IEC 18004) for short addresses: byte mode, error correction M, versions 1 to 10. Pure. */

/** Per version: error-correction code words a block, and the data code words of each block. */
const BLOCKS: readonly { ec: number; data: readonly number[] }[] = [
  { ec: 10, data: [16] },
  { ec: 16, data: [28] },
  { ec: 26, data: [44] },
  { ec: 18, data: [32, 32] },
  { ec: 24, data: [43, 43] },
  { ec: 16, data: [27, 27, 27, 27] },
  { ec: 18, data: [31, 31, 31, 31] },
  { ec: 22, data: [38, 38, 39, 39] },
  { ec: 22, data: [36, 36, 36, 37, 37] },
  { ec: 26, data: [43, 43, 43, 43, 44] },
]
const ALIGN: readonly (readonly number[])[] = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]]

const EXP = new Uint8Array(512)
const LOG = new Uint8Array(256)
for (let i = 0, x = 1; i < 255; i++) {
  EXP[i] = EXP[i + 255] = x
  LOG[x] = i
  x = x << 1 ^ (x & 0x80 ? 0x11d : 0)
}
const times = (a: number, b: number): number => (a && b ? EXP[LOG[a]! + LOG[b]!]! : 0)

/** Reed–Solomon code words for one block. */
export function errorWords(data: readonly number[], count: number): number[] {
  let generator = [1]
  for (let i = 0; i < count; i++) {
    const next = new Array<number>(generator.length + 1).fill(0)
    generator.forEach((g, k) => {
      next[k]! ^= g
      next[k + 1]! ^= times(g, EXP[i]!)
    })
    generator = next
  }
  const rest = [...data, ...new Array<number>(count).fill(0)]
  for (let i = 0; i < data.length; i++) {
    const lead = rest[i]!
    if (lead) generator.forEach((g, k) => (rest[i + k]! ^= times(g, lead)))
  }
  return rest.slice(data.length)
}

/** The dark modules of the code for a text, row by row without quiet zone. Undefined when the text is too long (213 bytes). */
export function qr(text: string): boolean[][] | undefined {
  const bytes = new TextEncoder().encode(text)
  const version = BLOCKS.findIndex((b, i) => sum(b.data) * 8 >= 4 + (i < 9 ? 8 : 16) + bytes.length * 8) + 1
  if (version === 0) return undefined
  const words = interleave(dataWords(bytes, version), version)
  let best: Grid | undefined
  let least = Infinity
  for (let mask = 0; mask < 8; mask++) {
    const grid = draw(version, words, mask)
    const cost = penalty(grid.dark)
    if (cost < least) [best, least] = [grid, cost]
  }
  return best?.dark
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

function dataWords(bytes: Uint8Array, version: number): number[] {
  const capacity = sum(BLOCKS[version - 1]!.data)
  const bits: number[] = []
  const put = (value: number, length: number): void => {
    for (let i = length - 1; i >= 0; i--) bits.push(value >> i & 1)
  }
  put(4, 4)
  put(bytes.length, version < 10 ? 8 : 16)
  for (const b of bytes) put(b, 8)
  put(0, Math.min(4, capacity * 8 - bits.length))
  while (bits.length % 8) bits.push(0)
  const words: number[] = []
  for (let i = 0; i < bits.length; i += 8) words.push(bits.slice(i, i + 8).reduce((a, b) => a << 1 | b, 0))
  for (let i = 0; words.length < capacity; i++) words.push(i % 2 ? 0x11 : 0xec)
  return words
}

function interleave(words: readonly number[], version: number): number[] {
  const { ec, data } = BLOCKS[version - 1]!
  let at = 0
  const blocks = data.map((n) => words.slice(at, (at += n)))
  const checks = blocks.map((b) => errorWords(b, ec))
  const out: number[] = []
  for (let i = 0; i < Math.max(...data); i++) for (const b of blocks) if (i < b.length) out.push(b[i]!)
  for (let i = 0; i < ec; i++) for (const c of checks) out.push(c[i]!)
  return out
}

interface Grid {
  dark: boolean[][]
  fixed: boolean[][]
}

function draw(version: number, words: readonly number[], mask: number): Grid {
  const size = 17 + 4 * version
  const make = (): boolean[][] => Array.from({ length: size }, () => new Array<boolean>(size).fill(false))
  const grid: Grid = { dark: make(), fixed: make() }
  const set = (r: number, c: number, on: boolean): void => {
    if (r < 0 || c < 0 || r >= size || c >= size) return
    grid.dark[r]![c] = on
    grid.fixed[r]![c] = true
  }
  patterns(version, size, set, grid)
  formatBits(size, mask, set)
  if (version >= 7) versionBits(version, size, set)
  fill(grid, words, mask, size)
  return grid
}

type Put = (r: number, c: number, on: boolean) => void

function patterns(version: number, size: number, set: Put, grid: Grid): void {
  for (const [r, c] of [[3, 3], [3, size - 4], [size - 4, 3]] as const) {
    for (let y = -4; y <= 4; y++) for (let x = -4; x <= 4; x++) {
      const ring = Math.max(Math.abs(x), Math.abs(y))
      set(r + y, c + x, ring !== 2 && ring !== 4)
    }
  }
  for (let i = 8; i < size - 8; i++) {
    set(6, i, i % 2 === 0)
    set(i, 6, i % 2 === 0)
  }
  const centres = ALIGN[version - 1]!
  for (const r of centres) for (const c of centres) {
    if (grid.fixed[r]![c] && !(r === 6 || c === 6)) continue
    if ((r === 6 && (c === 6 || c === size - 7)) || (c === 6 && r === size - 7)) continue
    for (let y = -2; y <= 2; y++) for (let x = -2; x <= 2; x++) set(r + y, c + x, Math.max(Math.abs(x), Math.abs(y)) !== 1)
  }
}

function formatBits(size: number, mask: number, set: Put): void {
  let rest = mask << 10 // level M is 00
  for (let i = 14; i >= 10; i--) if (rest >> i & 1) rest ^= 0x537 << (i - 10)
  const bits = (mask << 10 | rest) ^ 0x5412
  const bit = (i: number): boolean => (bits >> i & 1) === 1
  for (let i = 0; i <= 5; i++) set(i, 8, bit(i))
  set(7, 8, bit(6))
  set(8, 8, bit(7))
  set(8, 7, bit(8))
  for (let i = 9; i < 15; i++) set(8, 14 - i, bit(i))
  for (let i = 0; i < 8; i++) set(8, size - 1 - i, bit(i))
  for (let i = 8; i < 15; i++) set(size - 15 + i, 8, bit(i))
  set(size - 8, 8, true)
}

function versionBits(version: number, size: number, set: Put): void {
  let rest = version << 12
  for (let i = 17; i >= 12; i--) if (rest >> i & 1) rest ^= 0x1f25 << (i - 12)
  const bits = version << 12 | rest
  for (let i = 0; i < 18; i++) {
    const on = (bits >> i & 1) === 1
    set(Math.floor(i / 3), size - 11 + i % 3, on)
    set(size - 11 + i % 3, Math.floor(i / 3), on)
  }
}

const MASKS: readonly ((r: number, c: number) => boolean)[] = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (_, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => r * c % 2 + r * c % 3 === 0,
  (r, c) => (r * c % 2 + r * c % 3) % 2 === 0,
  (r, c) => ((r + c) % 2 + r * c % 3) % 2 === 0,
]

function fill(grid: Grid, words: readonly number[], mask: number, size: number): void {
  let i = 0
  let up = true
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5
    for (let k = 0; k < size; k++) {
      const r = up ? size - 1 - k : k
      for (const c of [right, right - 1]) {
        if (grid.fixed[r]![c]) continue
        const on = i < words.length * 8 && (words[i >> 3]! >> (7 - i % 8) & 1) === 1
        grid.dark[r]![c] = on !== MASKS[mask]!(r, c)
        i++
      }
    }
    up = !up
  }
}

function penalty(dark: readonly (readonly boolean[])[]): number {
  const size = dark.length
  const columns = dark.map((_, c) => dark.map((row) => row[c]!))
  let cost = 0
  let count = 0
  for (const line of [...dark, ...columns]) {
    const text = line.map((d) => (d ? '1' : '0')).join('')
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) cost += run.length - 2
    cost += 40 * ((text.match(/(?=10111010000)/g)?.length ?? 0) + (text.match(/(?=00001011101)/g)?.length ?? 0))
  }
  for (let r = 0; r < size; r++) for (let c = 0; c < size; c++) {
    if (dark[r]![c]) count++
    if (r + 1 < size && c + 1 < size && dark[r]![c] === dark[r]![c + 1] && dark[r]![c] === dark[r + 1]![c] && dark[r]![c] === dark[r + 1]![c + 1]) cost += 3
  }
  return cost + 10 * Math.floor(Math.abs(count * 20 / (size * size) - 10))
}

/** The code as one SVG path of unit squares, for a viewBox of size+8 with its quiet zone of 4. */
export function qrPath(dark: readonly (readonly boolean[])[]): string {
  return dark.flatMap((row, r) => row.flatMap((on, c) => (on ? [`M${c + 4} ${r + 4}h1v1h-1z`] : []))).join('')
}
