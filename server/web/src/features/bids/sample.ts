import type { DocParams } from '@/api/lots'
import type { BidForm } from './useBid'

/** An invented bid for a rehearsal: a lawful price somewhat under the ceiling, and a small file for every required section. */
export function sampleBid(params: DocParams, random: () => number = Math.random): { form: BidForm; files: Record<string, File[]> } {
  const ceiling = Number(params.priceCeiling ?? 10_000_000)
  const price = Math.floor(ceiling * (0.9 + 0.08 * random()))
  const files = Object.fromEntries(
    params.sections.filter((s) => s.required && s.name !== 'price').map((s) => [s.name, [new File([`演练样本：${s.label}\n`.repeat(2000)], `${s.label}（演练样本）.txt`, { type: 'text/plain' })]]),
  )
  return {
    form: {
      price: String(price), durationDays: String(params.durationDays), quality: params.quality, manager: '张演练', contact: '演练联系人 0527-00000000',
      depositForm: params.deposit?.forms[0] ?? '', depositAmount: params.deposit?.amount ?? '',
    },
    files,
  }
}
