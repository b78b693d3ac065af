import { describe, expect, it } from 'vitest'
import { monthGrids, type DayFact } from './monthGrid'

const fact = (date: string, workday: boolean, counted: boolean): DayFact => ({ date, workday, counted, why: '' })

describe('monthGrids', () => {
  // 3 working days from Friday, as the rule engine answers it.
  const facts = [
    fact('2026-03-06', true, false), fact('2026-03-07', false, false), fact('2026-03-08', false, false), fact('2026-03-09', true, true), fact('2026-03-10', true, true), fact('2026-03-11', true, true),
  ]
  const [month] = monthGrids('2026-03-06', '2026-03-11', facts, new Map())
  const cells = (month?.weeks ?? []).flat().filter((c) => c !== undefined)

  it('has every day of the month once, in weeks from Monday', () => {
    expect(cells).toHaveLength(31)
    expect(month?.weeks.every((w) => w.length === 7)).toBe(true)
    expect(month?.weeks[0]?.findIndex((c) => c !== undefined)).toBe(6) // 2026-03-01 is a Sunday
  })
  it('marks start, counted days and due', () => {
    const marks = Object.fromEntries(cells.map((c) => [c.date, [c.mark, c.ordinal]]))
    expect(marks['2026-03-06']).toEqual(['start', undefined])
    expect(marks['2026-03-07']).toEqual(['skipped', undefined])
    expect(marks['2026-03-09']).toEqual(['counted', 1])
    expect(marks['2026-03-11']).toEqual(['due', 3])
    expect(marks['2026-03-12']).toEqual(['plain', undefined])
  })
  it('knows a make-up workday by the calendar', () => {
    const off = new Map([['2026-02-15', '春节'], ['2026-02-16', '春节']])
    const grid = monthGrids('2026-02-14', '2026-02-14', [], off)[0]
    const days = (grid?.weeks ?? []).flat()
    expect(days.find((c) => c?.date === '2026-02-28')?.makeup).toBe(true)
    expect(days.find((c) => c?.date === '2026-02-16')).toMatchObject({ off: true, makeup: false, why: '春节' })
  })
  it('counts back from the end', () => {
    const back = [fact('2026-03-10', true, true), fact('2026-03-11', true, true), fact('2026-03-12', true, false)]
    const grid = monthGrids('2026-03-12', '2026-03-10', back, new Map())[0]
    expect((grid?.weeks ?? []).flat().find((c) => c?.date === '2026-03-10')).toMatchObject({ mark: 'due', ordinal: 2 })
  })
  it('draws every month in between', () => {
    expect(monthGrids('2026-11-20', '2027-01-05', [], new Map()).map((m) => m.title)).toEqual(['2026 年 11 月', '2026 年 12 月', '2027 年 1 月'])
  })
})

it('a day chosen after the period is shown too', () => {
  const months = monthGrids('2026-03-02', '2026-03-09', [], new Map(), '2026-04-02')
  expect(months.map((m) => m.key)).toEqual(['2026-03', '2026-04'])
  expect(monthGrids('2026-03-02', '2026-03-09', [], new Map(), '2026-03-03')).toHaveLength(1)
})
