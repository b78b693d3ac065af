import type { LotPage } from '@/api/lots'
import { formatAmount } from '@/domain/money'
import { beijing } from '@/domain/time'

const inWords = (instant: string): string => {
  const p = beijing(instant)
  return `${p.year}年${p.month}月${p.day}日${p.hour}时${String(p.minute).padStart(2, '0')}分`
}

/** A tender notice （招标公告） from what has been filled in already; its writer goes on from there. */
export function noticeBody(page: LotPage, dates: { saleEnd: string; bidDeadline: string }): string {
  const { lot, document } = page
  const p = document?.params
  const lines = [
    `一、招标条件\n本招标项目${lot.project.name}已批准建设${lot.approvalNumber ? `(${lot.approvalNumber})` : ''}，招标人为${lot.buyer}${lot.agency ? `,招标代理机构为${lot.agency}` : ''}。项目已具备招标条件，现对${lot.name}公开招标。`,
    `二、招标范围\n${p?.scope || '见招标文件。'}工期${p?.durationDays ?? ''}日历天，质量要求：${p?.quality ?? ''}。${p?.priceCeiling ? `最高投标限价${formatAmount(p.priceCeiling)}元。` : ''}`,
    `三、投标人资格要求\n${p?.qualification || '见招标文件。'}`,
    `四、招标文件的获取\n${dates.saleEnd ? `${inWords(dates.saleEnd)}以前,` : ''}在本平台直接下载，无须报名，不收费用。`,
    `五、投标文件的递交和开标\n投标截止时间和开标时间：${dates.bidDeadline ? inWords(dates.bidDeadline) : ''}。投标文件在本平台加密递交，不见面开标，投标人在线解密。${p?.deposit ? `投标保证金${formatAmount(p.deposit.amount)}元，可采用${p.deposit.forms.join('、')}。` : ''}`,
    `六、异议\n对招标文件有异议的，应当在投标截止时间10日前提出；对开标有异议的，应当在开标现场提出。`,
    `七、联系方式\n招标人：${lot.buyer}${lot.agency ? `\n招标代理机构：${lot.agency}` : ''}`,
  ]
  return lines.join('\n\n')
}
