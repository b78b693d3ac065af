/**
 * The hall as a value: a snapshot of the server plus the events that follow it. Pure, so that the same events make the
 * same hall in every browser. What happens often (a part released, a remark) is folded in here; what enters a new state
 * changes the state at once and says `stale`, because windows, roster and table come with the next snapshot.
 */
import type { EventView, HallBid, HallSnapshot, Objection } from './messages'

export interface Applied {
  hall: HallSnapshot
  /** The server knows more than this event told: ask for a snapshot. */
  stale: boolean
}

/** The state that an event leads to; one event kind leads to one state. */
const ENTERS: Readonly<Record<string, string>> = {
  'opening.lobby_opened': 'lobby_open',
  'opening.lobby_reopened': 'lobby_open',
  'opening.started': 'started',
  'opening.roster_published': 'roster_published',
  'decrypt.window_started': 'decrypting',
  'decrypt.window_closed': 'decrypt_closed',
  'opening.imported': 'imported',
  'opening.announced': 'announcing',
  'opening.objection_window_started': 'objection_window',
  'opening.confirmation_started': 'record_confirming',
  'opening.closed': 'closed',
  'opening.first_closed': 'between_sessions',
  'opening.second_cancelled': 'closed',
  'opening.postponed': 'postponed',
  'opening.reconvened': 'reconvened',
  'opening.aborted': 'aborted_lt3',
}

/** Changes the hall by one event, or returns undefined when the event does not say enough. */
type Fold = (hall: HallSnapshot, event: EventView) => HallSnapshot | undefined

const FOLDS: Readonly<Record<string, Fold>> = {
  'seal.checked': (hall, e) => onBid(hall, e, (b) => ({ ...b, sealChecked: e.at })),
  'part.released': (hall, e) => onBid(hall, e, (b) => ({ ...b, part: { state: 'released', at: e.at, attempts: number(e, 'attempt') ?? b.part.attempts + 1 } })),
  'decrypt.attempt_failed': (hall, e) => onBid(hall, e, (b) => failed(b, e)),
  'opening.no_objection': (hall, e) => onBid(hall, e, (b) => ({ ...b, noObjection: e.at })),
  'bid.revoked': (hall, e) => onBid(hall, e, (b) => outcome(b, 'revoked', e)),
  'bid.withdrawn': (hall, e) => onBid(hall, e, (b) => outcome(b, 'withdrawn', e)),
  'bid.undecided': (hall, e) => onBid(hall, e, (b) => outcome(b, 'undecided', e)),
  'opening.record_confirmed': (hall, e) => onBid(hall, e, (b) => ({ ...b, confirmed: e.at })),
  'opening.record_signed': (hall, e) => ({ ...hall, hostSigned: e.at }),
  'opening.objection_raised': raised,
  'opening.objection_answered': answered,
  'opening.paused': (hall, e) => ({ ...hall, paused: { since: e.at, reason: text(e, 'reason') ?? '' } }),
  'supervisor.remarked': remarked,
}

/** Kinds whose consequences only the server can tell (ends of windows that moved, the table, the coefficient …). */
const REFRESH = new Set(['cutoff.recorded', 'coefficient.drawn', 'decrypt.completed', 'seal.missing_reported', 'opening.resumed', 'bid.decided', 'opening.outage_recorded', 'lot.suspended', 'lot.resumed', 'opening.reviewed', 'opening.second_scheduled'])

/** Adds one event to a hall. Unknown kinds change nothing but the position; they are still shown in the hall's talk. */
export function apply(hall: HallSnapshot, event: EventView): Applied {
  if (event.seq <= hall.seq) return { hall, stale: false }
  const next = { ...hall, seq: event.seq }
  const state = ENTERS[event.kind]
  if (state !== undefined) return { hall: { ...next, state }, stale: true }
  if (REFRESH.has(event.kind)) return { hall: next, stale: true }
  const fold = FOLDS[event.kind]
  if (!fold) return { hall: next, stale: false }
  const folded = event.closed ? undefined : fold(next, event)
  return folded ? { hall: folded, stale: false } : { hall: next, stale: true }
}

