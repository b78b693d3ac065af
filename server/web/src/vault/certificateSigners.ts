import { computed, shallowRef } from 'vue'
import { sealer } from './vault'

/** As whom a certificate signs a bid: the firm (机构证书), or the person who signs for it (个人证书). */
export type SignerUse = 'firm' | 'signatory'

const opened = shallowRef<Partial<Record<SignerUse, { handle: number; name: string }>>>({})

/** The certificates that sign the next bid, by the name of their file; none: the keys of the vault sign. */
export const useSigners = () => computed(() => ({ firm: opened.value.firm?.name, signatory: opened.value.signatory?.name }))

/** Opens a certificate's file in the sealer's worker, where its key stays. Rejects with a SealerError. */
export async function takeSigner(use: SignerUse, file: File, passphrase: string): Promise<void> {
  const { handle } = await sealer().certificateOpen(new Uint8Array(await file.arrayBuffer()), passphrase)
  await dropSigner(use)
  opened.value = { ...opened.value, [use]: { handle, name: file.name } }
}

/** Forgets the key: the vault's signs again. */
export async function dropSigner(use: SignerUse): Promise<void> {
  const { [use]: gone, ...rest } = opened.value
  opened.value = rest
  if (gone) await sealer().certificateClose(gone.handle)
}

/** What the sealer needs to sign with them. */
export function signerHandles(): { firmFile?: number; signatoryFile?: number } {
  const { firm, signatory } = opened.value
  return { ...(firm ? { firmFile: firm.handle } : {}), ...(signatory ? { signatoryFile: signatory.handle } : {}) }
}
