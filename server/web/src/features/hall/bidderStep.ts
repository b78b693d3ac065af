/**
 * What is the next right thing for a bidder in the hall. Pure: state, my bid and the vault in, one step out. Whether
 * the server would accept it is the server's word (`actions`); this only chooses what to show.
 */
import { moment } from '@/domain/time'
import type { HallBid, HallSnapshot } from '@/live/messages'
import { firstOfTwo, outOf, secondSession } from './sessions'

/** The act behind the big button. */
export type BidderAct = 'unlock' | 'check_seal' | 'report_missing' | 'release_part' | 'no_objection' | 'confirm_record' | 'download'

export interface BidderStep {
  /** done: nothing to do and all well · wait: others act · act: press the button · alarm: something is wrong. */
  tone: 'done' | 'wait' | 'act' | 'alarm'
  title: string
  text: string
  act?: BidderAct
  /** What the button says. */
  button?: string
  /** End of the window that counts here, RFC 3339. */
  until?: string
  /** The act needs the passphrase first (asked for in the same card). */
  passphrase?: boolean
}

export interface BidderFacts {
  hall: HallSnapshot
  /** Digests of my bids for this lot; undefined while the vault has not been opened here. */
  mine: readonly string[] | undefined
  /** The vault is open in this page, so no passphrase is needed. */
  open: boolean
}

type Rule = (facts: BidderFacts, bid: HallBid | undefined) => BidderStep

/** States that nothing interrupts any more. */
const FINISHED = new Set(['closed', 'aborted_lt3'])

/** The step for what is now. */
export function bidderStep(facts: BidderFacts): BidderStep {
  const { hall, mine } = facts
  if (hall.paused) return { tone: 'wait', title: '开标已暂停', text: `原因：${hall.paused.reason || '主持人未说明'}。恢复后时限顺延，请留在本页。` }
  if (hall.suspended && !FINISHED.has(hall.state)) return { tone: 'wait', title: '招标投标活动已暂停', text: `原因：${hall.suspended.reason || '见公告'}。依法恢复之前不开标，投标文件保持原状。` }
  const bid = mine ? hall.bids.find((b) => mine.includes(b.digest)) : undefined
  if (bid && outOf(hall, bid) && hall.state !== 'closed') return between(facts, bid)
  if (bid?.outcome && bid.outcome !== 'opened') {
    const lost = LOST[hall.state]?.(facts, bid)
    if (lost) return lost
  }
  const rule = RULES[hall.state]
  if (!rule) return { tone: 'wait', title: '请留在本页', text: '下一步会自动显示在这里。' }
  return rule(facts, bid)
}

/** The bid of this firm in the hall, when the vault has told us which. */
export function myBid(hall: HallSnapshot, mine: readonly string[] | undefined): HallBid | undefined {
  return mine ? hall.bids.find((b) => mine.includes(b.digest)) : undefined
}

const RULES: Readonly<Record<string, Rule>> = {
  scheduled: ({ hall }) => ({ tone: 'wait', title: '大厅还没有开放', text: '开放后本页会自动进入签到，不用刷新。', ...until(hall.lot.bidDeadline) }),
  lobby_open: lobby,
  started: sealCheck,
  roster_published: (_, bid) => ({ tone: 'wait', title: '投标人名单已公布', text: `请核对右侧名单${bid ? `(我公司是第 ${bid.no} 家)` : ''}。主持人宣布后开始解密，届时这里会出现解密按钮。` }),
  decrypting: decrypt,
  decrypt_closed: (_, bid) => released(bid, '解密时间已到，正在打开各家文件', '平台正在核对份额、打开文件并生成开标一览表。'),
  imported: (_, bid) => released(bid, '文件已导入，等待唱标', '主持人开始唱标后，各家报价会逐行显示在右侧。'),
  announcing: (_, bid) => ({ tone: 'wait', title: '正在唱标', text: bid ? '请核对表中我公司的各项内容（已标出）。有出入的，现在就可以提出异议。' : '各家报价正逐行显示。' }),
  objection_window: objection,
  record_confirming: confirm,
  between_sessions: between,
  closed: ({ hall }) => ({ tone: 'done', title: '开标结束', text: `开标记录已形成，共 ${hall.bids.length} 份投标文件。可下载存档。`, act: 'download', button: '下载开标记录(PDF)' }),
  aborted_lt3: () => ({ tone: 'done', title: '不足三家，不开标', text: '投标人少于三家，依法不得开标。投标文件没有被打开，名称也没有公开。' }),
  postponed: () => ({ tone: 'wait', title: '开标已推迟', text: '新的时间会另行公告。投标文件仍处于密封状态，没有人打开过。' }),
  reconvened: () => ({ tone: 'wait', title: '复会，等待主持人继续', text: '请留在本页，开标从中断处接着进行。' }),
}

