import { call } from './client'
import { keepEnvelope, keptEnvelopes } from './kept'
import { sendUpload } from './upload'

/** The platform's keys that sign receipts, read apart from any receipt. */
export interface PlatformKeys {
  ed25519: string
  sm2: string
}

/** What the offline program needs of a lot. */
export const loadTender = (lot: string): Promise<object> => call('GET', `/api/lots/${encodeURIComponent(lot)}/tender.json`)

export const loadPlatformKeys = (): Promise<PlatformKeys> => call('GET', '/api/keys')

/**
 * Uploads a sealed envelope in chunks; resolves with the receipt. The address names neither lot nor owner. Given its digest,
 * the envelope is kept in this browser until `forgetEnvelope`, which the caller calls when the receipt is in the vault; an upload
 * that was begun goes on where it stood.
 */
export async function uploadEnvelope<R>(envelope: Blob, progress: (done: number, total: number) => void, digest?: string): Promise<R> {
  const keep = async (upload?: string) => {
    if (digest) await keepEnvelope({ digest, blob: envelope, keptAt: Date.now(), ...(upload ? { upload } : {}) })
  }
  const begun = (await keptEnvelopes()).find((k) => k.digest === digest)?.upload
  if (!begun) await keep()
  return sendUpload<R>(
    { blob: envelope, purpose: 'bid', id: begun, begun: keep, finish: (id) => call('POST', `/api/bids?upload=${encodeURIComponent(id)}`) },
    (p) => progress(p.state === 'finishing' ? p.total : Math.min(p.sent, p.total - 1), p.total),
  )
}
