import { legalTime } from '@/api/clock'
import { isoDate, addDays, toInstant } from '@/domain/time'
import type { KeyPair, Progress, SealedEnvelope, VaultBid } from '@/sealer/sealer'
import { sealer } from './vault'

/** One step of the local test, with how long it took on this machine. */
export interface TestStep {
  label: string
  ms: number
}

/**
 * 本机测试: seals an invented bid for an invented tender, takes out this machine's half of every key and checks it against
 * the sealed commitments, and signs as in the hall. Nothing leaves the machine. Rejects where this browser cannot do it.
 */
export async function testThisMachine(report: (step: TestStep) => void): Promise<void> {
  const s = sealer()
  const timed = async <T>(label: string, act: () => Promise<T>): Promise<T> => {
    const start = performance.now()
    const result = await act()
    report({ label, ms: performance.now() - start })
    return result
  }
  const keys = await timed('启动投标工具，生成密钥', () => inventKeys())
  const sealed = await timed('密封一份 4 MB 的测试文件', () => sealInvented(keys, new Blob([new Uint8Array(4 << 20)])))
  await timed('取出解密份额，与密封承诺核对', () => openParts({ bidder: keys.bidder.private, header: sealed.header }))
  await timed('用一次性密钥签名', async () => s.signOneTime(keys.oneTime.private, 'jianbiao/check_seal/v1', new TextEncoder().encode(await s.canonical({ lot: 'local-test', digest: sealed.digest }))))
}

interface InventedKeys {
  cutoff: KeyPair
  opening: KeyPair
  bidder: KeyPair
  oneTime: KeyPair
  firm: KeyPair
  legal: KeyPair
}

/** Keys of a tender and a bidder that do not exist. */
export async function inventKeys(): Promise<InventedKeys> {
  const [cutoff, opening, bidder, oneTime, firm, legal] = await sealer().generateKeys(6)
  if (!cutoff || !opening || !bidder || !oneTime || !firm || !legal) throw new Error('keys')
  return { cutoff, opening, bidder, oneTime, firm, legal }
}

/** Seals an invented bid with one file; nothing leaves the machine. */
export function sealInvented(keys: InventedKeys, blob: Blob, progress?: Progress): Promise<SealedEnvelope> {
  return sealer().sealBid(
    {
      lot: 'local-test', documentVersion: '1', cutoffKey: keys.cutoff.public, openingKey: keys.opening.public, deadline: toInstant(addDays(isoDate(legalTime()), 1), '09:30'),
      number: 1, replaces: '', oneTime: keys.oneTime.private, bidder: keys.bidder.private, firm: keys.firm.private, signatory: keys.legal.private,
      owner: { name: '本机测试', uscc: '91321300MA1XTEST00', legalRepresentative: '测试', agent: '', contact: '', capacity: 'legalRepresentative', signedAt: toInstant(isoDate(legalTime()), '09:30') },
      sections: [{ name: 'price', form: { price: '1.00' }, files: [{ name: 'test.bin', media: 'application/octet-stream', blob }] }],
    },
    progress,
  )
}

/** 解密自测 of a bid that is in the vault: every part this machine will have to release is there and right. Resolves with their number. */
export async function openParts(bid: Pick<VaultBid, 'bidder' | 'header'>): Promise<number> {
  const parts = await sealer().unwrapAll(bid.bidder, bid.header)
  for (const [section, part] of Object.entries(parts)) {
    if (!(await sealer().checkPart(bid.header, section, 'bidder', part))) throw new Error(`part ${section}`)
  }
  return Object.keys(parts).length
}
