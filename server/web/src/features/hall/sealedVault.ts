/** The bidder's vault as the hall uses it: the blob from the platform, opened and used by the sealer on this machine. */
import { call, callRaw } from '@/api/client'
import { SealerError, type PlatformKeys, type VaultBid } from '@/sealer/sealer'
import { endSealer, sealer } from './sealerOnce'
import { VaultError, type HallVault, type KeyParts, type MyBid, type VaultFailure } from './vault'

/** Codes of the sealer → reasons of a failed decryption. */
const REASONS: Readonly<Record<string, VaultFailure>> = {
  'vault.wrong_passphrase': 'wrong_passphrase',
  'vault.damaged': 'key_damaged',
  'vault.not_vault': 'key_damaged',
  'vault.contents': 'key_damaged',
  'seal.unavailable': 'browser_unsupported',
  'seal.part_mismatch': 'key_damaged',
  'seal.input': 'key_damaged',
  'seal.header': 'envelope_unreadable',
  'seal.receipt': 'envelope_unreadable',
}

export function sealedVault(): HallVault {
  let bids: readonly VaultBid[] | undefined
  let handle: number | undefined

  /** The newest envelope of the lot; none when it was withdrawn. */
  const newest = (lot: string): VaultBid | undefined => {
    const last = (bids ?? []).filter((b) => b.lot === lot).at(-1)
    return last?.header.kind === 'bid' ? last : undefined
  }
  const own = (lot: string, digest: string): VaultBid => {
    const bid = bids?.find((b) => b.lot === lot && b.digest === digest)
    if (!bid) throw new VaultError('key_missing', '本机保险箱里没有这份投标文件的私钥。')
    return bid
  }

  return {
    async unlock(passphrase, lot): Promise<MyBid[]> {
      const blob = await fetchVault()
      const opened = await guarded(async () => (await sealer()).vaultOpen(blob, passphrase))
      handle = opened.handle
      bids = opened.document.bids
      const bid = newest(lot)
      return bid ? [{ digest: bid.digest, receipt: bid.receipt, ...(bid.receipt ? { receivedAt: bid.receipt.receivedAt } : {}) }] : []
    },
    async verify(lot, digest): Promise<void> {
      const { receipt, header, size } = own(lot, digest)
      if (!receipt) return
      const keys = await platformKeys()
      await guarded(async () => (await sealer()).verifyReceipt(receipt, keys, header, digest, size))
    },
    async sign(lot, digest, command, input): Promise<string> {
      const { oneTime } = own(lot, digest)
      return guarded(async () => {
        const s = await sealer()
        const text = await s.canonical({ lot, digest, ...input })
        return s.signOneTime(oneTime, `jianbiao/${command}/v1`, new TextEncoder().encode(text))
      })
    },
    async parts(lot, digest, opens): Promise<KeyParts> {
      const { bidder, header } = own(lot, digest)
      return guarded(async () => (await sealer()).unwrapAll(bidder, header, opens))
    },
    lock(): void {
      bids = undefined
      if (handle !== undefined) void endSealer()
      handle = undefined
    },
  }
}

async function fetchVault(): Promise<Uint8Array> {
  try {
    return (await callRaw('GET', '/api/vault', { headers: { accept: 'application/octet-stream' } })).bytes
  } catch {
    throw new VaultError('network', '没能从平台取回加密的保险箱。请检查网络后再试。')
  }
}

async function platformKeys(): Promise<PlatformKeys> {
  try {
    return await call<PlatformKeys>('GET', '/api/keys')
  } catch {
    throw new VaultError('network', '没能取得平台的回执公钥。请检查网络后再试。')
  }
}

/** Takes a refusal of the sealer to the reason codes of the hall. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof SealerError) throw new VaultError(REASONS[cause.code] ?? 'other', cause.message)
    throw cause
  }
}
