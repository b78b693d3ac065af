/** A bill of quantities （工程量清单, 分项报价表） as it comes from a spreadsheet. Pure. */

export interface BillItem {
  code: string
  name: string
  feature: string
  unit: string
  quantity: string
}

export interface ReadBill {
  items: BillItem[]
  /** What is wrong, a sentence a line; at most twenty. */
  faults: string[]
}

/** The words that heads of columns use. */
const HEADS: readonly [keyof BillItem, RegExp][] = [
  ['code', /编码|编号|序号/],
  ['name', /名称|品名|货物/],
  ['feature', /特征|规格|型号|描述|参数/],
  ['unit', /单位/],
  ['quantity', /数量|工程量/],
]
const NUMBER = /^\d{1,12}(\.\d{1,4})?$/

/** Reads rows copied from a spreadsheet (tabs) or a CSV file. With a line of heads the columns may stand in any order;
 * without one they are code, name, feature, unit, quantity, or the same without the feature. */
export const readBill = (text: string): ReadBill => readRows(split(text))

/** Reads the rows of a sheet in the same way. */
export function readRows(all: readonly (readonly string[])[]): ReadBill {
  const rows = all.filter((r) => r.some((c) => c.trim()))
  const faults: string[] = []
  const heads = rows.findIndex((r) => columnsOf(r) !== undefined)
  const columns = heads >= 0 ? columnsOf(rows[heads] ?? []) : undefined
  const seen = new Map<string, number>()
  const items: BillItem[] = []
  rows.slice(heads + 1).forEach((row, i) => {
    const line = heads + i + 2
    const item = itemOf(row, columns)
    if (!item.quantity && !item.unit) return // a heading of a part, or a sum
    const again = seen.get(item.code)
    const fault = faultOf(item) ?? (again === undefined ? undefined : `项目编码“${item.code}”与第 ${again} 行重复`)
    if (fault) faults.push(`第 ${line} 行：${fault}。`)
    else seen.set(item.code, line)
    items.push(item)
  })
  if (!items.length && rows.length) faults.push('没有读到清单项目：每行应依次是编码、名称、特征、单位、数量。')
  return { items, faults: faults.length > 20 ? [...faults.slice(0, 20), `还有 ${faults.length - 20} 处问题。`] : faults }
}

function faultOf(x: BillItem): string | undefined {
  if (!x.code) return '缺少项目编码'
  if (!x.name) return '缺少项目名称'
  if (!x.unit) return '缺少计量单位'
  if (!NUMBER.test(x.quantity) || Number(x.quantity) === 0) return `数量“${x.quantity}”应为大于 0 的数，最多四位小数`
  return undefined
}

function columnsOf(row: readonly string[]): Map<keyof BillItem, number> | undefined {
  const out = new Map<keyof BillItem, number>()
  for (const [key, words] of HEADS) {
    const at = row.findIndex((cell, i) => words.test(cell) && ![...out.values()].includes(i))
    if (at >= 0) out.set(key, at)
  }
  return out.has('name') && out.has('quantity') ? out : undefined
}

function itemOf(row: readonly string[], columns: ReadonlyMap<keyof BillItem, number> | undefined): BillItem {
  const order = row.length >= 5 ? ['code', 'name', 'feature', 'unit', 'quantity'] : ['code', 'name', 'unit', 'quantity']
  const cell = (key: keyof BillItem): string => {
    const at = columns ? columns.get(key) : order.indexOf(key)
    return at === undefined || at < 0 ? '' : (row[at] ?? '').trim()
  }
  return { code: cell('code'), name: cell('name'), feature: cell('feature'), unit: cell('unit'), quantity: cell('quantity').replaceAll(/[,\uff0c\s]/g, '') }
}

/** Cells of each row that has any; a quoted cell may hold the separator and line breaks. */
function split(text: string): string[][] {
  const rows: string[][] = []
  const separator = text.includes('\t') ? '\t' : ','
  let row: string[] = []
  let cell = ''
  let quoted = false
  const endCell = () => {
    row.push(cell)
    cell = ''
  }
  const endRow = () => {
    endCell()
    if (row.some((c) => c.trim())) rows.push(row)
    row = []
  }
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (quoted) {
      if (c !== '"') cell += c
      else if (text.charAt(i + 1) === '"') cell += text.charAt(++i)
      else quoted = false
    } else if (c === '"' && !cell) quoted = true
    else if (c === separator) endCell()
    else if (c === '\n') endRow()
    else if (c !== '\r' && c !== '\uFEFF') cell += c
  }
  endRow()
  return rows
}
