import { call } from './client'

/** One day of the drawn calendar, as the rule engine saw it. */
export interface CountedDay {
  date: string
  weekday: string
  workday: boolean
  counted: boolean
  /** Why it did or did not count, in Chinese. */
  why: string
}

/** The answer of the deadline calculator （期限计算器）. */
export interface DeadlineAnswer {
  /** The bound as a date: last lawful of a maximum, first lawful of a minimum. */
  date: string
  at: string
  /** The bound in Chinese. */
  bound: string
  kind: string
  unit: string
  n: number
  mode: string
  from: string
  days: CountedDay[] | null
  remarks: string[] | null
  rule?: { code: string; name: string; basis: string; conf?: string; exclusions?: string[] | null; exceptions?: string[] | null } | null
}

export interface CatalogueRule {
  code: string
  matter: string
  name: string
  kind: string
  n: number
  unit: string
  from: string
  until: string
  basis: string | string[]
  domain: string
}

export interface CalendarDay {
  date: string
  off: boolean
  why?: string
  worked?: boolean
}

export interface DeadlineQuestion {
  kind?: string
  unit?: string
  n?: string
  from: string
  mode?: string
  exclude?: string
  rule?: string
}

export const askDeadline = (question: DeadlineQuestion, signal?: AbortSignal): Promise<DeadlineAnswer> => {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(question)) if (value) params.set(key, String(value))
  return call('GET', `/api/deadline?${params}`, signal ? { signal } : {})
}

export const loadRules = async (): Promise<CatalogueRule[]> => {
  const answer = await call<CatalogueRule[] | { items: CatalogueRule[] | null } | null>('GET', '/api/rules')
  return Array.isArray(answer) ? answer : (answer?.items ?? [])
}

const years = new Map<number, Promise<CalendarDay[]>>()

/** The working calendar of a year; asked once. A year that is not known is an empty list. */
export function loadCalendar(year: number): Promise<CalendarDay[]> {
  let pending = years.get(year)
  if (!pending) {
    pending = call<{ days: CalendarDay[] | null }>('GET', `/api/calendar?year=${year}`).then(
      (a) => a.days ?? [],
      () => {
        years.delete(year)
        return []
      },
    )
    years.set(year, pending)
  }
  return pending
}
