import { call, callRaw } from './client'

/** The blob as the platform stores it, and the tag that the next save must name. */
export interface StoredVault {
  bytes: Uint8Array<ArrayBuffer>
  etag: string | undefined
}

/** Every bidder has a blob from the start; random bytes until the first save. */
export async function loadVaultBlob(): Promise<StoredVault> {
  const { bytes, etag } = await callRaw('GET', '/api/vault', { headers: { accept: 'application/octet-stream, application/problem+json' } })
  return { bytes, etag }
}

/** Stores the blob in the place of the one that was read; 412 vault.changed when another computer was first. */
export async function saveVaultBlob(bytes: Uint8Array<ArrayBuffer>, etag: string | undefined): Promise<string | undefined> {
  const answer = await callRaw('PUT', '/api/vault', { raw: bytes, ...(etag ? { headers: { 'if-match': etag } } : {}) })
  return answer.etag
}

/** Registers the firm's signing key （单位签名公钥）, public half; the same key twice is no error. */
export const registerFirmKey = (publicKey: string): Promise<void> => call('POST', '/api/firm-key', { body: { publicKey } })
