/** Draws the random coefficient again on this computer (复算): the proof, the choice, and what the proof was made over. */
import type { EventView, HallSnapshot } from '@/live/messages'
import type { Json } from '@/sealer/sealer'

export type Recheck = { ok: true; input: boolean } | { ok: false; why: string }

/** What is needed of the sealer. */
export interface Prover {
  verifyVrf(publicKey: string, alpha: string, proof: string, n: number): Promise<{ output: string; choice: number }>
  canonical(value: Json): Promise<string>
  digest(blob: Blob): Promise<string>
}

/**
 * Recomputes. `closing` is the event that closed the window: with it also the proof's input is rebuilt from the
 * cut-off record and the released parts (`input` says whether that could be done).
 */
export async function recompute(hall: HallSnapshot, closing: EventView | undefined, prover: Prover): Promise<Recheck> {
  const c = hall.coefficient
  const key = hall.lot.vrfKey
  if (!c || !key) return { ok: false, why: '缺少复算所需的公钥' }
  const drawn = await prover.verifyVrf(toBase64url(key), toBase64url(c.alpha), toBase64url(c.proof), c.values.length)
  if (drawn.output !== toBase64url(c.beta)) return { ok: false, why: '随机数与证明不符' }
  if (drawn.choice !== c.index || c.values[drawn.choice] !== c.value) return { ok: false, why: '取值与随机数不符' }
  const alpha = await alphaOf(hall, closing, prover)
  if (alpha !== undefined && alpha !== c.alpha.toLowerCase()) return { ok: false, why: '输入与截止记录、解密份额不符' }
  return { ok: true, input: alpha !== undefined }
}

/** SM3 of the canonical record of what the draw depends on, in hex; undefined when this viewer does not have it all. */
async function alphaOf(hall: HallSnapshot, closing: EventView | undefined, prover: Prover): Promise<string | undefined> {
  const parts = closing?.payload?.['parts']
  if (!Array.isArray(parts) || !hall.cutoff) return undefined
  const text = await prover.canonical({ tag: 'jianbiao/coefficient/1', lot: hall.lot.id, cutoff: hall.cutoff.digest, parts: parts as Json[] })
  const digest = await prover.digest(new Blob([text]))
  return digest.replace(/^sm3:/, '').toLowerCase()
}

/** Hex (as the hall shows it) to unpadded base64url (as the sealer takes it); what is not hex is taken as it is. */
export function toBase64url(value: string): string {
  if (!/^(?:[0-9a-f]{2})+$/i.test(value)) return value
  const bytes = value.match(/../g)?.map((pair) => String.fromCharCode(Number.parseInt(pair, 16))) ?? []
  return btoa(bytes.join('')).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/** The event that closed the first half of the window, if it is known here. */
export function closingEvent(events: readonly EventView[]): EventView | undefined {
  return events.findLast((e) => e.kind === 'decrypt.window_closed')
}

