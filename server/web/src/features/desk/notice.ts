import type { LotPage } from '@/api/lots'
import { formatAmount } from '@/domain/money'
import { beijing } from '@/domain/time'

const inWords = (instant: string): string => {
  const p = beijing(instant)
  return `${p.year}年${p.month}月${p.day}日${p.hour}时${String(p.minute).padStart(2, '0')}分`
}

interface Dates {
  saleEnd: string
  bidDeadline: string
}

/** A tender notice （招标公告） from what has been filled in already; its writer goes on from there. */
export function noticeBody(page: LotPage, dates: Dates): string {
  return (page.lot.kind === 'GOV' ? procurement(page, dates) : engineering(page, dates)).join('\n\n')
}

function engineering({ lot, document }: LotPage, dates: Dates): string[] {
  const p = document?.params
  const invited = lot.method === 'invited'
  return [
    `一、招标条件\n本招标项目${lot.project.name}已批准建设${lot.approvalNumber ? `（${lot.approvalNumber}）` : ''}，招标人为${lot.buyer}${lot.agency ? `，招标代理机构为${lot.agency}` : ''}。项目已具备招标条件，现对${lot.name}${invited ? '邀请招标' : '公开招标'}。`,
    `二、招标范围\n${p?.scope || '见招标文件。'}工期${p?.durationDays ?? ''}日历天，质量要求：${p?.quality ?? ''}。${p?.priceCeiling ? `最高投标限价${formatAmount(p.priceCeiling)}元。` : ''}`,
    `三、投标人资格要求\n${p?.qualification || '见招标文件。'}${p?.form?.consortium ? `接受联合体投标，成员不超过${p.form.consortium.maxMembers}家。` : '不接受联合体投标。'}`,
    `四、招标文件的获取\n${dates.saleEnd ? `${inWords(dates.saleEnd)}以前，` : ''}在本平台直接下载，无须报名，不收费用。`,
    `五、投标文件的递交和开标\n投标截止时间和开标时间：${dates.bidDeadline ? inWords(dates.bidDeadline) : ''}。${opening(p)}`,
    `六、异议\n对招标文件有异议的，应当在投标截止时间10日前提出；对开标有异议的，应当在开标现场提出。`,
    `七、联系方式\n招标人：${lot.buyer}${lot.agency ? `\n招标代理机构：${lot.agency}` : ''}`,
  ]
}

function procurement({ lot, document }: LotPage, dates: Dates): string[] {
  const p = document?.params
  return [
    `一、项目基本情况\n项目编号：${lot.project.code}\n项目名称：${lot.project.name}\n采购计划备案号：${lot.planFiling ?? ''}\n采购方式：${lot.method === 'invited' ? '邀请招标' : '公开招标'}\n${lot.estimate ? `预算金额：${formatAmount(lot.estimate)}元\n` : ''}${p?.priceCeiling ? `最高限价：${formatAmount(p.priceCeiling)}元\n` : ''}采购需求：${p?.scope || '见采购文件。'}\n合同履行期限：${p?.durationDays ?? ''}日历天\n本项目${p?.form?.consortium ? '接受' : '不接受'}联合体投标。`,
    `二、申请人的资格要求\n${p?.qualification || '符合《中华人民共和国政府采购法》第二十二条的规定。'}`,
    `三、获取采购文件\n${dates.saleEnd ? `发布之日起至${inWords(dates.saleEnd)}，` : ''}在本平台直接下载，无须报名，售价0元。`,
    `四、提交投标文件截止时间、开标时间和地点\n${dates.bidDeadline ? inWords(dates.bidDeadline) : ''}，在本平台。${opening(p)}`,
    `五、公告期限\n自本公告发布之日起5个工作日。`,
    `六、质疑\n供应商认为采购文件使自己的权益受到损害的，可以在获取采购文件或者公告期限届满之日起7个工作日内提出质疑。`,
    `七、凡对本次采购提出询问，请按以下方式联系\n采购人：${lot.buyer}${lot.agency ? `\n采购代理机构：${lot.agency}` : ''}`,
  ]
}

function opening(p: { deposit?: { amount: string; forms: string[] } | null } | undefined): string {
  return `投标文件在本平台加密递交，不见面开标，在线解密。${p?.deposit ? `投标保证金${formatAmount(p.deposit.amount)}元，可采用${p.deposit.forms.join('、')}。` : ''}`
}