/** From the reading out on, for a bid that did not open: only what its bidder can still do. */
const LOST: Readonly<Record<string, (facts: BidderFacts, bid: HallBid) => BidderStep | undefined>> = {
  announcing: (_, bid) => ({ tone: 'wait', title: NOT_OPENED, text: `${fate(bid)}对认定或开标有异议的，现在就可以提出，招标人当场答复。` }),
  objection_window: ({ hall }, bid) => {
    const own = hall.objections.filter((o) => o.digest === bid.digest)
    if (own.length > 0) return own.some((o) => o.answer === undefined) ? undefined : { tone: 'wait', title: NOT_OPENED, text: '您的异议已经答复（见右侧）。', ...until(hall.windows.objection?.until) }
    return { tone: 'wait', title: NOT_OPENED, text: `${fate(bid)}对认定有异议的，现在提出，招标人当场答复；没有异议不用操作。`, ...until(hall.windows.objection?.until) }
  },
  // Whoever has opened the vault may sign the record too; nobody is asked for a passphrase that did not help.
  record_confirming: ({ hall, open }, bid) => (open ? undefined : { tone: 'wait', title: NOT_OPENED, text: `${fate(bid)}各方正在确认开标记录，到时没有确认的，按招标文件视为无异议。`, ...until(hall.windows.confirm?.until) }),
}
const NOT_OPENED = '我公司的文件没有打开'
const FATES: Readonly<Record<string, string>> = { revoked: '视为撤销投标文件，', withdrawn: '视为撤回投标文件，可以要求赔偿，', undecided: '原因待招标人认定，' }
const fate = (bid: HallBid): string => `${FATES[bid.outcome ?? ''] ?? ''}原因见右侧。`

/** The first envelope is open, the second sealed （双信封）. */
function between({ hall }: BidderFacts, bid: HallBid | undefined): BidderStep {
  if (bid?.review === 'failed') return { tone: 'wait', title: '没有通过第一信封评审', text: `理由：${bid.reviewReason ?? '见评审报告'}。我公司的第二信封不再开启，报价不会公开。` }
  if (bid?.outcome && bid.outcome !== 'opened') return { tone: 'wait', title: '没有进入第二次开标', text: '我公司的第一信封没有解密，第二信封不再开启。' }
  if (!hall.secondAt) return { tone: 'wait', title: '等待第一信封评审', text: '第一次开标已经结束。第二信封（报价文件）仍然密封，第二次开标的时间会在这里显示。' }
  return { tone: 'wait', title: '等待第二次开标', text: `时间：${moment(hall.secondAt)}。请保管好保险箱和口令，届时回到本页，解密第二信封（报价文件）。`, ...until(hall.secondAt) }
}

function lobby({ hall, mine, open }: BidderFacts, bid: HallBid | undefined): BidderStep {
  if (hall.cutoff) return afterCutoff({ hall, mine, open }, bid)
  const end = until(hall.lot.bidDeadline)
  if (open && mine?.length) return { tone: 'done', title: '已准备好', text: '保险箱已打开，本标段的投标文件和回执都在。截标后这里会出现“密封检查”。', ...end }
  if (open) return { tone: 'wait', title: '保险箱里没有本标段的文件', text: '如果已用另一台电脑递交，请到“保险箱”页面恢复备份；没有投标也可以旁听。', ...end }
  return { tone: 'act', title: '先试一下口令', text: '现在打开保险箱，确认口令没记错、文件和回执都在。截标前，平台不知道您是否投标。', act: 'unlock', button: '打开我的保险箱', passphrase: true, ...end }
}

/** Cut off, not yet begun: the passphrase can be tried, and the record looked at. */
function afterCutoff({ hall, mine, open }: BidderFacts, bid: HallBid | undefined): BidderStep {
  if (secondSession(hall)) {
    const start = until(hall.secondAt)
    if (!open) return { tone: 'act', title: '第二次开标，先试一下口令', text: '大厅已开放。现在打开保险箱，确认口令没记错；主持人开始后先核对第二信封的密封。', act: 'unlock', button: '打开我的保险箱', passphrase: true, ...start }
    return { tone: 'done', title: '已准备好', text: '保险箱已打开。主持人开始后，请在这里确认第二信封密封完好。', ...start }
  }
  if (!mine) return { tone: 'act', title: '已截标，先试一下口令', text: `截止记录共 ${hall.cutoff?.count ?? 0} 份。主持人开始后先做密封检查，现在可以先打开保险箱。`, act: 'unlock', button: '打开我的保险箱', passphrase: !open }
  if (bid) return { tone: 'done', title: '已截标，我公司在记录里', text: `我公司的文件是截止记录第 ${bid.no} 行。主持人开始后，请在这里确认密封完好。` }
  if (mine.length === 0) return { tone: 'wait', title: '已截标', text: '本机保险箱里没有本标段的文件，可以旁听。' }
  return { tone: 'wait', title: '截止记录里没有找到我公司的文件', text: '请留在本页：主持人开始密封检查后，可以在这里凭回执报告缺失。' }
}

