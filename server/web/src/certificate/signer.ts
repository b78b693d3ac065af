/**
 * Who signs with a certificate. A page knows this interface only: whether the key lies in a file of a rehearsal or in a
 * UKey behind a program of its vendor (local-service.md) is the signer's own business.
 */
export interface Signer {
  /** The signing certificate, DER as base64url. */
  readonly certificate: string
  /** Signs tag || 00 || message: SM2 with SM3 and the user id 1234567812345678, r || s as base64url. */
  sign(tag: string, message: Uint8Array): Promise<string>
  /** Forgets the key. */
  close(): void
}

/** A key file (演练证书文件), opened in the sealer's worker; the key never comes out of it. Rejects with a SealerError. */
export async function openFile(file: Blob, passphrase: string): Promise<Signer> {
  const { Sealer } = await import('@/sealer/sealer')
  const sealer = new Sealer()
  try {
    const opened = await sealer.certificateOpen(new Uint8Array(await file.arrayBuffer()), passphrase)
    return {
      certificate: opened.certificate,
      sign: (tag, message) => sealer.certificateSign(opened.handle, tag, message),
      close: () => sealer.close(),
    }
  } catch (cause) {
    sealer.close()
    throw cause
  }
}
