import { describe, expect, it } from 'vitest'
import type { HallSnapshot } from '@/live/messages'
import { left, running, urgent } from './timing'

const at = (s: string): number => Date.parse(`2026-03-24T${s}+08:00`)
const hall = (state: string, more: Partial<HallSnapshot> = {}): HallSnapshot => ({
  seq: 1, lot: { id: 'l', code: '', name: '', project: '', buyer: '', bidDeadline: '2026-03-24T09:30:00+08:00' }, state, step: 0,
  windows: { decrypt: { from: '2026-03-24T09:30:00+08:00', until: '2026-03-24T10:00:00+08:00' }, objection: { from: '2026-03-24T10:00:00+08:00', until: '2026-03-24T10:05:00+08:00' } },
  bids: [], table: [], objections: [], remarks: [], pauses: [], ...more,
})

describe('running', () => {
  it('counts to the deadline before the cut-off record, and to the window of the state after it', () => {
    expect(running(hall('lobby_open'))).toMatchObject({ label: '投标截止', until: at('09:30:00') })
    expect(running(hall('lobby_open', { cutoff: { count: 3, digest: '', recordedAt: '' } }))).toBeUndefined()
    expect(running(hall('decrypting'))).toMatchObject({ label: '解密截止', until: at('10:00:00') })
    expect(running(hall('announcing'))).toBeUndefined()
    expect(running(hall('record_confirming'))).toBeUndefined()
  })
  it('stands still in a pause', () => {
    const r = running(hall('decrypting', { paused: { since: '2026-03-24T09:40:00+08:00', reason: 'x' } }))!
    expect(left(r, at('09:55:00'))).toBe(20 * 60_000)
    expect(urgent(r, at('09:59:50'))).toBe(false)
  })
  it('never goes below zero', () => {
    expect(left(running(hall('decrypting'))!, at('10:30:00'))).toBe(0)
  })
  it('becomes urgent in the last five minutes, of a short window in its last minute', () => {
    const decrypt = running(hall('decrypting'))!
    expect(urgent(decrypt, at('09:54:00'))).toBe(false)
    expect(urgent(decrypt, at('09:55:30'))).toBe(true)
    const objection = running(hall('objection_window'))!
    expect(urgent(objection, at('10:03:30'))).toBe(false)
    expect(urgent(objection, at('10:04:30'))).toBe(true)
  })
})