/** Takes what the server sent: absent lists become empty, null becomes absent. */
export function tidy(hall: HallSnapshot): HallSnapshot {
  const clean = withoutNull(hall) as Partial<HallSnapshot>
  return {
    ...(clean as HallSnapshot),
    windows: clean.windows ?? {},
    bids: clean.bids ?? [],
    table: clean.table ?? [],
    objections: clean.objections ?? [],
    remarks: clean.remarks ?? [],
    pauses: clean.pauses ?? [],
  }
}

/** Puts an event into a list sorted by seq, once. Returns the same list when it is there already. */
export function collect(events: readonly EventView[], event: EventView): readonly EventView[] {
  const last = events.at(-1)
  if (!last || event.seq > last.seq) return [...events, event]
  if (events.some((e) => e.seq === event.seq)) return events
  return [...events, event].sort((a, b) => a.seq - b.seq)
}

function onBid(hall: HallSnapshot, event: EventView, change: (bid: HallBid) => HallBid): HallSnapshot | undefined {
  const digest = text(event, 'digest')
  if (digest === undefined || !hall.bids.some((b) => b.digest === digest)) return undefined
  return { ...hall, bids: hall.bids.map((b) => (b.digest === digest ? change(b) : b)) }
}

/** A failure after a success is on the record but takes nothing back. */
function failed(bid: HallBid, event: EventView): HallBid {
  const attempts = number(event, 'attempt') ?? bid.part.attempts + 1
  if (bid.part.state === 'released') return { ...bid, part: { ...bid.part, attempts } }
  const reason = text(event, 'reason')
  return { ...bid, part: { state: 'failed', at: event.at, attempts, ...(reason === undefined ? {} : { reason }) } }
}

function outcome(bid: HallBid, value: NonNullable<HallBid['outcome']>, event: EventView): HallBid {
  const reason = text(event, 'reason')
  return { ...bid, outcome: value, ...(reason === undefined ? {} : { outcomeReason: reason }) }
}

function raised(hall: HallSnapshot, event: EventView): HallSnapshot | undefined {
  const id = text(event, 'objection') ?? text(event, 'id')
  const words = text(event, 'text')
  const organisation = text(event, 'organisation') ?? event.actor?.organisation
  if (id === undefined || words === undefined || organisation === undefined) return undefined
  if (hall.objections.some((o) => o.id === id)) return hall
  const digest = text(event, 'digest')
  const objection: Objection = { id, organisation, text: words, at: event.at, ...(digest === undefined ? {} : { digest }) }
  const bids = hall.bids.map((b) => (b.digest === digest ? withdrawWaiver(b) : b))
  return { ...hall, bids, objections: [...hall.objections, objection] }
}

/** Whoever objects has not waived (any more). */
function withdrawWaiver({ noObjection: _, ...bid }: HallBid): HallBid {
  return bid
}

function answered(hall: HallSnapshot, event: EventView): HallSnapshot | undefined {
  const id = text(event, 'objection') ?? text(event, 'id')
  const answer = text(event, 'text') ?? text(event, 'answer')
  if (id === undefined || answer === undefined || !hall.objections.some((o) => o.id === id)) return undefined
  return { ...hall, objections: hall.objections.map((o) => (o.id === id ? { ...o, answer, answeredAt: event.at } : o)) }
}

function remarked(hall: HallSnapshot, event: EventView): HallSnapshot | undefined {
  const words = text(event, 'text')
  if (words === undefined) return undefined
  const by = [event.actor?.organisation, event.actor?.person ?? event.actor?.roleLabel].filter((x) => x).join(' ')
  return { ...hall, remarks: [...hall.remarks, { at: event.at, by, text: words }] }
}

function text(event: EventView, key: string): string | undefined {
  const value = event.payload?.[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function number(event: EventView, key: string): number | undefined {
  const value = event.payload?.[key]
  return typeof value === 'number' ? value : undefined
}

function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== null).map(([k, v]) => [k, withoutNull(v)]))
}
