import { describe, expect, it } from 'vitest'
import type { Action, HallBid, HallSnapshot } from '@/live/messages'
import { deskOf, waitingFor } from './host'

const can = (command: string, allowed = true): Action => ({ command, label: command, allowed })
const bid = (no: number, more: Partial<HallBid> = {}): HallBid => ({ digest: `sm3:${no}`, no, number: 1, size: 1, organisation: `公司${no}`, part: { state: 'waiting', attempts: 0 }, ...more })
const hall = (state: string, bids: HallBid[], more: Partial<HallSnapshot> = {}): HallSnapshot => ({
  seq: 1, lot: { id: 'l', code: '', name: '', project: '', buyer: '' }, state, step: 0, windows: {}, bids, table: [], objections: [], remarks: [], pauses: [], ...more,
})

describe('deskOf', () => {
  it('takes the first allowed step, else the first refused one', () => {
    expect(deskOf([can('sign_record', false), can('close')]).next?.command).toBe('close')
    expect(deskOf([can('pause'), can('publish_roster', false), can('postpone')]).next?.command).toBe('publish_roster')
  })
  it('makes resuming the next step of a pause', () => {
    expect(deskOf([can('announce', false), can('pause', false), can('resume')]).next?.command).toBe('resume')
  })
  it('keeps interruptions aside, and answers in their own place', () => {
    const { aside } = deskOf([can('start_confirmation'), can('answer_objection'), can('decide_bid'), can('pause'), can('resume', false), can('postpone')])
    expect(aside.map((a) => a.command)).toEqual(['pause', 'postpone'])
  })
  it('offers to reconvene what was postponed', () => {
    expect(deskOf([can('reconvene')])).toMatchObject({ next: { command: 'reconvene' }, aside: [] })
  })
})

describe('waitingFor', () => {
  it('names who is missing, those in trouble first', () => {
    const w = waitingFor(hall('decrypting', [bid(1), bid(2, { part: { state: 'failed', attempts: 2 } }), bid(3, { part: { state: 'released', attempts: 1 } })]))
    expect(w?.title).toBe('还没有解密的 2 家')
    expect(w?.items).toEqual([{ name: '公司2', note: '已失败 2 次', urgent: true }, { name: '公司1', note: '', urgent: false }])
  })
  it('does not wait for bids that were not opened', () => {
    expect(waitingFor(hall('record_confirming', [bid(1, { confirmed: 'x' }), bid(2, { outcome: 'revoked' })]))).toBeUndefined()
  })
  it('does not count an objector whose objection waits for an answer', () => {
    const objections = [{ id: 'o', digest: 'sm3:1', organisation: '公司1', text: 'x', at: '' }]
    expect(waitingFor(hall('objection_window', [bid(1), bid(2)], { objections }))?.items.map((i) => i.name)).toEqual(['公司2'])
  })
  it('gives no name before the roster', () => {
    const { organisation: _, ...nameless } = bid(4)
    expect(waitingFor(hall('started', [nameless]))?.items[0]?.name).toBe('截止记录第 4 行')
  })
})
