/** Small words for sizes and digests. Pure. */

/** `1.8 MB`, `220 KB`; file sizes as people read them (1 MB = 1,000,000 bytes). */
export function fileSize(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`
  if (bytes >= 1e3) return `${Math.round(bytes / 1e3)} KB`
  return `${bytes} 字节`
}

/** First and last eight characters of a digest, without its algorithm: `55aa55aa…55aa55aa`. */
export function shortDigest(digest: string): string {
  const hex = digest.slice(digest.indexOf(':') + 1)
  return hex.length > 16 ? `${hex.slice(0, 8)}…${hex.slice(-8)}` : hex
}
