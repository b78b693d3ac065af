/** Which light a state of a lot or of an opening shows. Words come from the server; only shape and colour stand here. */
export type Tone = 'green' | 'amber' | 'red' | 'purple' | 'grey' | 'ink'

const LOT: Record<string, Tone> = { drafting: 'grey', published: 'green', cut_off: 'amber', opened: 'ink', failed: 'red', terminated: 'grey' }

export function lotTone(state: string, suspended = false): Tone {
  return suspended ? 'purple' : (LOT[state] ?? 'grey')
}

const LIVE = new Set(['lobby_open', 'started', 'roster_published', 'decrypting', 'decrypt_closed', 'imported', 'announcing', 'objection_window', 'record_confirming', 'reconvened'])

/** An opening that people are sitting in right now. */
export function openingIsLive(state: string | undefined): boolean {
  return state !== undefined && LIVE.has(state)
}

export interface NextDate {
  label: string
  at: string
}

/** The next date that matters to somebody who reads the list; undefined when nothing is fixed any more. */
export function nextDate(lot: { state: string; bidDeadline?: string | null; openingAt?: string | null }): NextDate | undefined {
  if (lot.state === 'published' && lot.bidDeadline) return { label: '投标截止', at: lot.bidDeadline }
  if (lot.state === 'cut_off' && lot.openingAt) return { label: '开标', at: lot.openingAt }
  if (lot.state === 'opened' && lot.openingAt) return { label: '已开标', at: lot.openingAt }
  if (lot.bidDeadline) return { label: '投标截止', at: lot.bidDeadline }
  return undefined
}
