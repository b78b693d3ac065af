import type { PlainBid } from '@/domain/bidForm'
import { change, sealer, useVault } from '@/vault/vault'

/** The private keys that sign a bid: the firm's, and that of its legal representative or agent （实施条例 第五十一条）. */
export interface Signers {
  firm: string
  signatory: string
}

/** Finds the signing keys in the open vault. An agent who has none yet gets one, which is kept. */
export async function signersOf(owner: PlainBid['owner'], byAgent: boolean): Promise<Signers | undefined> {
  const held = useVault().document.value
  const firm = held?.signing.find((k) => k.use === 'firm')
  if (!held || !firm) return undefined
  const use = byAgent ? 'agent' : 'legalRepresentative'
  const found = held.signing.find((k) => k.use === use && (!byAgent || k.name === owner.agent))
  if (found) return { firm: firm.key, signatory: found.key }
  if (!byAgent) return undefined
  const [fresh] = await sealer().generateKeys(1)
  if (!fresh) return undefined
  await change((d) => ({ ...d, signing: [...d.signing, { use, name: owner.agent, uscc: owner.uscc, key: fresh.private }] }))
  return { firm: firm.key, signatory: fresh.private }
}

/** The legal representative named in the vault. */
export function legalRepresentative(): string {
  return useVault().document.value?.signing.find((k) => k.use === 'legalRepresentative')?.name ?? ''
}
