/** Which light a state of a lot or of an opening shows. Words come from the server; only shape and colour stand here. */
export type Tone = 'green' | 'amber' | 'red' | 'purple' | 'grey' | 'ink'

const LOT: Record<string, Tone> = { drafting: 'grey', published: 'green', cut_off: 'amber', opened: 'ink', failed: 'red', terminated: 'grey' }

export function lotTone(state: string, suspended = false): Tone {
  return suspended ? 'purple' : (LOT[state] ?? 'grey')
}

const LIVE = new Set(['lobby_open', 'started', 'roster_published', 'decrypting', 'decrypt_closed', 'imported', 'announcing', 'objection_window', 'record_confirming'])

/** An opening that people are sitting in right now. */
export function openingIsLive(state: string | undefined): boolean {
  return state !== undefined && LIVE.has(state)
}

/** States in the order of a lot's life; what the server adds later comes after them. */
const ORDER = ['published', 'cut_off', 'opened', 'failed', 'terminated']
export function byLife(a: string, b: string): number {
  const at = (s: string) => (ORDER.indexOf(s) + ORDER.length + 1) % (ORDER.length + 1)
  return at(a) - at(b)
}

/** Unfinished lots first, what is nearest to now (ms) before the rest; finished ones after them, the latest first. */
export function byNearness(now: number): (a: Dated, b: Dated) => number {
  const finished = (l: Dated): number => Number(l.state !== 'published' && l.state !== 'cut_off' && l.state !== 'drafting')
  const off = (l: Dated): number => {
    const at = nextDate(l)?.at
    return at === undefined ? Number.MAX_SAFE_INTEGER : Math.abs(Date.parse(at) - now)
  }
  return (a, b) => finished(a) - finished(b) || off(a) - off(b)
}

/** A lot as people call it: `骆马湖水厂工程 施工一标段`; the project is not said twice. */
export function lotTitle(lot: { name: string; project: { name: string } }): string {
  return lot.name.startsWith(lot.project.name) ? lot.name : `${lot.project.name} ${lot.name}`
}

export interface NextDate {
  label: string
  at: string
}

type Dated = { state: string; openingState?: string; bidDeadline?: string | null; openingAt?: string | null }

/** The next date that matters to somebody who reads the list; undefined when nothing is fixed any more. */
export function nextDate(lot: Dated): NextDate | undefined {
  if (lot.state === 'published' && lot.bidDeadline) return { label: '投标截止', at: lot.bidDeadline }
  if (lot.state === 'cut_off' && lot.openingAt) return { label: lot.openingState === 'between_sessions' ? '第二次开标' : '开标', at: lot.openingAt }
  if (lot.state === 'opened' && lot.openingAt) return { label: '已开标', at: lot.openingAt }
  if (lot.bidDeadline) return { label: '投标截止', at: lot.bidDeadline }
  return undefined
}
