import { describe, expect, it } from 'vitest'
import { anchorOf, billTotal } from './bidForm'

describe('billTotal', () => {
  const items = [{ code: 'a', name: '', unit: '', quantity: '0.5' }, { code: 'b', name: '', unit: '', quantity: '42350.5' }]
  it('rounds every line half up', () => expect(billTotal(items, [{ code: 'a', unitPrice: '0.01', amount: '' }, { code: 'b', unitPrice: '12.34', amount: '' }])).toBe('522605.18'))
  it('leaves out what cannot be read', () => expect(billTotal(items, [{ code: 'a', unitPrice: 'x', amount: '' }, { code: 'z', unitPrice: '1', amount: '' }])).toBe('0.00'))
})

describe('anchorOf', () => {
  it.each([
    ['price.price', 'price'], ['price.deposit.amount', 'depositAmount'], ['qualification.values.grade', 'value-qualification-grade'],
    ['technical.attachments.method', 'files-technical-method'], ['technical.files', 'files-technical'], ['technical', 'files-technical'], ['price.bill.3.unitPrice', 'bill'],
    ['qualification.consortium', 'consortium'], ['qualification.consortium.members.0.uscc', 'consortium-members-0-uscc'], ['qualification.consortium.agreement', 'agreement'],
    ['qualification.subcontracts.1.share', 'subcontracts-1-share'], ['qualification.attorney', 'attorney'], ['owner.name', 'signer'],
  ])('%s is at %s', (path, id) => expect(anchorOf(path)).toBe(id))
})
