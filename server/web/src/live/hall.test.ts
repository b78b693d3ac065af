import { describe, expect, it } from 'vitest'
import { apply, collect, tidy } from './hall'
import type { EventView, HallBid, HallSnapshot } from './messages'

const AT = '2026-03-24T09:30:41+08:00'

function bid(digest: string, more: Partial<HallBid> = {}): HallBid {
  return { digest, no: 1, number: 1, size: 1024, part: { state: 'waiting', attempts: 0 }, ...more }
}
function hall(more: Partial<HallSnapshot> = {}): HallSnapshot {
  return {
    seq: 10, lot: { id: 'l', code: 'c', name: 'n', project: 'p', buyer: 'b' }, state: 'decrypting', step: 3, windows: {},
    bids: [bid('sm3:aa'), bid('sm3:bb')], table: [], objections: [], remarks: [], pauses: [], ...more,
  }
}
function event(kind: string, payload?: Record<string, unknown>, more: Partial<EventView> = {}): EventView {
  return { seq: 11, id: 'e', kind, label: kind, at: AT, recordedAt: AT, commitment: '', proofState: 'recorded', text: '', ...(payload ? { payload } : {}), ...more }
}

describe('apply', () => {
  it.each([
    ['opening.lobby_opened', 'lobby_open'],
    ['opening.lobby_reopened', 'lobby_open'],
    ['opening.started', 'started'],
    ['opening.roster_published', 'roster_published'],
    ['decrypt.window_started', 'decrypting'],
    ['decrypt.window_closed', 'decrypt_closed'],
    ['opening.imported', 'imported'],
    ['opening.announced', 'announcing'],
    ['opening.objection_window_started', 'objection_window'],
    ['opening.confirmation_started', 'record_confirming'],
    ['opening.closed', 'closed'],
    ['opening.postponed', 'postponed'],
    ['opening.reconvened', 'reconvened'],
    ['opening.aborted', 'aborted_lt3'],
  ])('%s leads to %s and asks for the rest', (kind, state) => {
    const { hall: next, stale } = apply(hall({ state: 'scheduled' }), event(kind))
    expect(next.state).toBe(state)
    expect(next.seq).toBe(11)
    expect(stale).toBe(true)
  })

  it.each(['cutoff.recorded', 'bid.decided', 'coefficient.drawn', 'opening.resumed', 'decrypt.completed', 'seal.missing_reported'])('%s asks for a snapshot', (kind) => {
    expect(apply(hall(), event(kind)).stale).toBe(true)
  })

  it('marks the bid whose part was released, and no other', () => {
    const before = hall()
    const { hall: next, stale } = apply(before, event('part.released', { digest: 'sm3:bb' }))
    expect(stale).toBe(false)
    expect(next.bids.map((b) => b.part.state)).toEqual(['waiting', 'released'])
    expect(next.bids[1]?.part).toEqual({ state: 'released', at: AT, attempts: 1 })
    expect(before.bids[1]?.part.state).toBe('waiting')
  })

  it('counts failed attempts with their reason, and takes no success back', () => {
    let h = apply(hall(), event('decrypt.attempt_failed', { digest: 'sm3:aa', reason: 'wrong_passphrase' })).hall
    h = apply(h, event('decrypt.attempt_failed', { digest: 'sm3:aa', reason: 'key_damaged' }, { seq: 12 })).hall
    expect(h.bids[0]?.part).toEqual({ state: 'failed', at: AT, attempts: 2, reason: 'key_damaged' })
    h = apply(h, event('part.released', { digest: 'sm3:aa' }, { seq: 13 })).hall
    expect(h.bids[0]?.part).toEqual({ state: 'released', at: AT, attempts: 3 })
    h = apply(h, event('decrypt.attempt_failed', { digest: 'sm3:aa', reason: 'network' }, { seq: 14 })).hall
    expect(h.bids[0]?.part.state).toBe('released')
  })

  it.each([
    ['bid.revoked', 'revoked'],
    ['bid.withdrawn', 'withdrawn'],
    ['bid.undecided', 'undecided'],
  ])('%s gives the bid its outcome with the reason', (kind, outcome) => {
    const next = apply(hall(), event(kind, { digest: 'sm3:aa', reason: '未解密' })).hall
    expect(next.bids[0]).toMatchObject({ outcome, outcomeReason: '未解密' })
    expect(next.bids[1]?.outcome).toBeUndefined()
  })

  it('keeps the seal check, no objection and the confirmation of a bid', () => {
    let h = apply(hall(), event('seal.checked', { digest: 'sm3:aa' })).hall
    h = apply(h, event('opening.no_objection', { digest: 'sm3:aa' }, { seq: 12 })).hall
    h = apply(h, event('opening.record_confirmed', { digest: 'sm3:aa', organisation: '甲公司' }, { seq: 13 })).hall
    expect(h.bids[0]).toMatchObject({ sealChecked: AT, noObjection: AT, confirmed: AT })
  })

  it('keeps the signature of the host', () => {
    expect(apply(hall(), event('opening.record_signed', {})).hall.hostSigned).toBe(AT)
  })

  it('takes a waiver back when the same bid objects', () => {
    const before = hall({ bids: [bid('sm3:aa', { noObjection: AT }), bid('sm3:bb', { noObjection: AT })] })
    const actor = { role: 'bidder', roleLabel: '投标人', organisation: '甲公司' }
    const next = apply(before, event('opening.objection_raised', { objection: 'o1', digest: 'sm3:aa', text: 'x' }, { actor })).hall
    expect(next.bids.map((b) => b.noObjection)).toEqual([undefined, AT])
  })

  it('takes an objection and its answer', () => {
    const actor = { role: 'bidder', roleLabel: '投标人', organisation: '甲公司' }
    let h = apply(hall(), event('opening.objection_raised', { objection: 'o1', text: '报价读错' }, { actor })).hall
    expect(h.objections).toEqual([{ id: 'o1', organisation: '甲公司', text: '报价读错', at: AT }])
    h = apply(h, event('opening.objection_answered', { objection: 'o1', text: '已核对' }, { seq: 12 })).hall
    expect(h.objections[0]).toMatchObject({ answer: '已核对', answeredAt: AT })
  })

  it('takes a pause with its reason and a remark with its author', () => {
    let h = apply(hall(), event('opening.paused', { reason: '机房断电' })).hall
    expect(h.paused).toEqual({ since: AT, reason: '机房断电' })
    h = apply(h, event('supervisor.remarked', { text: '已到场' }, { seq: 12, actor: { role: 'supervisor', roleLabel: '监督人员', organisation: '住建局', person: '周静' } })).hall
    expect(h.remarks).toEqual([{ at: AT, by: '住建局 周静', text: '已到场' }])
  })

  it('asks for a snapshot when an event does not say enough or is not for this viewer', () => {
    expect(apply(hall(), event('part.released')).stale).toBe(true)
    expect(apply(hall(), event('part.released', { digest: 'sm3:zz' })).stale).toBe(true)
    expect(apply(hall(), event('seal.checked', { digest: 'sm3:aa' }, { closed: true })).stale).toBe(true)
    expect(apply(hall(), event('opening.objection_raised', { text: 'x' })).stale).toBe(true)
  })

  it('lets an event pass whose kind this viewer may not know', () => {
    const { kind: _, ...nameless } = event('x', undefined, { closed: true })
    expect(apply(hall(), nameless as EventView)).toEqual({ hall: { ...hall(), seq: 11 }, stale: false })
  })

  it('ignores what it has seen, and kinds it does not know', () => {
    const h = hall()
    expect(apply(h, event('opening.closed', {}, { seq: 10 })).hall).toBe(h)
    const { hall: next, stale } = apply(h, event('witness.arrived'))
    expect(next).toEqual({ ...h, seq: 11 })
    expect(stale).toBe(false)
  })
})

describe('tidy', () => {
  it('turns null into absent and missing lists into empty ones', () => {
    const raw = { seq: 1, state: 'scheduled', step: 0, lot: { id: 'l' }, paused: null, bids: null, windows: null, table: null, objections: [{ id: 'o', answer: null }] }
    const h = tidy(raw as unknown as HallSnapshot)
    expect(h.bids).toEqual([])
    expect(h.windows).toEqual({})
    expect('paused' in h).toBe(false)
    expect(h.table).toEqual([])
    expect(h.objections).toEqual([{ id: 'o' }])
    expect(h.remarks).toEqual([])
  })
})

describe('collect', () => {
  it('keeps events sorted and single', () => {
    let list: readonly EventView[] = []
    for (const seq of [3, 1, 2, 3, 5, 1]) list = collect(list, event('x', undefined, { seq }))
    expect(list.map((e) => e.seq)).toEqual([1, 2, 3, 5])
  })
})
