/** Two envelopes （双信封）: which session of the opening this is, and what it is about. Pure. */
import type { HallBid, HallSnapshot } from '@/live/messages'

type Hall = Pick<HallSnapshot, 'session' | 'sessions' | 'state'>

export const twoSessions = (hall: Hall): boolean => (hall.sessions ?? 1) > 1
export const secondSession = (hall: Hall): boolean => twoSessions(hall) && hall.session === 2
/** The first of two: no price is opened in it. */
export const firstOfTwo = (hall: Hall): boolean => twoSessions(hall) && hall.session !== 2

/** What the head of the hall says; empty in a tender of one envelope. */
export function sessionTitle(hall: Hall): string {
  if (!twoSessions(hall)) return ''
  return secondSession(hall) ? '第二次开标（报价文件）' : '第一次开标（商务技术文件）'
}

/** The bid takes no part in this session: its second envelope stays sealed. */
export const outOf = (hall: Hall, bid: HallBid): boolean => secondSession(hall) && bid.review !== 'passed'

/** Whether a section of a bid is opened in this session; what the document does not name stays sealed until the last. */
export function opens(hall: HallSnapshot, section: string): boolean {
  const sections = hall.params?.sections ?? []
  if (!sections.some((s) => s.session === 2)) return true
  const first = sections.some((s) => s.name === section && s.session !== 2)
  return first === (hall.session !== 2)
}
