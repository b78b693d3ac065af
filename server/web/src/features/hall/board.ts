/** How the bids of a hall stand, in the words and lights of the board. Pure. */
import type { HallBid, HallSnapshot } from '@/live/messages'
import type { Tone } from '@/ui/StateLight.vue'

export type Phase = 'sealed' | 'kept' | 'seal' | 'decrypt' | 'outcome' | 'objection' | 'confirm'

const PHASES: Readonly<Record<string, Phase>> = {
  scheduled: 'sealed', lobby_open: 'sealed', started: 'seal', roster_published: 'seal', decrypting: 'decrypt', decrypt_closed: 'outcome',
  imported: 'outcome', announcing: 'outcome', objection_window: 'objection', record_confirming: 'confirm', between_sessions: 'confirm', closed: 'confirm', aborted_lt3: 'kept',
}

/** What the board is about in the hall's state; nothing is known before the cut-off record. */
export function phaseOf(hall: HallSnapshot): Phase {
  if (!hall.cutoff) return 'sealed'
  const phase = PHASES[hall.state] ?? 'seal'
  return phase === 'sealed' ? 'seal' : phase
}

export interface Mark {
  tone: Tone
  text: string
  /** Done in the sense of this phase, for the count in the heading. */
  done: boolean
}

export type ReasonLabel = (code: string) => string

type Marker = (bid: HallBid, reason: ReasonLabel, time: (at: string) => string) => Mark

const OUTCOMES: Readonly<Record<NonNullable<HallBid['outcome']>, Mark>> = {
  opened: { tone: 'green', text: '已打开', done: true },
  revoked: { tone: 'red', text: '视为撤销', done: true },
  withdrawn: { tone: 'purple', text: '视为撤回', done: true },
  undecided: { tone: 'amber', text: '待招标人认定', done: false },
  rejected: { tone: 'grey', text: '未通过第一信封评审', done: true },
}

const decrypt: Marker = (bid, reason, time) => {
  const { part } = bid
  if (part.state === 'released') return { tone: 'green', text: `解密成功${part.at ? ` ${time(part.at)}` : ''}`, done: true }
  if (part.state === 'failed') return { tone: 'red', text: `第 ${Math.max(1, part.attempts)} 次未成功：${reason(part.reason ?? '') || '原因待查'}`, done: false }
  return { tone: 'grey', text: '等待解密', done: false }
}

const MARKERS: Readonly<Record<Phase, Marker>> = {
  sealed: () => ({ tone: 'grey', text: '', done: false }),
  kept: () => ({ tone: 'grey', text: '没有开启', done: false }),
  seal: (bid, _, time) => notOpened(bid) ?? (bid.sealChecked ? { tone: 'green', text: `密封完好 ${time(bid.sealChecked)}`, done: true } : { tone: 'grey', text: '等待核对', done: false }),
  decrypt: (bid, reason, time) => notOpened(bid) ?? decrypt(bid, reason, time),
  outcome: (bid, reason, time) => (bid.outcome ? OUTCOMES[bid.outcome] : decrypt(bid, reason, time)),
  objection: (bid) => notOpened(bid) ?? (bid.noObjection ? { tone: 'green', text: '无异议', done: true } : { tone: 'grey', text: '未表态', done: false }),
  confirm: (bid, _, time) => notOpened(bid) ?? (bid.confirmed ? { tone: 'green', text: `已签名 ${time(bid.confirmed)}`, done: true } : { tone: 'grey', text: '未签名', done: false }),
}

/** The light of one bid in a phase. */
export function markOf(phase: Phase, bid: HallBid, reason: ReasonLabel, time: (at: string) => string): Mark {
  return MARKERS[phase](bid, reason, time)
}

/** `sm3:3f2a9c…71be`: enough to compare by eye. */
export function shortDigest(digest: string): string {
  const [, hex = digest] = /^(?:sm3|sha256):(.+)$/.exec(digest) ?? []
  return hex.length > 14 ? `${hex.slice(0, 6)}…${hex.slice(-6)}` : hex
}

function notOpened(bid: HallBid): Mark | undefined {
  return bid.outcome && bid.outcome !== 'opened' ? OUTCOMES[bid.outcome] : undefined
}
