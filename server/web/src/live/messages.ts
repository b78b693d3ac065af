/** What travels over the hall's socket, and the picture of the hall it adds up to. Mirrors the server; no Vue. */
import type { Problem } from '@/api/client'
import type { Action, EventView } from '@/api/lots'

export type { Action, EventView }

/** A stretch of legal time. */
export interface Span {
  from?: string
  until: string
}

export interface BidPart {
  state: 'waiting' | 'released' | 'failed'
  at?: string
  /** Reason code of the last failed attempt; labels come from /api/meta. */
  reason?: string
  attempts: number
}

/** A line of the cut-off record, filled in as the opening goes on. */
export interface HallBid {
  digest: string
  /** Row in the cut-off record, from 1. */
  no: number
  /** Version of the bid: 1 for the first envelope, one more for each replacement. */
  number: number
  /** Padded size in bytes. */
  size: number
  sealChecked?: string
  /** Known from the roster on. */
  organisation?: string
  part: BidPart
  outcome?: 'opened' | 'revoked' | 'withdrawn' | 'undecided' | 'rejected'
  outcomeReason?: string
  noObjection?: string | boolean
  confirmed?: string
  /** Of the first envelope （第一信封评审）, in a tender of two. */
  review?: 'passed' | 'failed'
  reviewReason?: string
}

/** A row of the reading-out table 开标一览表; amounts are decimal strings in 元, empty where nothing was opened. */
export interface ReadingRow {
  digest: string
  no: number
  organisation: string
  outcome?: string
  reason?: string
  price?: string
  priceCapital?: string
  duration?: string
  quality?: string
  manager?: string
  deposit?: string
  flags?: (string | { code: string; label: string })[]
  /** Place in the reading order, from 1; the order of the rows where it is absent. */
  revealed?: number
}

/** The drawn coefficient and all that is needed to draw it again; alpha, proof and beta in hex. */
export interface Coefficient {
  value: string
  index: number
  /** The values that could be drawn, in the order of the tender document. */
  values: string[]
  alpha: string
  proof: string
  beta: string
  mapping: string
}

export interface Objection {
  id: string
  digest?: string
  organisation: string
  text: string
  at: string
  answer?: string
  answeredAt?: string
}

export interface HallLot {
  id: string
  code: string
  name: string
  project: string | { id?: string; code?: string; name: string }
  buyer: string | { name: string }
  agency?: string | { name: string }
  region?: string | { code: string; name: string }
  bidDeadline?: string
  priceCeiling?: string
  /** Public key of the lot's VRF, registered at publication. */
  vrfKey?: string
}

export type WindowName = 'sealCheck' | 'decrypt' | 'objection' | 'confirm'

/** All of an opening hall that this viewer may see, as of `seq`. */
export interface HallSnapshot {
  seq: number
  lot: HallLot
  state: string
  step: number
  /** Which session of how many （双信封）; one where they are absent. */
  session?: number
  sessions?: number
  /** The result of the review of the first envelope. */
  review?: { at: string; report: string; reportDigest?: string; passed: number; of: number; few: boolean }
  /** When the second session is held, once it is announced. */
  secondAt?: string
  /** Sessions that are over. */
  past?: { session: number; scheduledAt: string; closedAt: string; recordDigest: string }[]
  params?: { sections: { name: string; label: string; session?: number }[] }
  paused?: { since: string; reason: string }
  suspended?: { since: string; reason: string }
  windows: Partial<Record<WindowName, Span>>
  cutoff?: { count: number; digest: string; recordedAt: string }
  bids: HallBid[]
  table: ReadingRow[]
  coefficient?: Coefficient
  objections: Objection[]
  remarks: { at: string; by: string; text: string }[]
  pauses: { from: string; until?: string; reason: string }[]
  /** When the host signed the record. */
  hostSigned?: string
  /** Digest of the frozen record that everybody confirms. */
  recordDigest?: string
}

export interface Viewer {
  role: string
  class: 'public' | 'party' | 'official'
  host: boolean
  organisation?: string
}

/** Who is in the hall; before the roster only whether the host and supervisors are. */
export interface Presence {
  host: boolean
  supervisors: number
  viewers?: number
  bids?: Record<string, boolean>
}

export interface TimeReading {
  legal: string
  real: string
  rate: number
}

/** What the server sends. */
export type ServerMessage =
  | ({ type: 'hello'; viewer: Viewer } & TimeReading)
  | { type: 'snapshot'; seq: number; hall: HallSnapshot }
  | { type: 'event'; seq: number; event: EventView }
  | { type: 'ack'; id: string; result?: unknown; problem?: Problem }
  | { type: 'actions'; actions: Action[] }
  | ({ type: 'presence' } & Presence)
  | ({ type: 'time' } & TimeReading)
  | { type: 'pong'; t0: number; legal: string; real: string }
  | { type: 'goodbye'; code: string; detail: string }

/** The name in a field that the server may send as text or as an object. */
export function nameOf(value: string | { name: string } | undefined): string {
  return typeof value === 'string' ? value : (value?.name ?? '')
}
