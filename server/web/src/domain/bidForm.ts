/** What a bid must contain （投标文件格式） and what one contains: docs/spec/bid-form.md. Pure. */

import type { FormBill, TenderForm } from './tenderForm'

export type { FormAttachment, FormField, TenderForm } from './tenderForm'
export type Bill = FormBill
export type BillItem = FormBill['items'][number]

/** What a bid is checked against; a subset of the document's parameters. */
export interface Terms {
  form?: TenderForm | null
  sections: { name: string; label: string; required: boolean }[]
  priceCeiling?: string
  durationDays: number
  quality: string
  deposit?: { amount: string; forms: string[] } | null
}

export interface BillLine {
  code: string
  unitPrice: string
  amount: string
}

export interface Member {
  name: string
  uscc: string
  share: string
}

export interface Consortium {
  lead: Member
  members: Member[]
  agreement: string
}

export interface Subcontract {
  scope: string
  firm: string
  share: string
}

/** The form sealed in one section. */
export interface SectionForm {
  price?: string
  capital?: string
  durationDays?: number
  quality?: string
  manager?: string
  deposit?: { form: string; amount: string }
  values?: Record<string, string>
  attachments?: Record<string, string[]>
  bill?: BillLine[]
  consortium?: Consortium
  subcontracts?: Subcontract[]
  attorney?: string
}

/** A bid before it is sealed; files by section, by name. */
export interface PlainBid {
  owner: { name: string; uscc: string; legalRepresentative: string; agent: string }
  forms: Record<string, SectionForm>
  files: Record<string, string[]>
}

/** One thing that is missing or wrong; `block` keeps the bid from being sealed, the rest is flagged at the opening. */
export interface FormProblem {
  field: string
  code: string
  message: string
  basis?: string
  block: boolean
}

/** A line of a workbook with something wrong; line 0 is the sheet as a whole. */
export interface LineProblem {
  line: number
  column: string
  title: string
  message: string
  block: boolean
}

export interface ImportedBill {
  sheet: string
  lines: BillLine[]
  total: string
  problems: LineProblem[]
  more: number
}

/** The id on the page of what a problem's path names. */
export function anchorOf(path: string): string {
  const [section = '', kind = '', name = '', ...rest] = path.split('.')
  if (section === 'owner') return 'signer'
  switch (kind) {
    case '':
    case 'files':
      return `files-${section}`
    case 'deposit':
      return name === 'form' ? 'depositForm' : 'depositAmount'
    case 'values':
      return `value-${section}-${name}`
    case 'attachments':
      return `files-${section}-${name}`
    case 'bill':
      return 'bill'
    case 'consortium':
      return name === 'agreement' ? 'agreement' : ['consortium', name, ...rest].filter(Boolean).join('-')
    case 'subcontracts':
      return ['subcontracts', name, ...rest].filter(Boolean).join('-')
    default:
      return kind
  }
}

const scaled = (text: string, places: number): bigint => {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(places, '0').slice(0, places))
}

/** The sum of quantity × unit price in 分, each half up, over the lines that can be read; as `1234.50`. */
export function billTotal(items: readonly BillItem[], lines: readonly BillLine[]): string {
  const quantities = new Map(items.map((i) => [i.code, i.quantity]))
  let total = 0n
  for (const l of lines) {
    const quantity = quantities.get(l.code)
    if (quantity === undefined || !/^\d+(\.\d{1,2})?$/.test(l.unitPrice)) continue
    total += (scaled(quantity, 4) * scaled(l.unitPrice, 2) + 5000n) / 10000n
  }
  return `${total / 100n}.${String(total % 100n).padStart(2, '0')}`
}
