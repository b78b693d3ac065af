/** The host's desk: which button is next, and who is being waited for. Pure; what is allowed is the server's word. */
import type { Action, HallBid, HallSnapshot } from '@/live/messages'

/** Commands that stand aside: they interrupt or answer, and never are the next step. */
const ASIDE = new Set(['pause', 'resume', 'postpone', 'answer_objection', 'decide_bid', 'remark', 'reconvene', 'raise_objection', 'no_objection', 'review', 'schedule_second', 'cancel_second'])
/** Shown in their own place beside what they are about. */
const IN_PLACE = new Set(['answer_objection', 'decide_bid', 'remark', 'review', 'schedule_second', 'cancel_second'])

export interface Desk {
  /** The next step, allowed or refused with its reason. */
  next: Action | undefined
  aside: Action[]
}

/** Sorts what the server offers: the first allowed step, else the first refused one; a pause makes resuming the next step. */
export function deskOf(actions: readonly Action[]): Desk {
  const steps = actions.filter((a) => !ASIDE.has(a.command))
  const resume = actions.find((a) => a.command === 'resume' && a.allowed)
  const reconvene = actions.find((a) => a.command === 'reconvene')
  const next = resume ?? steps.find((a) => a.allowed) ?? steps[0] ?? reconvene
  const aside = actions.filter((a) => ASIDE.has(a.command) && !IN_PLACE.has(a.command) && a !== next && a.allowed)
  return { next, aside }
}

export interface Waiting {
  title: string
  items: { name: string; note: string; urgent: boolean }[]
}

type Rule = (hall: HallSnapshot) => Waiting | undefined

const name = (b: HallBid): string => b.organisation ?? `截止记录第 ${b.no} 行`
const took = (hall: HallSnapshot): HallBid[] => hall.bids.filter((b) => !b.outcome || b.outcome === 'opened')
const items = (bids: readonly HallBid[], note = ''): Waiting['items'] => bids.map((b) => ({ name: name(b), note, urgent: false }))

const RULES: Readonly<Record<string, Rule>> = {
  started: (hall) => some('还没有做密封检查', items(took(hall).filter((b) => !b.sealChecked))),
  decrypting: (hall) =>
    some('还没有解密', [
      ...took(hall).filter((b) => b.part.state === 'failed').map((b) => ({ name: name(b), note: `已失败 ${b.part.attempts} 次`, urgent: true })),
      ...items(took(hall).filter((b) => b.part.state === 'waiting')),
    ]),
  objection_window: (hall) =>
    some('还没有表态', items(took(hall).filter((b) => !b.noObjection && !hall.objections.some((o) => o.digest === b.digest && o.answer === undefined)))),
  record_confirming: (hall) => some('还没有签名确认', items(took(hall).filter((b) => !b.confirmed))),
}

/** Who has not done yet what the present step waits for; undefined when nobody is missing. */
export function waitingFor(hall: HallSnapshot): Waiting | undefined {
  return RULES[hall.state]?.(hall)
}

function some(title: string, list: Waiting['items']): Waiting | undefined {
  return list.length > 0 ? { title: `${title}的 ${list.length} 家`, items: list } : undefined
}

/** What the host should know at each step, in one sentence. */
export const HINTS: Readonly<Record<string, string>> = {
  scheduled: '大厅在开标前一小时自动开放。',
  lobby_open: '到投标截止时间，平台自动形成截止记录；满三家即可开始。截标前任何人都看不到递交情况。',
  started: '各投标人正在核对自己的文件是否原样在截止记录里。全部核对或到时后，即可公布名单。',
  roster_published: '请宣布投标人名单，并提醒各家准备好口令。宣布后开始解密。',
  decrypting: '各家正在自己的电脑上解密。有困难的会显示在下面，可以打电话帮助；全部完成或到时后自动关闭。',
  decrypt_closed: '平台正在打开各家文件并生成开标一览表，不需要操作。',
  imported: '开标一览表已经生成，还没有人看到报价。准备好后开始唱标。',
  announcing: '报价正逐行公布。念完后进入异议环节。',
  objection_window: '有异议的须当场答复。全部表态或到时后，请各方确认记录。',
  record_confirming: '各方正在签名确认。主持人也请签署；到时未确认的视为无异议。',
  between_sessions: '第一次开标已经结束，第二信封（报价文件）仍然密封。录入第一信封的评审结果，再通知第二次开标的时间。',
  closed: '开标已经结束，记录可以下载。',
  postponed: '开标已推迟。定好时间后通知复会；投标文件保持密封。',
  reconvened: '到复会时间后继续。',
  aborted_lt3: '投标人少于三家，依法不得开标；没有任何文件被打开。',
}
