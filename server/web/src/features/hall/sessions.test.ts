import { describe, expect, it } from 'vitest'
import type { HallBid, HallSnapshot } from '@/live/messages'
import { bidderStep } from './bidderStep'
import { markOf } from './board'
import { deskOf, waitingFor } from './host'
import { opens, sessionTitle } from './sessions'
import { running } from './timing'

const AT = '2026-03-27T09:30:00+08:00'
const me: HallBid = { digest: 'sm3:me', no: 2, number: 1, size: 1, part: { state: 'waiting', attempts: 0 }, organisation: '甲公司', review: 'passed' }
const out: HallBid = { ...me, digest: 'sm3:out', no: 3, organisation: '乙公司', outcome: 'rejected', review: 'failed', reviewReason: '业绩不足' }

function hall(state: string, session: number, more: Partial<HallSnapshot> = {}): HallSnapshot {
  return {
    seq: 1, lot: { id: 'l', code: '', name: '', project: '', buyer: '' }, state, step: 0, session, sessions: 2, cutoff: { count: 3, digest: '', recordedAt: AT },
    params: { sections: [{ name: 'qualification', label: '资格' }, { name: 'technical', label: '技术', session: 1 }, { name: 'price', label: '报价', session: 2 }] },
    windows: {}, bids: [me, out], table: [], objections: [], remarks: [], pauses: [], ...more,
  }
}
const step = (h: HallSnapshot, digest: string, open = true) => bidderStep({ hall: h, mine: [digest], open })

describe('two envelopes', () => {
  it('opens the sections of the session, and what the document does not name in the second', () => {
    const taken = (h: HallSnapshot) => ['qualification', 'technical', 'price', 'unknown'].filter((s) => opens(h, s))
    expect(taken(hall('decrypting', 1))).toEqual(['qualification', 'technical'])
    expect(taken(hall('decrypting', 2))).toEqual(['price', 'unknown'])
    expect(taken({ ...hall('decrypting', 1), sessions: 1, params: { sections: [{ name: 'price', label: '报价' }] } })).toContain('unknown')
  })

  it('says which session it is, and nothing in a tender of one', () => {
    expect(sessionTitle(hall('started', 1))).toBe('第一次开标（商务技术文件）')
    expect(sessionTitle(hall('started', 2))).toBe('第二次开标（报价文件）')
    expect(sessionTitle({ state: 'started' })).toBe('')
  })

  it('lets a bidder wait for the review, then for the day', () => {
    expect(step(hall('between_sessions', 1, { bids: [{ ...me, outcome: 'opened' }] }), 'sm3:me')).toMatchObject({ tone: 'wait', title: '等待第一信封评审' })
    const announced = hall('between_sessions', 1, { secondAt: AT, bids: [{ ...me, outcome: 'opened' }] })
    expect(step(announced, 'sm3:me')).toMatchObject({ title: '等待第二次开标', until: AT })
    expect(step(announced, 'sm3:me').text).toContain('27')
    expect(running(announced)).toMatchObject({ label: '第二次开标', until: Date.parse(AT) })
  })

  it('tells one who did not pass why, in every state of the second session', () => {
    for (const state of ['lobby_open', 'started', 'decrypting', 'objection_window', 'record_confirming']) {
      const s = step(hall(state, 2), 'sm3:out')
      expect(s).toMatchObject({ tone: 'wait', title: '没有通过第一信封评审' })
      expect(s.text).toContain('业绩不足')
      expect(s.act).toBeUndefined()
    }
    expect(step(hall('between_sessions', 1, { bids: [{ ...me, review: undefined, outcome: 'revoked' } as HallBid] }), 'sm3:me').title).toBe('没有进入第二次开标')
  })

  it('asks who passed for the seal check and the second part', () => {
    expect(step(hall('lobby_open', 2), 'sm3:me', false)).toMatchObject({ act: 'unlock', passphrase: true })
    expect(step(hall('started', 2), 'sm3:me')).toMatchObject({ act: 'check_seal' })
    expect(step(hall('decrypting', 2), 'sm3:me')).toMatchObject({ act: 'release_part', text: expect.stringContaining('第二信封') })
    expect(step(hall('decrypting', 1), 'sm3:me')).toMatchObject({ act: 'release_part', text: expect.stringContaining('报价仍然密封') })
  })

  it('does not wait for one who is out, and shows him so on the board', () => {
    expect(waitingFor(hall('started', 2))?.items.map((i) => i.name)).toEqual(['甲公司'])
    expect(waitingFor(hall('decrypting', 2))?.items.map((i) => i.name)).toEqual(['甲公司'])
    for (const phase of ['seal', 'decrypt', 'objection', 'confirm'] as const) expect(markOf(phase, out, (c) => c, (t) => t).text).toBe('未通过第一信封评审')
  })

  it('keeps review and notice in their own place beside the host', () => {
    const actions = ['review', 'schedule_second', 'cancel_second'].map((command) => ({ command, label: command, allowed: true }))
    expect(deskOf(actions)).toEqual({ next: undefined, aside: [] })
  })
})
