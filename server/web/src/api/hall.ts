import { call } from './client'
import type { Named } from './lots'

/** A stretch of time of the opening, legal time. */
export interface Window {
  from: string
  until: string
}

/** One bid as the hall shows it; the organisation only after the roster. */
export interface HallBid {
  digest: string
  number: number
  size: number
  sealChecked?: string | null
  organisation?: string | null
  part: { state: 'waiting' | 'released' | 'failed'; at?: string | null; reason?: string | null; attempts: number }
  outcome?: 'opened' | 'revoked' | 'withdrawn' | 'undecided' | null
  outcomeReason?: string | null
  noObjection?: boolean | string | null
  confirmed?: string | null
}

/** One row of the reading-out table （开标一览表）. */
export interface ReadingRow {
  digest: string
  no: number
  organisation: string
  price?: string | null
  priceCapital?: string | null
  duration?: string | number | null
  quality?: string | null
  manager?: string | null
  deposit?: string | null
  flags?: { code: string; label: string }[] | null
  revealed?: number
}

export interface HallSnapshot {
  seq: number
  lot: {
    id: string
    code: string
    name: string
    project: Named | string
    buyer: Named | string
    agency?: Named | string | null
    region: { code: string; name: string }
    bidDeadline: string
    priceCeiling?: string | null
  }
  state: string
  step: number
  paused?: { since: string; reason: string } | null
  suspended?: boolean | null
  windows: { sealCheck?: Window | null; decrypt?: Window | null; objection?: Window | null; confirm?: Window | null }
  cutoff?: { count: number; digest: string; recordedAt: string } | null
  bids: HallBid[] | null
  table?: { columns: { code: string; label: string }[] | string[]; rows: ReadingRow[] | null } | null
  coefficient?: { value: string; alpha: string; proof: string; beta: string; mapping: string } | null
  objections?: { id: string; digest?: string; organisation: string; text: string; at: string; answer?: string | null; answeredAt?: string | null }[] | null
  remarks?: { at: string; by: string; text: string }[] | null
  confirmations?: { digest?: string; role?: string; organisation: string; at: string }[] | null
  pauses?: { from: string; until?: string | null; reason: string }[] | null
}

/** The hall over plain HTTP, for a page that only needs a glance. */
export const loadHall = (lot: string): Promise<HallSnapshot> => call('GET', `/api/lots/${encodeURIComponent(lot)}/snapshot`)
