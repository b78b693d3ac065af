/**
 * Looks at a chosen file before it is sealed or sent, for what is broken or dangerous for certain. A sealed file cannot be
 * looked at by the platform before the opening; then it is too late to mend it. The platform's own check of tender documents
 * (internal/filecheck) goes further: it inflates archives.
 */
export interface Source {
  name: string
  size: number
  /** Bytes from offset on, fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
}

const PROGRAMS = /\.(exe|com|scr|pif|dll|sys|msi|msp|bat|cmd|ps1|vbs|vbe|js|jse|wsf|wsh|hta|cpl|jar|lnk|reg|inf|sh|elf|app|dmg|apk)$/i
const ZIPPED = /\.(zip|docx|xlsx|pptx|ofd)$/i
/** The limits of internal/filecheck: entries, bytes unpacked, times larger, from so many bytes on. */
const LIMITS = { entries: 20_000, unpacked: 4 * 2 ** 30, ratio: 100, from: 32 * 2 ** 20 }

const SIGNATURES: readonly { name: string; ending: RegExp; magic: string }[] = [
  { name: 'PDF', ending: /\.pdf$/i, magic: '%PDF-' },
  { name: '压缩包或 Office 文档', ending: ZIPPED, magic: 'PK' },
  { name: 'JPEG 图片', ending: /\.jpe?g$/i, magic: '\xff\xd8\xff' },
  { name: 'PNG 图片', ending: /\.png$/i, magic: '\x89PNG' },
  { name: 'Office 97 文件', ending: /\.(doc|xls|ppt)$/i, magic: '\xd0\xcf\x11\xe0' },
  { name: 'RAR 压缩包', ending: /\.rar$/i, magic: 'Rar!' },
]

/** What is wrong with a file, in a sentence; undefined when nothing was found. */
export async function checkFile(f: Source): Promise<string | undefined> {
  if (f.size === 0) return '这个文件是空的，请重新选择。'
  if (PROGRAMS.test(f.name)) return '这是可以运行的程序，评标时不会有人打开；请换成 PDF、Office 文档、图片或图纸。'
  const head = latin(await f.read(0, 1024))
  if (head.startsWith('MZ') || head.startsWith('\x7fELF') || head.startsWith('#!')) return '这是可以运行的程序，评标时不会有人打开；请换成 PDF、Office 文档、图片或图纸。'
  const promised = SIGNATURES.find((s) => s.ending.test(f.name))
  if (promised) {
    const fits = promised.name === 'PDF' ? head.includes(promised.magic) : head.startsWith(promised.magic)
    if (!fits) return `内容不是${promised.name}，开标后可能打不开；请用相应的软件打开核对，重新保存。`
  }
  if (/\.pdf$/i.test(f.name)) return checkPdf(f, head)
  if (ZIPPED.test(f.name)) return checkZip(f)
  return undefined
}

const DAMAGED_PDF = '不是一份完整的 PDF，可能没有下载完或没有保存好；请重新导出。'
const DAMAGED_ZIP = '打不开，可能没有下载完或已损坏；请重新保存。'

async function checkPdf(f: Source, head: string): Promise<string | undefined> {
  const tail = latin(await f.read(Math.max(0, f.size - 2048), 2048))
  const last = [...tail.matchAll(/startxref\s+(\d{1,12})\s+%%EOF/g)].at(-1)
  if (!last) return DAMAGED_PDF
  const shift = Math.max(0, head.indexOf('%PDF-'))
  for (const at of [Number(last[1]), Number(last[1]) + shift]) {
    if (at < f.size && /^\s{0,4}(xref\s|\d{1,10}\s+\d{1,5}\s+obj)/.test(latin(await f.read(at, 64)))) return undefined
  }
  return DAMAGED_PDF
}

async function checkZip(f: Source): Promise<string | undefined> {
  const from = Math.max(0, f.size - 22 - 0xffff)
  const tail = await f.read(from, f.size - from)
  const end = latin(tail).lastIndexOf('PK\x05\x06')
  if (end < 0 || tail.length - end < 22) return DAMAGED_ZIP
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  const [count, size, at] = [view.getUint16(end + 10, true), view.getUint32(end + 12, true), view.getUint32(end + 16, true)]
  const bomb = `解压后过大（超过 ${LIMITS.unpacked / 2 ** 30} GB、${LIMITS.entries} 个文件，或是压缩前的 ${LIMITS.ratio} 倍以上），别人的电脑可能打不开；请拆分。`
  if (count > LIMITS.entries || size > 16 * 2 ** 20) return bomb
  if (at + size > f.size) return DAMAGED_ZIP
  return checkTable(await f.read(at, size), count, f.size, bomb)
}

function checkTable(table: Uint8Array, count: number, whole: number, bomb: string): string | undefined {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  let [at, packed, unpacked] = [0, 0, 0]
  for (let i = 0; i < count; i++) {
    if (at + 46 > table.length || view.getUint32(at, true) !== 0x02014b50) return DAMAGED_ZIP
    if (view.getUint16(at + 8, true) & 1) return '压缩包设有打开密码，评标时打不开；请去掉密码。'
    packed += view.getUint32(at + 20, true)
    unpacked += view.getUint32(at + 24, true)
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  if (packed > whole || unpacked > LIMITS.unpacked || (unpacked > LIMITS.from && unpacked > LIMITS.ratio * whole)) return bomb
  return undefined
}

/** One character a byte, so that what is bytes can be searched as text. */
function latin(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 8192) out += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return out
}

/** A File of the browser as a Source. */
export function sourceOf(file: File): Source {
  return {
    name: file.name,
    size: file.size,
    read: async (offset, length) => new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
  }
}
