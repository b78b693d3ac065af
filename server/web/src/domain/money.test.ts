import { describe, expect, it } from 'vitest'
import { capital, formatAmount, formatAmountsIn, formatWan, parseAmount } from './money'

describe('parseAmount', () => {
  it.each([
    ['48632100', '48632100'],
    ['48,632,100.00', '48632100.00'],
    ['48,632,100.5 元', '48632100.5'],
    ['123.40', '123.40'],
    ['007', '7'],
    ['0', '0'],
  ])('%s', (typed, plain) => expect(parseAmount(typed)).toBe(plain))

  it.each(['', '-1', '1.234', '一百', '1e5', '.5', '1.', '1234567890123456'])('refuses %s', (typed) => expect(parseAmount(typed)).toBeUndefined())
})

describe('formatAmount', () => {
  it.each([
    ['48632100', '48,632,100.00'],
    ['999', '999.00'],
    ['1000.5', '1,000.50'],
    ['abc', 'abc'],
  ])('%s', (plain, shown) => expect(formatAmount(plain)).toBe(shown))
})

describe('formatAmountsIn', () => {
  it.each([
    ['银行保函 500000 元', '银行保函 500,000.00 元'],
    ['转账 1234567.5 元', '转账 1,234,567.50 元'],
    ['保函 2026-03 500 元', '保函 2026-03 500 元'],
    ['', ''],
  ])('%s', (plain, shown) => expect(formatAmountsIn(plain)).toBe(shown))
})

describe('formatWan', () => {
  it.each([
    ['48632100.00', '4,863.21'],
    ['10000', '1'],
    ['1', '0.0001'],
    ['123456789012.34', '12,345,678.901234'],
  ])('%s', (plain, shown) => expect(formatWan(plain)).toBe(shown))
})

describe('capital', () => {
  it.each([
    ['0', '零元整'],
    ['0.05', '伍分'],
    ['0.50', '伍角整'],
    ['1', '壹元整'],
    ['10', '壹拾元整'],
    ['105', '壹佰零伍元整'],
    ['1005', '壹仟零伍元整'],
    ['10005', '壹万零伍元整'],
    ['100000', '壹拾万元整'],
    ['100500', '壹拾万零伍佰元整'],
    ['48632100', '肆仟捌佰陆拾叁万贰仟壹佰元整'],
    ['48632100.08', '肆仟捌佰陆拾叁万贰仟壹佰元零捌分'],
    ['100000000', '壹亿元整'],
    ['100010000', '壹亿零壹万元整'],
    ['1000000000000', '壹万亿元整'],
    ['1234.56', '壹仟贰佰叁拾肆元伍角陆分'],
  ])('%s', (plain, words) => expect(capital(plain)).toBe(words))

  it('says nothing about what is no amount', () => expect(capital('12a')).toBeUndefined())
})
