import { describe, expect, it } from 'vitest'
import { byLife, byNearness, lotTitle, lotTone, nextDate, openingIsLive } from './lotLabels'

describe('lotTone', () => {
  it('shows a suspension before the state', () => expect(lotTone('published', true)).toBe('purple'))
  it('is grey for what it does not know', () => expect(lotTone('something_new')).toBe('grey'))
})

describe('openingIsLive', () => {
  it.each([['decrypting', true], ['record_confirming', true], ['scheduled', false], ['closed', false], ['aborted_lt3', false], ['reconvened', false]])('%s', (state, live) => expect(openingIsLive(state)).toBe(live))
})

describe('byLife', () => {
  it('follows the life of a lot, unknown states last', () =>
    expect(['terminated', 'other', 'cut_off', 'failed', 'published', 'opened'].sort(byLife)).toEqual(['published', 'cut_off', 'opened', 'failed', 'terminated', 'other']))
})

describe('byNearness', () => {
  it('puts the unfinished first, what is nearest in time before the rest', () => {
    const now = Date.parse('2026-03-24T09:00:00+08:00')
    const lot = (id: string, state: string, bidDeadline: string | null, openingAt = bidDeadline) => ({ id, state, bidDeadline, openingAt })
    const lots = [
      lot('old', 'opened', '2026-01-05T09:30:00+08:00'), lot('undated', 'published', null), lot('far', 'published', '2026-04-20T09:30:00+08:00'),
      lot('recent', 'opened', '2026-03-23T09:30:00+08:00'), lot('soon', 'published', '2026-03-24T09:30:00+08:00'), lot('now', 'cut_off', '2026-03-24T09:00:00+08:00'),
    ]
    expect(lots.sort(byNearness(now)).map((l) => l.id)).toEqual(['now', 'soon', 'far', 'undated', 'recent', 'old'])
  })
})

describe('lotTitle', () => {
  it('puts the project first', () => expect(lotTitle({ name: '施工', project: { name: '宿迁学院实训楼工程' } })).toBe('宿迁学院实训楼工程 施工'))
  it('does not say the project twice', () => expect(lotTitle({ name: '城北小学扩建工程一标段', project: { name: '城北小学扩建工程' } })).toBe('城北小学扩建工程一标段'))
})

describe('nextDate', () => {
  const dates = { bidDeadline: 'b', openingAt: 'o' }
  it.each([['published', '投标截止', 'b'], ['cut_off', '开标', 'o'], ['opened', '已开标', 'o'], ['failed', '投标截止', 'b']])('%s', (state, label, at) => expect(nextDate({ state, ...dates })).toEqual({ label, at }))
  it('is nothing for a draft', () => expect(nextDate({ state: 'drafting' })).toBeUndefined())
})
