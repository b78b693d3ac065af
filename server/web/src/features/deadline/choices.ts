/** What can be asked; the codes are those of the rule engine. */
export const KINDS = [
  { code: 'MAX', label: '最长时限', help: '最迟哪天办完' },
  { code: 'MIN', label: '最短期间', help: '最早哪天才可以' },
  { code: 'MIN_BEFORE', label: '至少提前', help: '往回算，最迟哪天提出' },
  { code: 'MAX_BEFORE', label: '至多提前', help: '往回算，最早哪天可以' },
] as const

export const UNITS = [
  { code: 'WD', label: '工作日' },
  { code: 'CD', label: '日' },
  { code: 'H', label: '小时' },
] as const

export const MODES = [
  { code: 'DATE_DIFF', label: '日期相减（多数平台，默认）' },
  { code: 'CALENDAR_STRICT', label: '届满之后（最稳妥）' },
  { code: 'HOURS', label: '满多少个 24 小时' },
  { code: 'PUBLICITY', label: '公示期（末日休息顺延）' },
] as const
