/** Month grids of the deadline calculator. Pure. */
import { addDays, beijing } from './time'

/** What the rule engine said of a day. */
export interface DayFact {
  date: string
  workday: boolean
  counted: boolean
  why: string
}

export type Mark = 'start' | 'due' | 'counted' | 'skipped' | 'plain'

/** One cell: undefined date = a blank before the first or after the last of the month. */
export interface Cell {
  date: string
  day: number
  mark: Mark
  /** Position among the counted days, from 1. */
  ordinal?: number
  off: boolean
  /** A weekend day on which people work （调休上班）. */
  makeup: boolean
  why: string
}

export interface Month {
  key: string
  title: string
  weeks: (Cell | undefined)[][]
}

/** Weekday from Monday = 0. */
function monday(date: string): number {
  return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7
}

/** The months that hold the period (and `until`, if it is later), each a grid of weeks from Monday; `off` says why a day
 * outside the period is off. */
export function monthGrids(from: string, due: string, facts: readonly DayFact[], off: ReadonlyMap<string, string>, until = ''): Month[] {
  const byDate = new Map(facts.map((f) => [f.date, f]))
  const ordinals = new Map<string, number>()
  const counted = facts.filter((f) => f.counted).map((f) => f.date)
  if (due < from) counted.reverse()
  counted.forEach((date, i) => ordinals.set(date, i + 1))
  const [first, end] = from <= due ? [from, due] : [due, from]
  const last = until > end ? until : end
  const months: Month[] = []
  for (let month = first.slice(0, 7); month <= last.slice(0, 7); month = nextMonth(month)) {
    months.push({ key: month, title: `${Number(month.slice(0, 4))} 年 ${Number(month.slice(5))} 月`, weeks: weeksOf(month, from, due, byDate, ordinals, off) })
  }
  return months
}

function nextMonth(month: string): string {
  const [y = 0, m = 1] = month.split('-').map(Number)
  return m === 12 ? `${y + 1}-01` : `${y}-${String(m + 1).padStart(2, '0')}`
}

function weeksOf(
  month: string,
  from: string,
  due: string,
  facts: ReadonlyMap<string, DayFact>,
  ordinals: ReadonlyMap<string, number>,
  off: ReadonlyMap<string, string>,
): (Cell | undefined)[][] {
  const weeks: (Cell | undefined)[][] = []
  let date = `${month}-01`
  let week: (Cell | undefined)[] = Array.from({ length: monday(date) }, () => undefined)
  for (; date.startsWith(month); date = addDays(date, 1)) {
    week.push(cellOf(date, from, due, facts.get(date), ordinals.get(date), off))
    if (week.length === 7) {
      weeks.push(week)
      week = []
    }
  }
  if (week.length > 0) weeks.push([...week, ...Array.from({ length: 7 - week.length }, () => undefined)])
  return weeks
}

function cellOf(date: string, from: string, due: string, fact: DayFact | undefined, ordinal: number | undefined, off: ReadonlyMap<string, string>): Cell {
  const weekend = monday(date) >= 5
  const isOff = fact ? !fact.workday : off.size > 0 ? off.has(date) : weekend
  let mark: Mark = 'plain'
  if (date === due) mark = 'due'
  else if (date === from) mark = 'start'
  else if (fact) mark = fact.counted ? 'counted' : 'skipped'
  return {
    date,
    day: beijing(`${date}T00:00:00+08:00`).day,
    mark,
    ...(ordinal === undefined ? {} : { ordinal }),
    off: isOff,
    makeup: weekend && !isOff,
    why: fact?.why ?? off.get(date) ?? '',
  }
}
