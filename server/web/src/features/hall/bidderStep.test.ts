import { describe, expect, it } from 'vitest'
import type { HallBid, HallSnapshot } from '@/live/messages'
import { bidderStep, type BidderFacts } from './bidderStep'

const UNTIL = '2026-03-24T10:00:00+08:00'
const me: HallBid = { digest: 'sm3:me', no: 2, number: 1, size: 1, part: { state: 'waiting', attempts: 0 } }
const span = { from: '2026-03-24T09:30:00+08:00', until: UNTIL }
const cutoff = { count: 3, digest: 'sm3:c', recordedAt: UNTIL }

function facts(state: string, more: Partial<HallSnapshot> = {}, rest: Partial<BidderFacts> = {}): BidderFacts {
  const hall: HallSnapshot = {
    seq: 1, lot: { id: 'l', code: '', name: '', project: '', buyer: '', bidDeadline: UNTIL }, state, step: 0,
    windows: { sealCheck: span, decrypt: span, objection: span, confirm: span },
    bids: [me], table: [], objections: [], remarks: [], pauses: [], ...more,
  }
  return { hall, mine: ['sm3:me'], open: true, ...rest }
}

describe('bidderStep', () => {
  it('asks for the passphrase in the lobby, and then is content', () => {
    expect(bidderStep(facts('lobby_open', {}, { mine: undefined, open: false }))).toMatchObject({ act: 'unlock', passphrase: true, until: UNTIL })
    expect(bidderStep(facts('lobby_open'))).toMatchObject({ tone: 'done' })
    expect(bidderStep(facts('lobby_open', {}, { mine: [] }))).toMatchObject({ tone: 'wait' })
  })

  it('offers the seal check once the opening has started', () => {
    expect(bidderStep(facts('started', { cutoff }))).toMatchObject({ act: 'check_seal', tone: 'act', passphrase: false })
    expect(bidderStep(facts('started', { cutoff }, { mine: undefined, open: false }))).toMatchObject({ act: 'check_seal', passphrase: true })
    expect(bidderStep(facts('started', { cutoff, bids: [{ ...me, sealChecked: UNTIL }] })).act).toBeUndefined()
  })

  it.each(['lobby_open', 'roster_published'])('asks for no seal check in %s', (state) => {
    expect(bidderStep(facts(state, { cutoff })).act).toBeUndefined()
  })

  it('raises the alarm when the receipt is not in the record', () => {
    expect(bidderStep(facts('started', { cutoff, bids: [] }))).toMatchObject({ tone: 'alarm', act: 'report_missing' })
    expect(bidderStep(facts('started', { cutoff, bids: [] }, { mine: [] }))).toMatchObject({ tone: 'wait' })
  })

  it('decrypts with or without the passphrase, again after a failure, and not after success', () => {
    expect(bidderStep(facts('decrypting'))).toMatchObject({ act: 'release_part', button: '解密我的文件', until: UNTIL })
    expect(bidderStep(facts('decrypting', {}, { mine: undefined, open: false }))).toMatchObject({ button: '输入口令，解密我的文件', passphrase: true })
    const failed: HallBid = { ...me, part: { state: 'failed', attempts: 1, reason: 'wrong_passphrase' } }
    expect(bidderStep(facts('decrypting', { bids: [failed] }))).toMatchObject({ tone: 'alarm', act: 'release_part' })
    const done: HallBid = { ...me, part: { state: 'released', attempts: 1, at: UNTIL } }
    expect(bidderStep(facts('decrypting', { bids: [done] }))).toMatchObject({ tone: 'done' })
    expect(bidderStep(facts('decrypting', { bids: [done] })).act).toBeUndefined()
  })

  it('says so when the window closed without our part', () => {
    expect(bidderStep(facts('decrypt_closed'))).toMatchObject({ tone: 'alarm' })
    expect(bidderStep(facts('imported', { bids: [{ ...me, part: { state: 'released', attempts: 1 } }] }))).toMatchObject({ tone: 'wait' })
  })

  it.each(['announcing', 'objection_window', 'record_confirming'])('asks a bidder whose bid did not open for no passphrase in %s', (state) => {
    const lost: HallBid = { ...me, part: { state: 'failed', attempts: 3, reason: 'wrong_passphrase' }, outcome: 'revoked' }
    const step = bidderStep(facts(state, { bids: [lost], recordDigest: 'sm3:r' }, { open: false }))
    expect(step).toMatchObject({ tone: 'wait', title: '我公司的文件没有打开' })
    expect(step.text).toContain('视为撤销投标文件，原因见右侧。')
    expect([step.act, step.passphrase]).toEqual([undefined, undefined])
    expect(JSON.stringify(step)).not.toContain('口令')
  })

  it('lets a bidder whose bid did not open object, and sign the record with an open vault', () => {
    const lost: HallBid = { ...me, outcome: 'withdrawn' }
    expect(bidderStep(facts('objection_window', { bids: [lost], objections: [{ id: 'o', digest: 'sm3:me', organisation: '甲', text: 'x', at: UNTIL }] })).title).toContain('等待答复')
    expect(bidderStep(facts('record_confirming', { bids: [lost], recordDigest: 'sm3:r' }))).toMatchObject({ act: 'confirm_record' })
    expect(bidderStep(facts('closed', { bids: [lost] }))).toMatchObject({ act: 'download' })
  })

  it('asks once whether there is an objection, and waits for the answer', () => {
    expect(bidderStep(facts('objection_window'))).toMatchObject({ act: 'no_objection' })
    const objection = { id: 'o', digest: 'sm3:me', organisation: '甲', text: 'x', at: UNTIL }
    expect(bidderStep(facts('objection_window', { objections: [objection] })).act).toBeUndefined()
    expect(bidderStep(facts('objection_window', { objections: [{ ...objection, answer: 'y' }] }))).toMatchObject({ act: 'no_objection' })
    expect(bidderStep(facts('objection_window', { bids: [{ ...me, noObjection: true }] }))).toMatchObject({ tone: 'done' })
  })

  it('confirms the record once, then offers it', () => {
    expect(bidderStep(facts('record_confirming')).act).toBeUndefined() // the record is not fixed yet
    expect(bidderStep(facts('record_confirming', { recordDigest: 'sm3:r' }))).toMatchObject({ act: 'confirm_record', passphrase: false })
    expect(bidderStep(facts('record_confirming', { bids: [{ ...me, confirmed: UNTIL }] }))).toMatchObject({ tone: 'done' })
    expect(bidderStep(facts('closed'))).toMatchObject({ act: 'download' })
  })

  it('lets a pause stop everything, with its reason', () => {
    const step = bidderStep(facts('decrypting', { paused: { since: UNTIL, reason: '机房断电' } }))
    expect(step.act).toBeUndefined()
    expect(step.text).toContain('机房断电')
  })

  it('says why everything rests while the tender is suspended', () => {
    const step = bidderStep(facts('decrypt_closed', { suspended: { since: UNTIL, reason: '异议尚未答复' } }))
    expect(step.act).toBeUndefined()
    expect(step.text).toContain('异议尚未答复')
    expect(bidderStep(facts('closed', { suspended: { since: UNTIL, reason: 'x' } })).act).toBe('download')
  })

  it.each(['scheduled', 'lobby_open', 'started', 'roster_published', 'decrypting', 'decrypt_closed', 'imported', 'announcing', 'objection_window', 'record_confirming', 'closed', 'aborted_lt3', 'postponed', 'reconvened', 'something_new'])(
    'has words for %s, and a button only with an act',
    (state) => {
      const step = bidderStep(facts(state))
      expect(step.title.length).toBeGreaterThan(2)
      expect(step.button === undefined).toBe(step.act === undefined)
    },
  )
})
