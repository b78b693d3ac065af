/** Which clock counts in the hall just now. Pure. */
import type { HallSnapshot, WindowName } from '@/live/messages'
import { secondSession } from './sessions'

export interface Running {
  /** What ends, in words: `解密截止`. */
  label: string
  /** Legal time in milliseconds. */
  from: number | undefined
  until: number
  /** Since when it stands still, if the opening is paused. */
  stoppedAt?: number
}

const WINDOW_OF: Readonly<Record<string, { name: WindowName; label: string }>> = {
  started: { name: 'sealCheck', label: '密封检查截止' },
  decrypting: { name: 'decrypt', label: '解密截止' },
  objection_window: { name: 'objection', label: '异议截止' },
  record_confirming: { name: 'confirm', label: '确认截止' },
}

/** The window that runs in this state, or the bid deadline or the second session before it. */
export function running(hall: HallSnapshot): Running | undefined {
  const stopped = hall.paused ? { stoppedAt: Date.parse(hall.paused.since) } : {}
  const own = WINDOW_OF[hall.state]
  const span = own && hall.windows[own.name]
  if (own && span) return { label: own.label, from: span.from === undefined ? undefined : Date.parse(span.from), until: Date.parse(span.until), ...stopped }
  const second = hall.state === 'between_sessions' || (hall.state === 'lobby_open' && secondSession(hall))
  if (second && hall.secondAt) return { label: '第二次开标', from: undefined, until: Date.parse(hall.secondAt), ...stopped }
  const before = hall.state === 'scheduled' || hall.state === 'lobby_open'
  if (before && !hall.cutoff && hall.lot.bidDeadline) return { label: '投标截止', from: undefined, until: Date.parse(hall.lot.bidDeadline), ...stopped }
  return undefined
}

/** Milliseconds left at a moment; a pause stops the clock. Never below zero. */
export function left(r: Running, now: number): number {
  return Math.max(0, r.until - (r.stoppedAt ?? now))
}

/** The last stretch: under five minutes, or under a fifth of a short window, but always the last minute. */
export function urgent(r: Running, now: number): boolean {
  if (r.stoppedAt !== undefined) return false
  const length = r.from === undefined ? Number.POSITIVE_INFINITY : r.until - r.from
  return left(r, now) < Math.min(300_000, Math.max(60_000, length / 5))
}
