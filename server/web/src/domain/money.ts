/** Amounts in 元 as decimal strings, as the server sends them. Pure; never through floating point. */

const AMOUNT = /^(\d{1,15})(?:\.(\d{1,2}))?$/

/** Takes what a person types (`1,234.5`, `1，234.50元`, full-width digits) to a plain decimal string, or undefined. */
export function parseAmount(text: string): string | undefined {
  const half = text.replace(/[\uff10-\uff19\uff0e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0))
  const plain = half.replace(/[,\uff0c\s]|元$/g, '')
  const match = AMOUNT.exec(plain)
  if (!match) return undefined
  const whole = (match[1] ?? '0').replace(/^0+(?=\d)/, '')
  return match[2] === undefined ? whole : `${whole}.${match[2]}`
}

/** `48,632,100.00`. Returns the text unchanged when it is no amount. */
export function formatAmount(amount: string): string {
  const plain = parseAmount(amount)
  if (plain === undefined) return amount
  const [whole = '0', fraction = ''] = plain.split('.')
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${fraction.padEnd(2, '0')}`
}

/** Every plain amount before 元 in a sentence, with thousands separators: `银行保函 500,000.00 元`. */
export const formatAmountsIn = (text: string): string => text.replace(/\d{4,}(?:\.\d{1,2})?(?=\s*元)/g, formatAmount)

/** In 万元 with thousands separators, cut to the shortest exact form of at most six decimals: `4,863.21`. */
export function formatWan(amount: string): string {
  const plain = parseAmount(amount)
  if (plain === undefined) return amount
  const [whole = '0', fraction = ''] = plain.split('.')
  const padded = whole.padStart(5, '0')
  const head = padded.slice(0, -4).replace(/\B(?=(\d{3})+$)/g, ',')
  const tail = (padded.slice(-4) + fraction).replace(/0+$/, '')
  return tail ? `${head}.${tail}` : head
}

const DIGITS = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'] as const
const SMALL = ['', '拾', '佰', '仟'] as const
const LARGE = ['', '万', '亿', '万亿'] as const

/** Capital amount （大写） as banks write it: `48632100` → 肆仟捌佰陆拾叁万贰仟壹佰元整. Undefined when it is no amount. */
export function capital(amount: string): string | undefined {
  const plain = parseAmount(amount)
  if (plain === undefined) return undefined
  const [whole = '0', fraction = ''] = plain.split('.')
  const cents = fraction.padEnd(2, '0')
  const jiao = Number(cents[0])
  const fen = Number(cents[1])
  const yuan = whole === '0' ? '' : `${capitalWhole(whole)}元`
  if (jiao === 0 && fen === 0) return yuan ? `${yuan}整` : '零元整'
  let tail = ''
  if (jiao > 0) tail += `${DIGITS[jiao]}角`
  else if (yuan) tail += '零'
  tail += fen > 0 ? `${DIGITS[fen]}分` : '整'
  return yuan + tail
}

function capitalWhole(whole: string): string {
  const groups: string[] = []
  for (let end = whole.length; end > 0; end -= 4) groups.unshift(whole.slice(Math.max(0, end - 4), end))
  let text = ''
  let gap = false
  groups.forEach((group, i) => {
    const value = Number(group)
    const unit = LARGE[groups.length - 1 - i] ?? ''
    if (value === 0) {
      gap = true
      return
    }
    if (text && (gap || value < 1000)) text += '零'
    text += capitalGroup(value) + unit
    gap = false
  })
  return text
}

function capitalGroup(value: number): string {
  let text = ''
  let zero = false
  for (let place = 3; place >= 0; place--) {
    const digit = Math.floor(value / 10 ** place) % 10
    if (digit === 0) {
      zero = text !== ''
      continue
    }
    if (zero) text += '零'
    text += `${DIGITS[digit]}${SMALL[place]}`
    zero = false
  }
  return text
}
