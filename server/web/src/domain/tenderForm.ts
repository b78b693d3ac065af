/** What a bid must contain （投标文件格式）, as a tender document says it: docs/spec of the bid form, in the words of the interface. */
import type { BillItem } from './bill'

export type FieldKind = 'text' | 'amount' | 'integer' | 'date' | 'choice' | 'yesno'

export interface FormField {
  section: string
  name: string
  label: string
  kind: FieldKind
  unit?: string
  help?: string
  required: boolean
  options?: string[]
}

export interface FormAttachment {
  section: string
  name: string
  label: string
  required: boolean
  basis?: string
}

export interface FormBill {
  section: string
  items: (Omit<BillItem, 'feature'> & { feature?: string })[]
  tolerance?: string
}

export interface TenderForm {
  fields: FormField[]
  attachments: FormAttachment[]
  bill?: FormBill
  consortium?: { maxMembers: number }
  subcontracting: boolean
}

export const FIELD_KINDS: Readonly<Record<FieldKind, string>> = { text: '文字', amount: '金额', integer: '整数', date: '日期', choice: '选项', yesno: '是否' }

/** A name that no field or paper of the form has yet; people never see it. */
export function freeName(taken: readonly { name: string }[], prefix: string): string {
  const names = new Set(taken.map((x) => x.name))
  let n = taken.length + 1
  while (names.has(`${prefix}${n}`)) n++
  return `${prefix}${n}`
}

const LAW: Readonly<Record<string, readonly [string, string][]>> = {
  ENG: [
    ['营业执照', ''],
    ['企业资质证书', '中华人民共和国建筑法 第十三条'],
    ['安全生产许可证', '建筑施工企业安全生产许可证管理规定 第二条'],
    ['项目负责人注册证书和安全生产考核合格证', ''],
    ['投标保证金凭证', '招标投标法实施条例 第二十六条'],
  ],
  GOV: [
    ['营业执照或者其他组织的证明', '政府采购法实施条例 第十七条'],
    ['财务状况报告，依法缴纳税收和社会保障资金的材料', '政府采购法实施条例 第十七条'],
    ['具备履行合同所必需的设备和专业技术能力的材料', '政府采购法实施条例 第十七条'],
    ['三年内在经营活动中没有重大违法记录的声明', '政府采购法实施条例 第十七条'],
    ['中小企业声明函', '政府采购促进中小企业发展管理办法 第十一条'],
  ],
}

/** The papers that tenders of a kind usually ask for; those that the form has already are left out. */
export function usualPapers(kind: string, section: string, present: readonly FormAttachment[]): FormAttachment[] {
  const all = [...present]
  for (const [label, basis] of LAW[kind] ?? []) {
    if (present.some((a) => a.label === label)) continue
    all.push({ section, name: freeName(all, 'paper'), label, required: !/中小企业/.test(label), ...(basis ? { basis } : {}) })
  }
  return all
}
