import type { Consortium, PlainBid, SectionForm, Subcontract, TenderForm, Terms } from '@/domain/bidForm'
import type { DocParams } from '@/api/lots'
import type { Json } from '@/sealer/sealer'

/** What a file is for beside the lines of the list: the agent's authorisation, the consortium's agreement, anything else. */
export const ATTORNEY = '@attorney'
export const AGREEMENT = '@agreement'
export const OTHER = ''

/** A file of a section. `file` is missing where only the draft remembers it: it must be picked again on this computer. */
export interface Chosen {
  name: string
  size: number
  /** SM3 of its bytes, once computed. */
  digest?: string
  /** The name of the attachment it belongs to, or one of the roles above. */
  role: string
  file?: File
}

/** A bid in the making: the letter and the document's form as typed, and the files. Everything but the files' bytes is kept in the vault. */
export interface Draft {
  price: string
  durationDays: string
  quality: string
  manager: string
  depositForm: string
  depositAmount: string
  contact: string
  /** By section, by name. */
  values: Record<string, Record<string, string>>
  /** Unit prices by item code. */
  prices: Record<string, string>
  consortium: Consortium | null
  subcontracts: Subcontract[]
  byAgent: boolean
  agent: string
  files: Record<string, Chosen[]>
}

/** A bill longer than this is not kept in the vault: the workbook is imported again. */
const MAX_KEPT_PRICES = 2000

export function emptyDraft(params: DocParams): Draft {
  return {
    price: '', durationDays: String(params.durationDays), quality: params.quality, manager: '', depositForm: params.deposit?.forms[0] ?? '',
    depositAmount: params.deposit?.amount ?? '', contact: '', values: {}, prices: {}, consortium: null, subcontracts: [], byAgent: false, agent: '', files: {},
  }
}

/** What the vault keeps of a draft. */
export function keptDraft(draft: Draft): Json {
  const files = Object.fromEntries(Object.entries(draft.files).map(([section, list]) => [section, list.map(({ name, size, digest, role }) => ({ name, size, role, ...(digest ? { digest } : {}) }))]))
  const prices = Object.keys(draft.prices).length > MAX_KEPT_PRICES ? {} : draft.prices
  return JSON.parse(JSON.stringify({ ...draft, prices, files })) as Json
}

/** A draft out of the vault; what it does not have, or has of another kind, is as in an empty one. */
export function restoreDraft(kept: Json | undefined, params: DocParams): Draft {
  const draft = emptyDraft(params)
  if (typeof kept !== 'object' || kept === null || Array.isArray(kept)) return draft
  for (const name of Object.keys(draft) as (keyof Draft)[]) {
    const value: unknown = (kept as Record<string, unknown>)[name]
    if (value !== undefined && (name === 'consortium' || (typeof value === typeof draft[name] && Array.isArray(value) === Array.isArray(draft[name])))) Object.assign(draft, { [name]: value })
  }
  return draft
}

export function termsOf(params: DocParams): Terms {
  return {
    form: params.form ?? null, sections: params.sections.map(({ name, label, required }) => ({ name, label, required })), durationDays: params.durationDays, quality: params.quality,
    deposit: params.deposit ?? null, ...(params.priceCeiling ? { priceCeiling: params.priceCeiling } : {}),
  }
}

const present = (list: readonly Chosen[] | undefined) => (list ?? []).filter((c) => c.file)

/** The bid as the check takes it. A file that must be picked again counts as missing. */
export function plainBid(draft: Draft, params: DocParams, owner: Omit<PlainBid['owner'], 'agent'>): PlainBid {
  const first = params.sections[0]?.name ?? ''
  const forms: Record<string, SectionForm> = {}
  for (const { name } of params.sections) {
    const form = sectionForm(draft, params.form ?? null, name, first)
    if (Object.keys(form).length > 0) forms[name] = form
  }
  const price = forms['price'] ?? {}
  forms['price'] = {
    ...price, price: draft.price, durationDays: /^\d{1,5}$/.test(draft.durationDays.trim()) ? Number(draft.durationDays) : 0, quality: draft.quality.trim(), manager: draft.manager.trim(),
    ...(params.deposit ? { deposit: { form: draft.depositForm, amount: draft.depositAmount } } : {}),
  }
  const files = Object.fromEntries(params.sections.map(({ name }) => [name, present(draft.files[name]).map((c) => c.name)]))
  return { owner: { ...owner, agent: draft.byAgent ? draft.agent.trim() || ' ' : '' }, forms, files }
}

function sectionForm(draft: Draft, form: TenderForm | null, name: string, first: string): SectionForm {
  const out: SectionForm = {}
  const values = Object.fromEntries(Object.entries(draft.values[name] ?? {}).filter(([field, v]) => v.trim() !== '' && form?.fields?.some((f) => f.section === name && f.name === field)))
  if (Object.keys(values).length > 0) out.values = values
  const attachments: Record<string, string[]> = {}
  for (const a of form?.attachments ?? []) {
    const names = present(draft.files[name]).filter((c) => c.role === a.name).map((c) => c.name)
    if (a.section === name && names.length > 0) attachments[a.name] = names
  }
  if (Object.keys(attachments).length > 0) out.attachments = attachments
  if (form?.bill?.section === name) {
    const bill = form.bill.items.filter((i) => draft.prices[i.code]?.trim()).map((i) => ({ code: i.code, unitPrice: draft.prices[i.code] ?? '', amount: '' }))
    if (bill.length > 0) out.bill = bill
  }
  if (name !== first) return out
  const named = (role: string) => present(draft.files[name]).find((c) => c.role === role)?.name ?? ''
  if (draft.consortium) out.consortium = { ...draft.consortium, agreement: named(AGREEMENT) }
  if (draft.subcontracts.length > 0) out.subcontracts = draft.subcontracts
  if (draft.byAgent && named(ATTORNEY)) out.attorney = named(ATTORNEY)
  return out
}

/** Puts newly picked files in the place of a role's; a name that another file of the section has gets a number. */
export function pick(list: readonly Chosen[], role: string, picked: readonly File[], single: boolean): Chosen[] {
  const rest = list.filter((c) => !(c.role === role && (single || picked.some((f) => f.name === c.name))))
  const taken = new Set(rest.map((c) => c.name))
  const added = (single ? picked.slice(-1) : picked).map((f) => {
    const name = freeName(f.name, taken)
    taken.add(name)
    const before = list.find((c) => c.role === role && c.name === name)
    const file = name === f.name ? f : new File([f], name, { type: f.type, lastModified: f.lastModified })
    return { name, size: f.size, role, file, ...(before?.digest && !before.file ? { digest: before.digest } : {}) }
  })
  return [...rest, ...added]
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  const dot = name.lastIndexOf('.')
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  for (let i = 2, next = name; ; i++) {
    if (!taken.has(next)) return next
    next = `${stem} (${i})${end}`
  }
}
