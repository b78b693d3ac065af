import { call, callRaw, query } from './client'
import type { CountedDay } from './deadline'
import type { DocParams, Notice } from './lots'

/** One rule held against what a host has in mind. */
export interface Check {
  /** Code of the catalogue; absent for what needs no article. */
  rule?: string
  name: string
  basis?: string
  kind?: string
  /** The input that decides it. */
  field?: string
  from?: string
  until?: string
  /** The earliest lawful moment. */
  due?: string
  bound?: string
  ok: boolean
  severity: 'block' | 'warn'
  message: string
  days: CountedDay[]
}

/** A set of dates that may be taken with one click. */
export interface Offer {
  saleEnd?: string
  noticeEnd?: string
  bidDeadline?: string
}

export interface Examination {
  checks: Check[]
  lawful: boolean
  earliest: Offer
  strict: Offer
  calendar: CountedDay[]
}

export interface Plan extends Offer {
  params?: DocParams
}

/** Holds a plan against the rule catalogue; nothing changes and nothing is recorded. */
export const checkLot = (id: string, plan: Plan, signal?: AbortSignal): Promise<Examination> =>
  call('POST', `/api/lots/${encodeURIComponent(id)}/check`, { body: plan, ...(signal ? { signal } : {}) })

/** A region of GB/T 2260 （行政区划）. */
export interface Region {
  code: string
  name: string
  fullName: string
  level: number
}

export const searchRegions = async (q: string, limit = 40): Promise<Region[]> => (await call<{ items: Region[] | null }>('GET', `/api/regions${query({ q, limit })}`)).items ?? []

/** A medium （发布媒介） that carries a notice. */
export interface Medium {
  medium: string
  url: string
  digest: string
  equal: boolean
  sentAt?: string
  verifiedAt?: string
  publishedAt: string
  recordedAt: string
  checks: Check[]
}

/** A notice as the platform signed it. */
export interface SignedNotice {
  notice: Notice
  periodEnd?: string
  digest: string
  contentDigest: string
  canonical: string
  signature?: { platformEd25519: string; platformSM2: string; signatureEd25519: string; signatureSM2: string }
  verified: boolean
  media: Medium[]
}

export const loadNotice = (id: string, number: string | number): Promise<SignedNotice> => call('GET', `/api/lots/${encodeURIComponent(id)}/notices/${encodeURIComponent(String(number))}`)

/** The rows of the first sheet of an .xlsx workbook, as texts; nothing is kept of it. */
export async function readWorkbook(file: Blob): Promise<string[][]> {
  const { bytes } = await callRaw('POST', '/api/workbook', { raw: file })
  return (JSON.parse(new TextDecoder().decode(bytes)) as { rows: string[][] | null }).rows ?? []
}
