import { legalTime } from '@/api/clock'
import { isoDate, addDays, toInstant } from '@/domain/time'
import type { VaultBid } from '@/sealer/sealer'
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
  const [cutoff, opening, bidder, oneTime, firm, legal] = await timed('启动投标工具，生成密钥', () => s.generateKeys(6))
  if (!cutoff || !opening || !bidder || !oneTime || !firm || !legal) throw new Error('keys')
  const size = 4 << 20
  const sealed = await timed('密封一份 4 MB 的测试文件', () =>
    s.sealBid({
      lot: 'local-test', documentVersion: '1', cutoffKey: cutoff.public, openingKey: opening.public,
      deadline: toInstant(addDays(isoDate(legalTime()), 1), '09:30'), number: 1, replaces: '', oneTime: oneTime.private, bidder: bidder.private, firm: firm.private, signatory: legal.private,
      owner: { name: '本机测试', uscc: '91321300MA1XTEST00', legalRepresentative: '测试', agent: '', contact: '', capacity: 'legalRepresentative', signedAt: toInstant(isoDate(legalTime()), '09:30') },
      sections: [{ name: 'price', form: { price: '1.00' }, files: [{ name: 'test.bin', media: 'application/octet-stream', blob: new Blob([new Uint8Array(size)]) }] }],
    }),
  )
  await timed('取出解密份额，与密封承诺核对', () => openParts({ bidder: bidder.private, header: sealed.header }))
  await timed('用一次性密钥签名', async () => s.signOneTime(oneTime.private, 'jianbiao/check_seal/v1', new TextEncoder().encode(await s.canonical({ lot: 'local-test', digest: sealed.digest }))))
}

/** 解密自测 of a bid that is in the vault: every part this machine will have to release is there and right. Resolves with their number. */
export async function openParts(bid: Pick<VaultBid, 'bidder' | 'header'>): Promise<number> {
  const parts = await sealer().unwrapAll(bid.bidder, bid.header)
  for (const [section, part] of Object.entries(parts)) {
    if (!(await sealer().checkPart(bid.header, section, 'bidder', part))) throw new Error(`part ${section}`)
  }
  return Object.keys(parts).length
}
