import { describe, expect, it } from 'vitest'
import type { DocParams } from '@/api/lots'
import { AGREEMENT, ATTORNEY, emptyDraft, keptDraft, OTHER, pick, plainBid, restoreDraft } from './draft'
import { sampleBid } from './sample'

const params: DocParams = {
  sections: [{ name: 'qualification', label: '资格审查', required: true }, { name: 'price', label: '报价', required: true }],
  priceCeiling: '48000000.00', decryptMinutes: 5, sealCheckMinutes: 1, objectionMinutes: 1, confirmMinutes: 1, bidValidityDays: 90, withdrawnLowersCount: false, durationDays: 300, quality: '合格',
  deposit: { amount: '800000', forms: ['银行保函'] },
  form: {
    fields: [{ section: 'qualification', name: 'grade', label: '资质', kind: 'choice', required: true, options: ['一级', '二级'] }],
    attachments: [{ section: 'qualification', name: 'licence', label: '营业执照', required: true }],
    bill: { section: 'price', items: [{ code: 'a', name: '土方', unit: 'm3', quantity: '1000.5' }, { code: 'b', name: '其他', unit: '项', quantity: '1' }] },
    consortium: { maxMembers: 2 }, subcontracting: true,
  },
}
const owner = { name: '甲', uscc: '91321300MA1XTEST01', legalRepresentative: '王建国' }
const file = (name: string, text = name) => new File([text], name)

describe('a draft', () => {
  it('comes back from the vault as it was, without the files themselves', () => {
    const draft = sampleBid(params, () => 0.5)
    draft.consortium = { lead: { name: '甲', uscc: owner.uscc, share: '60' }, members: [], agreement: '' }
    const back = restoreDraft(JSON.parse(JSON.stringify(keptDraft(draft))), params)
    expect({ ...back, files: {} }).toEqual({ ...draft, files: {} })
    expect(back.files['qualification']?.[0]).toMatchObject({ role: 'licence', name: '营业执照（演练样本）.txt' })
    expect(back.files['qualification']?.[0]?.file).toBeUndefined()
  })
  it('is empty when the vault holds something else', () => expect(restoreDraft({ price: 3, files: [], consortium: null }, params)).toEqual(emptyDraft(params)))
})

describe('plainBid', () => {
  it('says what was typed and picked, by section', () => {
    const draft = { ...emptyDraft(params), price: '1,000.5', values: { qualification: { grade: '一级', gone: 'x' } }, prices: { b: '3.50' }, byAgent: true, agent: '李四' }
    draft.files = { qualification: pick(pick(pick([], 'licence', [file('执照.pdf')], false), ATTORNEY, [file('授权.pdf')], true), AGREEMENT, [file('协议.pdf')], true) }
    draft.consortium = { lead: { name: '甲', uscc: owner.uscc, share: '60' }, members: [{ name: '乙', uscc: 'x', share: '40' }], agreement: '' }
    const bid = plainBid(draft, params, owner)
    expect(bid.forms['qualification']).toEqual({ values: { grade: '一级' }, attachments: { licence: ['执照.pdf'] }, attorney: '授权.pdf', consortium: { ...draft.consortium, agreement: '协议.pdf' } })
    expect(bid.forms['price']).toMatchObject({ price: '1,000.5', durationDays: 300, bill: [{ code: 'b', unitPrice: '3.50', amount: '' }] })
    expect(bid.files).toEqual({ qualification: ['执照.pdf', '授权.pdf', '协议.pdf'], price: [] })
    expect(bid.owner.agent).toBe('李四')
  })
  it('does not count a file that must be picked again', () => {
    const draft = { ...emptyDraft(params), files: { qualification: [{ name: '执照.pdf', size: 1, role: 'licence' }] } }
    expect(plainBid(draft, params, owner).forms['qualification']).toBeUndefined()
  })
})

describe('pick', () => {
  it('numbers a name that another line has, and replaces its own', () => {
    const first = pick([], 'licence', [file('扫描.pdf')], false)
    const second = pick(first, OTHER, [file('扫描.pdf', 'other')], false)
    expect(second.map((c) => [c.role, c.name])).toEqual([['licence', '扫描.pdf'], [OTHER, '扫描 (2).pdf']])
    expect(pick(second, 'licence', [file('扫描.pdf', 'again')], false).map((c) => c.size)).toEqual([5, 5])
  })
  it('remembers the digest of the draft for the comparison', () => {
    const [chosen] = pick([{ name: 'a.pdf', size: 1, role: OTHER, digest: 'sm3:1' }], OTHER, [file('a.pdf')], false)
    expect(chosen?.digest).toBe('sm3:1')
  })
})

describe('sampleBid', () => {
  it('prices the whole bill under the ceiling and brings every paper', () => {
    const sample = sampleBid(params, () => 0)
    expect(Object.keys(sample.prices)).toEqual(['a', 'b'])
    expect(Number(sample.price)).toBeGreaterThan(40_000_000)
    expect(Number(sample.price)).toBeLessThan(48_000_000)
    expect(sample.files['qualification']?.map((c) => c.role)).toEqual(['licence'])
    expect(sample.values['qualification']?.['grade']).toBe('一级')
  })
})
