import type { DocParams } from '@/api/lots'
import { billTotal, type FormField } from '@/domain/bidForm'
import { emptyDraft, OTHER, type Chosen, type Draft } from './draft'

const VALUES: Record<FormField['kind'], string> = { text: '演练样本', amount: '1000000.00', integer: '3', date: '2015-06-01', choice: '', yesno: 'no' }

/**
 * An invented bid for a rehearsal: a lawful price somewhat under the ceiling, every value and paper that the document
 * asks for, a small file for every required section, and a bill that adds up.
 */
export function sampleBid(params: DocParams, random: () => number = Math.random): Draft {
  const ceiling = Number(params.priceCeiling ?? 10_000_000)
  const target = Math.floor(ceiling * (0.9 + 0.08 * random()))
  const values: Draft['values'] = {}
  for (const f of params.form?.fields ?? []) (values[f.section] ??= {})[f.name] = f.kind === 'choice' ? (f.options?.[0] ?? '') : VALUES[f.kind]
  const bill = params.form?.bill
  const prices: Record<string, string> = {}
  for (const i of bill?.items ?? []) prices[i.code] = Math.max(0.01, Math.floor(((target / (bill?.items.length ?? 1)) / Number(i.quantity)) * 100) / 100).toFixed(2)
  const price = bill ? billTotal(bill.items, Object.entries(prices).map(([code, unitPrice]) => ({ code, unitPrice, amount: '' }))) : String(target)
  const files: Draft['files'] = {}
  for (const s of params.sections) {
    const papers = (params.form?.attachments ?? []).filter((a) => a.section === s.name && a.required)
    if (papers.length > 0) files[s.name] = papers.map((a) => paper(a.label, a.name))
    else if (s.required && s.name !== 'price') files[s.name] = [paper(s.label, OTHER)]
  }
  return { ...emptyDraft(params), price, manager: '张演练', contact: '演练联系人 0527-00000000', values, prices, files }
}

function paper(label: string, role: string): Chosen {
  const file = new File([`演练样本：${label}\n`.repeat(2000)], `${label}（演练样本）.txt`, { type: 'text/plain' })
  return { name: file.name, size: file.size, role, file }
}
