import { describe, expect, it } from 'vitest'
import type { DocParams } from '@/api/lots'
import { faultsOf } from './faults'
import { sampleBid } from './sample'

const params: DocParams = {
  sections: [{ name: 'qualification', label: '资格审查', required: true }, { name: 'technical', label: '技术标', required: true }, { name: 'price', label: '报价', required: true }],
  priceCeiling: '48000000.00', decryptMinutes: 5, sealCheckMinutes: 1, objectionMinutes: 1, confirmMinutes: 1, bidValidityDays: 90, withdrawnLowersCount: false, durationDays: 300, quality: '合格', deposit: { amount: '800000', forms: ['银行保函'] },
}

describe('sampleBid', () => {
  it.each([0, 0.5, 0.999])('is a bid without a fault (%d)', (at) => {
    const sample = sampleBid(params, () => at)
    expect(faultsOf(sample.form, params, sample.files)).toEqual({})
  })
})
