import { describe, expect, it } from 'vitest'
import { addDays, beijing, countdown, duration, isoDate, dueMoment, moment, offsetText, remaining, toInstant } from './time'

const at = '2026-03-25T09:30:00+08:00'
const ms = Date.parse(at)

describe('moment', () => {
  it('is Beijing time with the weekday', () => expect(moment(at)).toBe('03-25 周三 09:30'))
  it('says the year when it is another one', () => expect(moment(at, Date.parse('2027-01-01T00:00:00+08:00'))).toBe('2026-03-25 周三 09:30'))
  it('takes UTC', () => expect(moment('2026-03-24T16:30:00Z')).toBe('03-25 周三 00:30'))
})

describe('beijing', () => {
  it('crosses the year before this computer may', () =>
    expect(beijing('2025-12-31T16:00:00Z')).toEqual({ year: 2026, month: 1, day: 1, weekday: '周四', hour: 0, minute: 0, second: 0 }))
})

describe('remaining', () => {
  it.each([
    [2 * 86_400_000 + 4 * 3_600_000, '还有 2 天 4 小时'],
    [86_400_000, '还有 1 天'],
    [3_600_000 * 5 + 60_000 * 7, '还有 5 小时 7 分'],
    [28 * 60_000 + 53_000, '还有 28 分 53 秒'],
    [9_000, '还有 9 秒'],
    [0, '还有 0 秒'],
    [-3_600_000, '已过 1 小时'],
  ])('%d', (left, text) => expect(remaining(at, ms - left)).toBe(text))
})

describe('countdown', () => {
  it.each([
    [28 * 60_000 + 53_000, '28:53'],
    [3_849_000, '1:04:09'],
    [400, '00:01'],
    [-1, '00:00'],
  ])('%d', (left, text) => expect(countdown(left)).toBe(text))
})

describe('offsetText', () => {
  it.each([
    [1234, '本机快 1.2 秒'],
    [-400, '本机慢 0.4 秒'],
    [20, '与本机一致'],
    [3_600_000, '本机快 1 小时'],
  ])('%d', (offset, text) => expect(offsetText(offset)).toBe(text))
})

describe('dates', () => {
  it('adds over the end of a month', () => expect(addDays('2026-02-28', 1)).toBe('2026-03-01'))
  it('reads the date in Beijing', () => expect(isoDate('2026-03-24T16:00:00Z')).toBe('2026-03-25'))
  it('makes an instant', () => expect(toInstant('2026-03-25', '09:30')).toBe('2026-03-25T09:30:00+08:00'))
  it('says a length in two units', () => expect(duration(90_061_000)).toBe('1 天 1 小时'))
})

describe('dueMoment', () => {
  it('says the end of a day as 24:00 of that day', () => {
    expect(dueMoment('2026-03-06T00:00:00+08:00')).toBe('03-05 周四 24:00')
    expect(dueMoment('2026-01-01T00:00:00+08:00', Date.parse('2026-01-02T00:00:00+08:00'))).toBe('2025-12-31 周三 24:00')
    expect(dueMoment('2026-03-06T00:01:00+08:00')).toBe('03-06 周五 00:01')
  })
})
