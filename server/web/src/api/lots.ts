import type { TenderForm } from '@/domain/tenderForm'
import { call, query } from './client'

export interface Named {
  id?: string
  code?: string
  name: string
}

/** A refusal the server gives in advance: why a command is not allowed now. */
export interface Refusal {
  code: string
  detail: string
  basis?: string
}

/** What the person looking may do, and why not where not. */
export interface Action {
  command: string
  label: string
  allowed: boolean
  refusal?: Refusal | null
  primary?: boolean
  confirm?: { title: string; text: string; article?: string } | null
}

export interface LotSummary {
  id: string
  code: string
  name: string
  project: { id: string; code: string; name: string }
  /** ENG 工程建设, GOV 政府采购. */
  kind: string
  /** 采购方式: open, invited. */
  method: string
  buyer: string
  agency?: string
  region: { code: string; name: string }
  state: string
  stateLabel?: string
  openingState?: string
  openingLabel?: string
  publishedAt?: string | null
  bidDeadline?: string | null
  openingAt?: string | null
  priceCeiling?: string | null
  suspended: boolean
  /** Newest issued version of the tender document; 0 without one. */
  documentVersion: number
  updatedAt: string
}

export interface LotDetail extends LotSummary {
  estimate?: string | null
  compulsory: boolean
  approvalNumber?: string
  /** 采购计划备案号, GOV. */
  planFiling?: string
  intentionAt?: string | null
  saleEnd?: string | null
  suspendedReason?: string
  /** The viewer's own organisation runs this tender. */
  hosted?: boolean
  keys?: { cutoff: string; opening: string; vrf: string } | null
  /** 第几次招标. */
  attempt?: number
  predecessor?: LotRelative | null
  successor?: LotRelative | null
}

/** A lot before or after in a line of re-tenders （重新招标）. */
export interface LotRelative {
  id: string
  code: string
  attempt: number
}

/** One issued version of the tender document. */
export interface DocVersion {
  version: number
  issuedAt?: string | null
  digest: string
  /** What changed, in the host's words. */
  summary: string
  answers: number
  affectsPreparation: boolean
}

/** One check of a statutory period （时限校验记录）. */
export interface PeriodCheck {
  rule: string
  name: string
  basis: string
  from: string
  until: string
  /** The bound in words: 最早2026年3月22日. */
  bound: string
  ok: boolean
  version?: number
  cause?: string
  at?: string
}

/** One cause of a suspension; open while it has no end. */
export interface Suspension {
  cause: string
  label: string
  reason: string
  orderNumber?: string
  by?: string
  from: string
  until?: string | null
}

/** Until when the document may be objected to. */
export interface Raise {
  kind: 'objection' | 'challenge'
  until: string
  bound: string
  rule: string
  basis: string
  open: boolean
}

export interface DocSection {
  name: string
  label: string
  required: boolean
  /** 2: opened in the second session of a two-envelope tender （双信封）. */
  session?: number
}

/** Parameters of the tender document （招标文件） that the platform itself works by. */
export interface DocParams {
  sections: DocSection[]
  priceCeiling?: string | null
  decryptMinutes: number
  sealCheckMinutes: number
  objectionMinutes: number
  confirmMinutes: number
  coefficient?: { min: string | number; max: string | number; step: string | number } | null
  bidValidityDays: number
  withdrawnLowersCount: boolean
  durationDays: number
  quality: string
  deposit?: { amount: string; forms: string[] } | null
  /** 履约保证金, percent of the contract's price. */
  performancePercent?: string
  qualification?: string
  scope?: string
  /** What a bid must contain; none: the bid letter and files only. */
  form?: TenderForm | null
}

export interface DocumentFile {
  id: string
  name: string
  media: string
  size: number
  sm3: string
}

export interface TenderDocument {
  version: number
  issuedAt?: string | null
  digest: string
  params: DocParams
  files: DocumentFile[]
  versions?: DocVersion[] | null
}

export interface Notice {
  number: string | number
  kind: string
  title: string
  body: string
  publishedAt: string
  digest: string
}

export interface Milestone {
  code: string
  label: string
  at?: string | null
  done: boolean
  rule?: string
  basis?: string
}

export interface LotPage {
  lot: LotDetail
  document?: TenderDocument | null
  notices?: Notice[] | null
  milestones?: Milestone[] | null
  actions?: Action[] | null
  checks?: PeriodCheck[] | null
  suspensions?: Suspension[] | null
  raise?: Raise | null
}

export type ProofState = 'recorded' | 'integrated' | 'cosigned'

/** One event of the record （留痕） as this viewer may see it. */
export interface EventView {
  seq: number
  /** Empty, like kind, label, at and text, where the event is closed (see `fillEvent`). */
  id: string
  kind: string
  label: string
  at: string
  recordedAt?: string
  actor?: { organisation?: string; person?: string; role: string; roleLabel: string } | null
  payload?: Record<string, unknown> | null
  /** The viewer may not see the content; only the commitment stands here. */
  closed?: boolean
  commitment: string
  leafIndex?: number | null
  proofState: ProofState
  /** One Chinese sentence. */
  text: string
}

export interface LotFilter {
  state?: string
  region?: string
  q?: string
  after?: string
  limit?: number
}

const at = (id: string): string => `/api/lots/${encodeURIComponent(id)}`

export const listLots = (filter: LotFilter, signal?: AbortSignal): Promise<{ items: LotSummary[] | null; next?: string }> =>
  call('GET', `/api/lots${query({ ...filter })}`, signal ? { signal } : {})

export const loadLot = (id: string, signal?: AbortSignal): Promise<LotPage> => call('GET', at(id), signal ? { signal } : {})

/** An event as it comes over the line: a closed one has its number and its commitment, no more. */
export type SentEvent = Pick<EventView, 'seq' | 'commitment'> & Partial<EventView>

/** Fills in what a closed event leaves out. */
export function fillEvent(sent: SentEvent): EventView {
  return { id: '', kind: '', label: '', at: '', text: '', proofState: 'recorded', ...sent }
}

export async function loadEvents(id: string, after = 0, limit = 200): Promise<{ items: EventView[]; next: number | undefined }> {
  const answer = await call<{ items: SentEvent[] | null; next?: number | null }>('GET', `${at(id)}/events${query({ after: after || undefined, limit })}`)
  return { items: (answer.items ?? []).map(fillEvent), next: answer.next ?? undefined }
}

export const commandLot = <T = unknown>(id: string, command: string, input: unknown = {}): Promise<T> =>
  call<T>('POST', `${at(id)}/commands/${encodeURIComponent(command)}`, { body: input })

export const fileUrl = (id: string, file: string): string => `${at(id)}/document/files/${encodeURIComponent(file)}`

/** The cut-off record （截止记录）: digests of all valid bids, sorted; 412 before the deadline. */
export interface CutoffRecord {
  recordedAt: string
  count: number
  rows: { digest: string; number: number; size: number }[] | null
  digest: string
  seq: number
}

export const loadCutoff = (id: string): Promise<CutoffRecord> => call('GET', `${at(id)}/cutoff`)

/** A statutory date of a lot that is still ahead （法定期限）. */
export interface Due {
  rule: string
  name: string
  basis: string
  at: string
  bound: string
  /** 暂按周末推算: the holiday notice of a year it touches is not out. */
  provisional: boolean
  remarks: string[]
}

export const loadDues = (lot: string): Promise<Due[]> => call<{ items: Due[] }>('GET', `/api/lots/${lot}/dues`).then((a) => a.items)
