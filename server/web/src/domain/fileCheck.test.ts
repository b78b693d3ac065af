import { describe, expect, it } from 'vitest'
import { checkFile, sourceOf } from './fileCheck'

const check = (name: string, ...parts: BlobPart[]) => checkFile(sourceOf(new File(parts, name)))
const body = '%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\n'
const pdf = `${body}xref\n0 1\ntrailer\n<<>>\nstartxref\n${body.length}\n%%EOF\n`

/** An archive whose table has n entries of so many bytes; the local parts are left out, nobody reads them here. */
function zip(n: number, packed: number, unpacked: number, flags = 0): Uint8Array<ArrayBuffer> {
  const start = 10
  const out = new Uint8Array(start + n * 47 + 22)
  const view = new DataView(out.buffer)
  view.setUint32(0, 0x04034b50, true)
  for (let i = 0; i < n; i++) {
    const at = start + i * 47
    view.setUint32(at, 0x02014b50, true)
    view.setUint16(at + 8, flags, true)
    view.setUint32(at + 20, packed, true)
    view.setUint32(at + 24, unpacked, true)
    view.setUint16(at + 28, 1, true)
  }
  const end = start + n * 47
  view.setUint32(end, 0x06054b50, true)
  view.setUint16(end + 10, n, true)
  view.setUint32(end + 12, n * 47, true)
  view.setUint32(end + 16, start, true)
  return out
}

describe('checkFile', () => {
  it.each<[string, string, BlobPart[]]>([
    ['a PDF', '图纸.pdf', [pdf]],
    ['a PDF with bytes before it', '图纸.PDF', ['\n\n', pdf]],
    ['an archive', '附件.zip', [zip(3, 10, 100)]],
    ['an empty archive', '附件.zip', [zip(0, 0, 0).subarray(10)]],
    ['a text', '说明.txt', ['工程概况']],
    ['a drawing', '图纸.dwg', ['AC1032']],
    ['a picture', '照片.jpg', [Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)]],
  ])('lets %s through', async (_what, name, parts) => expect(await check(name, ...parts)).toBeUndefined())

  it.each<[string, string, BlobPart[], string]>([
    ['an empty file', 'a.pdf', [], '空的'],
    ['text that calls itself a PDF', 'a.pdf', ['<html>'], '内容不是PDF'],
    ['a PDF cut off', 'a.pdf', [pdf.slice(0, 40)], '不是一份完整的 PDF'],
    ['a PDF whose table is elsewhere', 'a.pdf', [pdf.replace('startxref\n', 'startxref\n9')], '不是一份完整的 PDF'],
    ['a picture that calls itself a workbook', '清单.xlsx', [Uint8Array.of(0xff, 0xd8, 0xff)], '内容不是压缩包或 Office 文档'],
    ['an archive cut off', 'a.zip', [zip(3, 10, 100).subarray(0, 60)], '打不开'],
    ['a bomb', 'a.zip', [zip(2, 10, 3e9)], '解压后过大'],
    ['overlapping entries', 'a.zip', [zip(5, 1000, 1000)], '解压后过大'],
    ['too many entries', 'a.zip', [zip(21_000, 0, 0)], '解压后过大'],
    ['an archive with a password', 'a.zip', [zip(1, 10, 100, 1)], '打开密码'],
    ['a program', '安装.exe', ['MZ'], '程序'],
    ['a program under another name', '图纸.dwg', ['MZ\x90'], '程序'],
  ])('warns of %s', async (_what, name, parts, words) => expect(await check(name, ...parts)).toContain(words))
})