function sealCheck({ hall, mine, open }: BidderFacts, bid: HallBid | undefined): BidderStep {
  const end = until(hall.windows.sealCheck?.until)
  if (!hall.cutoff) return { tone: 'wait', title: '正在截标', text: '平台正在形成截止记录。', ...end }
  if (!mine) return { tone: 'act', title: '密封检查', text: '用口令打开保险箱，核对我公司的投标文件在截止记录里，没有被动过。', act: 'check_seal', button: '打开保险箱并做密封检查', passphrase: true, ...end }
  if (mine.length === 0) return { tone: 'wait', title: '保险箱里没有本标段的文件', text: '没有投标可以旁听；如果已递交，请到“保险箱”页面恢复备份后再来。', ...end }
  if (!bid) return { tone: 'alarm', title: '截止记录里没有我公司的文件', text: '您有平台签发的回执，但截止记录里找不到它。请立即报告：平台会停下开标，凭回执核对。', act: 'report_missing', button: '出示回执，报告缺失', passphrase: !open, ...end }
  if (bid.sealChecked) return { tone: 'wait', title: '密封完好', text: `我公司的文件是截止记录第 ${bid.no} 行，与回执一致。等待主持人公布名单。`, ...end }
  return { tone: 'act', title: '密封检查', text: `在截止记录第 ${bid.no} 行找到了我公司的文件。请核对并确认密封完好。`, act: 'check_seal', button: '核对无误，密封完好', passphrase: !open, ...end }
}

function decrypt({ hall, mine, open }: BidderFacts, bid: HallBid | undefined): BidderStep {
  const end = until(hall.windows.decrypt?.until)
  if (bid?.part.state === 'released') return { tone: 'done', title: '解密成功', text: '份额已送达并核对无误。没有人能在时限结束前看到报价；等待其他投标人。', ...end }
  if (mine && !bid) return { tone: 'wait', title: '旁听中', text: '截止记录里没有我公司的文件，不需要解密。', ...end }
  const first = { act: 'release_part', passphrase: !open, ...end } as const
  if (bid?.part.state === 'failed') return { tone: 'alarm', title: '这次没有成功，可以再试', text: '时限之内可以反复尝试，每次尝试都有记录。', button: open ? '再试一次，解密我的文件' : '输入口令，再试一次', ...first }
  const text = firstOfTwo(hall) ? '私钥在本机，只发送第一信封的解密份额；报价仍然密封。' : secondSession(hall) ? '私钥在本机，只发送第二信封（报价）的解密份额。' : '私钥在本机，只发送一段解密份额。'
  return { tone: 'act', title: '请在时限内解密', text, button: open ? '解密我的文件' : '输入口令，解密我的文件', ...first }
}

function released(bid: HallBid | undefined, title: string, text: string): BidderStep {
  if (!bid || bid.part.state === 'released') return { tone: 'wait', title, text }
  return { tone: 'alarm', title: '我公司的文件没有解密', text: '原因由平台凭证据认定，结果显示在右侧；非投标人原因的，视为撤回，可以要求赔偿。' }
}

function objection({ hall, open }: BidderFacts, bid: HallBid | undefined): BidderStep {
  const end = until(hall.windows.objection?.until)
  const mineOpen = bid ? hall.objections.filter((o) => o.digest === bid.digest) : []
  const waiting = mineOpen.find((o) => o.answer === undefined)
  if (!bid) return { tone: 'wait', title: '异议与答复', text: '投标人可以对开标提出异议，招标人当场答复。', ...end }
  if (waiting) return { tone: 'wait', title: '异议已提出，等待答复', text: '招标人须当场答复，未答复不能结束开标。', ...end }
  if (bid.noObjection) return { tone: 'done', title: '已表示无异议', text: '等待其他投标人。', ...end }
  const text = mineOpen.length > 0 ? '您的异议已经答复（见右侧）。没有别的异议，就请点“无异议”。' : '请核对唱标结果。没有异议点“无异议”；有异议现在提出，招标人当场答复。'
  return { tone: 'act', title: '对开标有异议吗', text, act: 'no_objection', button: '无异议', passphrase: !open, ...end }
}

function confirm({ hall, open }: BidderFacts, bid: HallBid | undefined): BidderStep {
  const end = until(hall.windows.confirm?.until)
  if (!bid) return { tone: 'wait', title: '各方正在确认开标记录', text: '全部确认或到时后，开标结束。', ...end }
  if (bid.confirmed) return { tone: 'done', title: '已确认开标记录', text: '签名已记入证据。等待其他单位确认。', ...end }
  if (hall.recordDigest === undefined) return { tone: 'wait', title: '正在固定开标记录', text: '记录固定之后，这里会出现签名的按钮。', ...end }
  return { tone: 'act', title: '请确认开标记录', text: '核对右侧内容后签名。到时没有确认的，按招标文件视为无异议。', act: 'confirm_record', button: '确认开标记录并签名', passphrase: !open, ...end }
}

function until(at: string | undefined): { until?: string } {
  return at === undefined ? {} : { until: at }
}
