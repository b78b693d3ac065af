import { shallowRef } from 'vue'
import { call, ProblemError } from './client'

/** The place that a person takes in a run; the password opens the account and, in a rehearsal, the vault. */
export interface RunSeat {
  role: 'bidder' | 'host'
  login: string
  password: string
  organisation: string
}

/** A rehearsal in progress. `step` is what is happening, `detail` says it in one sentence, `steps` is all that was said. */
export interface Run {
  id: string
  /** Empty until the tender is published. */
  lot: string
  state: 'running' | 'done' | 'failed'
  step: string
  detail: string
  steps: string[] | null
  bidders: number
  seat?: RunSeat | null
  error?: string
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
export const startRun = (input: RunStart): Promise<Run> => call('POST', '/api/rehearsal/runs', { body: input })
export const loadRun = (id: string): Promise<Run> => call('GET', `/api/rehearsal/runs/${encodeURIComponent(id)}`)
export const stopRun = (id: string): Promise<void> => call('DELETE', `/api/rehearsal/runs/${encodeURIComponent(id)}`)
/** The person in the bidder's seat has submitted: the run goes on to the deadline. */
export const continueRun = (id: string): Promise<void> => call('POST', `/api/rehearsal/runs/${encodeURIComponent(id)}/continue`, { body: {} })
export const setClock = (input: { moveTo?: string; advanceSeconds?: number; rate?: number }): Promise<void> =>
  call('POST', '/api/rehearsal/clock', { body: input })
