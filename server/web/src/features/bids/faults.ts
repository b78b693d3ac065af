import type { DocParams } from '@/api/lots'
import { parseAmount } from '@/domain/money'
import type { BidForm } from './useBid'

/**
 * What would be flagged when the bid is read out; said while it can still be changed. `block` is what makes sealing
 * senseless; the rest is the bidder's own decision (the hall flags and never rejects).
 */
export function faultsOf(form: BidForm, params: DocParams, files: Readonly<Record<string, readonly unknown[]>>): Record<string, { text: string; block: boolean }> {
  const faults: Record<string, { text: string; block: boolean }> = {}
  const price = parseAmount(form.price)
  if (price === undefined) faults['price'] = { text: '请填写报价，单位元，最多两位小数。', block: true }
  else if (Number(price) <= 0) faults['price'] = { text: '报价应大于 0。', block: true }
  else if (params.priceCeiling && Number(price) > Number(params.priceCeiling)) faults['price'] = { text: '报价超过最高投标限价，开标时会标明。', block: false }
  const days = Number(form.durationDays)
  if (!Number.isInteger(days) || days <= 0) faults['durationDays'] = { text: '请填写工期，日历天，整数。', block: true }
  else if (days > params.durationDays) faults['durationDays'] = { text: `工期超过招标文件要求的 ${params.durationDays} 日历天，开标时会标明。`, block: false }
  if (!form.quality.trim()) faults['quality'] = { text: '请填写质量承诺。', block: true }
  else if (form.quality !== params.quality) faults['quality'] = { text: `与招标文件要求的“${params.quality}”不同，开标时会标明。`, block: false }
  if (!form.manager.trim()) faults['manager'] = { text: '请填写项目负责人。', block: true }
  if (params.deposit) {
    const paid = parseAmount(form.depositAmount)
    if (paid === undefined) faults['deposit'] = { text: '请填写保证金金额。', block: true }
    else if (Number(paid) < Number(params.deposit.amount)) faults['deposit'] = { text: '保证金低于招标文件要求，开标时会标明。', block: false }
  }
  for (const s of params.sections) {
    if (s.required && s.name !== 'price' && (files[s.name]?.length ?? 0) === 0) faults[`section.${s.name}`] = { text: `招标文件要求提交“${s.label}”，请选择文件。`, block: true }
  }
  return faults
}
