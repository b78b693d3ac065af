import { describe, expect, it } from 'vitest'
import { errorWords, qr, qrPath } from './qr'

describe('qr', () => {
  it('makes the error-correction words of the standard\'s example (HELLO WORLD, 1-M)', () => {
    const data = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17]
    expect(errorWords(data, 10)).toEqual([196, 35, 39, 119, 235, 215, 231, 226, 93, 23])
  })

  it.each([
    [14, 21],
    [15, 25],
    [26, 25],
    [62, 33],
    [84, 37],
    [152, 49],
    [213, 57],
  ])('picks the smallest version for %i bytes', (length, size) => {
    const code = qr('x'.repeat(length))
    expect(code).toHaveLength(size)
    expect(code?.every((row) => row.length === size)).toBe(true)
  })

  it('has its three finders, its timing line and the dark module', () => {
    const code = qr('http://127.0.0.1:8080/lots/x/screen')!
    const n = code.length
    const finder = ['1111111', '1000001', '1011101', '1011101', '1011101', '1000001', '1111111']
    const at = (r: number, c: number): string[] => finder.map((_, i) => code[r + i]!.slice(c, c + 7).map((d) => (d ? '1' : '0')).join(''))
    expect(at(0, 0)).toEqual(finder)
    expect(at(0, n - 7)).toEqual(finder)
    expect(at(n - 7, 0)).toEqual(finder)
    for (let i = 8; i < n - 8; i++) expect(code[6]![i]).toBe(i % 2 === 0)
    expect(code[n - 8]![8]).toBe(true)
  })

  it('refuses what does not fit', () => {
    expect(qr('x'.repeat(214))).toBeUndefined()
  })

  it('draws one square a dark module', () => {
    const code = qr('a')!
    const dark = code.flat().filter((d) => d).length
    expect(qrPath(code).match(/M/g)).toHaveLength(dark)
  })
})
