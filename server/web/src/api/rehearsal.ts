import { shallowRef } from 'vue'
import { call, ProblemError } from './client'

/** A seat of a running rehearsal: who acts, and whether it is a human. */
export interface RunSeat {
  role: string
  organisation: string
  person: string
  login: string
  human: boolean
}

/** A rehearsal in progress. `step` counts what has been done, `detail` says it in one sentence. */
export interface Run {
  id: string
  lot: string
  state: string
  step: number | string
  detail: string
  seats: RunSeat[]
  steps?: { label: string; done: boolean }[]
}

/** A person one may log in as, listed only in rehearsal. */
export interface RehearsalPerson {
  login: string
  name: string
  organisation: string
  role: string
  roleLabel: string
  password: string
}

export interface Rehearsal {
  city: string
  legalTime: string
  rate: number
  run?: Run | null
  people: RehearsalPerson[]
}

export type SeatChoice = 'watch' | 'bidder' | 'host'

export interface RunStart {
  bidders: number
  seat: SeatChoice
  fail?: number
  pace?: number
}

export interface RunStarted {
  run: string
  lot: string
  seat?: { login: string; password: string; organisation: string } | null
}

const rehearsal = shallowRef<Rehearsal>()
/** A production instance says so once, and is not asked again. */
let production: boolean | undefined

/** The rehearsal city, or undefined on a production instance. */
export async function loadRehearsal(): Promise<Rehearsal | undefined> {
  production ??= !(await call<{ rehearsal: boolean }>('GET', '/api/health')).rehearsal
  if (production) return undefined
  try {
    rehearsal.value = await call<Rehearsal>('GET', '/api/rehearsal')
  } catch (cause) {
    if (!(cause instanceof ProblemError) || cause.problem.status !== 404) throw cause
    rehearsal.value = undefined
  }
  return rehearsal.value
}

export const useRehearsal = () => rehearsal
export const startRun = (input: RunStart): Promise<RunStarted> => call('POST', '/api/rehearsal/runs', { body: input })
export const loadRun = (id: string): Promise<Run> => call('GET', `/api/rehearsal/runs/${encodeURIComponent(id)}`)
export const stopRun = (id: string): Promise<void> => call('DELETE', `/api/rehearsal/runs/${encodeURIComponent(id)}`)
export const setClock = (input: { moveTo?: string; advanceSeconds?: number; rate?: number }): Promise<void> =>
  call('POST', '/api/rehearsal/clock', { body: input })
