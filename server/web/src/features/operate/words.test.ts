import { describe, expect, it } from 'vitest'
import { checkText, diskText, offset } from './words'

describe('words of the health page', () => {
  it('says what a check found, and never a code', () => {
    expect(checkText('ok')).toBe('正常')
    expect(checkText('unreachable')).toBe('连接不上')
    expect(checkText('anything_else')).toBe('不正常')
  })
  it('says how far a clock is off', () => {
    expect(offset(0.05)).toBe('一致')
    expect(offset(-3.21)).toBe('慢 3.2 秒')
    expect(offset(12)).toBe('快 12.0 秒')
  })
  it('says how much room is left', () => {
    expect(diskText({ totalGiB: 100, freeGiB: 40 })).toBe('剩余 40 GB / 共 100 GB')
  })
})
