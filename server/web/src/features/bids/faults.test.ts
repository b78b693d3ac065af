import { describe, expect, it } from 'vitest'
import type { DocParams } from '@/api/lots'
import { faultsOf } from './faults'
import type { BidForm } from './useBid'

const params: DocParams = {
  sections: [{ name: 'technical', label: '技术标', required: true }, { name: 'price', label: '报价', required: true }],
  priceCeiling: '1000000.00', decryptMinutes: 30, sealCheckMinutes: 10, objectionMinutes: 5, confirmMinutes: 10, bidValidityDays: 90, withdrawnLowersCount: false, durationDays: 100, quality: '合格',
  deposit: { amount: '20000', forms: ['银行保函'] },
}
const good: BidForm = { price: '999,999.99', durationDays: '100', quality: '合格', manager: '王海', depositForm: '银行保函', depositAmount: '20000', contact: '' }
const files = { technical: [{}] }

describe('faultsOf', () => {
  it('finds nothing in a good bid', () => expect(faultsOf(good, params, files)).toEqual({}))
  it.each<[string, Partial<BidForm>, boolean]>([
    ['price', { price: '' }, true],
    ['price', { price: '0' }, true],
    ['price', { price: '1000000.01' }, false],
    ['durationDays', { durationDays: '1.5' }, true],
    ['durationDays', { durationDays: '101' }, false],
    ['quality', { quality: '优良' }, false],
    ['quality', { quality: ' ' }, true],
    ['manager', { manager: '' }, true],
    ['deposit', { depositAmount: '19999.99' }, false],
    ['deposit', { depositAmount: 'x' }, true],
  ])('%s %o', (field, change, block) => {
    const faults = faultsOf({ ...good, ...change }, params, files)
    expect(Object.keys(faults)).toEqual([field])
    expect(faults[field]?.block).toBe(block)
  })
  it('asks for the files of a required section', () => expect(faultsOf(good, params, {})['section.technical']?.block).toBe(true))
})
