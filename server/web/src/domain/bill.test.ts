import { expect, test } from 'vitest'
import { readBill } from './bill'

test('rows copied from a spreadsheet, heads in any order, a cell over two lines', () => {
  const text = '项目名称\t计量单位\t项目编码\t工程量\t项目特征描述\n土石方工程\t\t\t\t\n挖一般土方\tm3\t010101002001\t1,250.50\t"三类土\n运距 5 km"\n'
  expect(readBill(text)).toEqual({ items: [{ code: '010101002001', name: '挖一般土方', feature: '三类土\n运距 5 km', unit: 'm3', quantity: '1250.50' }], faults: [] })
})

test('without heads: five columns, or four', () => {
  expect(readBill('1\t平板\t86 寸\t台\t24').items).toEqual([{ code: '1', name: '平板', feature: '86 寸', unit: '台', quantity: '24' }])
  expect(readBill('\uFEFF1,平板,台,24\r\n').items).toEqual([{ code: '1', name: '平板', feature: '', unit: '台', quantity: '24' }])
})

test('each fault says its line; the rest is read', () => {
  const { items, faults } = readBill('编码\t名称\t单位\t数量\n1\t平板\t台\t24\n1\t支架\t套\t24\n2\t线缆\t米\t很多\n3\t\t米\t1\n')
  expect(items).toHaveLength(4)
  expect(faults).toEqual(['第 3 行：项目编码“1”与第 2 行重复。', '第 4 行：数量“很多”应为大于 0 的数，最多四位小数。', '第 5 行：缺少项目名称。'])
})

test('nothing that is a bill', () => {
  expect(readBill('一段说明文字').faults).toHaveLength(1)
  expect(readBill(' ')).toEqual({ items: [], faults: [] })
})
