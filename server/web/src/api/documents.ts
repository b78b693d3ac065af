import { call, query } from './client'
import type { DocParams, LotPage, PeriodCheck, Raise } from './lots'

/** A question about the document. Nobody is told who asked; `mine` says it to himself. */
export interface Question {
  id: string
  text: string
  /** The day, ISO. */
  askedOn: string
  answer?: string
  /** The version of the document with the answer. */
  version?: number
  mine: boolean
  due?: string | null
  basis?: string
}

/** An objection to the document （异议）, or a challenge （质疑）. */
export interface Objection {
  id: string
  kind: 'objection' | 'challenge'
  name?: string
  subject: string
  text: string
  receivedAt: string
  due: string
  basis: string
  answer?: string
  answeredBy?: string
  answeredAt?: string | null
  mine: boolean
}

/** What a clarification would mean if it were given now. */
export interface ClarificationPlan {
  now: string
  deadline: string
  rule: string
  name: string
  basis: string
  bound: string
  /** The earliest lawful deadline of one that affects bids. */
  earliest: string
  ok: boolean
  refusal?: string
  checks: PeriodCheck[] | null
  raise?: Raise | null
}

export interface ClarifyInput {
  answers: { question: string; answer: string }[]
  changes: string
  params?: DocParams
  removeFiles: string[]
  affectsPreparation: boolean
  to?: string
}

/** Something that waits for the host's answer. */
export interface Matter {
  lot: string
  lotName: string
  lotCode: string
  kind: string
  label: string
  text: string
  received: string
  due?: string | null
  basis?: string
}

const at = (id: string): string => `/api/lots/${encodeURIComponent(id)}`
const items = async <T>(path: string): Promise<T[]> => (await call<{ items: T[] | null }>('GET', path)).items ?? []

export const listQuestions = (id: string): Promise<Question[]> => items(`${at(id)}/questions`)
export const ask = (id: string, text: string): Promise<Question> => call('POST', `${at(id)}/questions`, { body: { text } })
export const listObjections = (id: string): Promise<Objection[]> => items(`${at(id)}/objections`)
export const object = (id: string, input: { subject: string; text: string; signed: boolean }): Promise<Objection> => call('POST', `${at(id)}/objections`, { body: input })
export const planClarification = (id: string, affects: boolean, to: string): Promise<ClarificationPlan> =>
  call('GET', `${at(id)}/clarification${query({ affects: String(affects), to })}`)
export const clarify = (id: string, input: ClarifyInput): Promise<void> => call('POST', `${at(id)}/commands/clarify`, { body: input })
export const answerObjection = (id: string, objection: string, text: string): Promise<void> =>
  call('POST', `${at(id)}/commands/answer_document_objection`, { body: { objection, text } })
export const retender = (id: string): Promise<LotPage> => call('POST', `${at(id)}/retender`)
export const listMatters = (): Promise<Matter[]> => items('/api/matters')
