import { describe, expect, it } from 'vitest'
import type { HallBid, HallSnapshot } from '@/live/messages'
import { markOf, phaseOf, shortDigest } from './board'
import { inReadingOrder, sentence } from './useReading'

const bid = (more: Partial<HallBid> = {}): HallBid => ({ digest: 'sm3:a', no: 1, number: 1, size: 1, part: { state: 'waiting', attempts: 0 }, ...more })
const reason = (code: string): string => ({ wrong_passphrase: '口令不对' })[code] ?? ''
const time = (at: string): string => at.slice(11, 19)

describe('the board', () => {
  it('knows nothing before the cut-off record', () => {
    const hall = { state: 'lobby_open' } as HallSnapshot
    expect(phaseOf(hall)).toBe('sealed')
    expect(phaseOf({ ...hall, cutoff: { count: 3, digest: '', recordedAt: '' } })).toBe('seal')
  })
  it('counts no seal checks where fewer than three have bid', () => {
    expect(phaseOf({ state: 'aborted_lt3', cutoff: { count: 2, digest: '', recordedAt: '' } } as HallSnapshot)).toBe('kept')
    expect(markOf('kept', bid(), reason, time)).toMatchObject({ text: '没有开启', done: false })
  })
  it.each([
    ['seal', bid({ sealChecked: '2026-03-24T09:31:00+08:00' }), '密封完好 09:31:00', true],
    ['seal', bid(), '等待核对', false],
    ['decrypt', bid({ part: { state: 'released', attempts: 1, at: '2026-03-24T09:30:41+08:00' } }), '解密成功 09:30:41', true],
    ['decrypt', bid({ part: { state: 'failed', attempts: 2, reason: 'wrong_passphrase' } }), '第 2 次未成功：口令不对', false],
    ['outcome', bid({ outcome: 'revoked' }), '视为撤销', true],
    ['outcome', bid({ outcome: 'undecided' }), '待招标人认定', false],
    ['objection', bid({ outcome: 'withdrawn' }), '视为撤回', true],
    ['objection', bid({ outcome: 'opened', noObjection: 'x' }), '无异议', true],
    ['confirm', bid({ outcome: 'opened' }), '未签名', false],
  ] as const)('%s: %#', (phase, b, text, done) => {
    expect(markOf(phase, b, reason, time)).toMatchObject({ text, done })
  })
  it('shortens a digest to what can be compared by eye', () => {
    expect(shortDigest('sm3:0123456789abcdef0123')).toBe('012345…ef0123')
  })
})

describe('reading out', () => {
  const row = { digest: 'd', no: 2, organisation: '苏北建设', price: '48632100.00', duration: '420', quality: '合格', manager: '王海峰' }
  it('reads in the reading order, or by number', () => {
    expect(inReadingOrder([row, { ...row, no: 1 }]).map((r) => r.no)).toEqual([1, 2])
    expect(inReadingOrder([{ ...row, revealed: 1 }, { ...row, no: 1, revealed: 2 }]).map((r) => r.no)).toEqual([2, 1])
  })
  it('says the price in words', () => {
    expect(sentence(row)).toContain('肆仟捌佰陆拾叁万贰仟壹佰元整')
    expect(sentence(row)).toContain('420日历天')
  })
  it('says of an unopened bid no price', () => {
    expect(sentence({ digest: 'd', no: 1, organisation: '甲', price: '' })).toBe('甲。')
  })
})
