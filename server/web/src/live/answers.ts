/** What a hall's line may answer: why it ended, and the snapshot in an answer. Pure. */
import type { Problem } from '@/api/client'
import type { HallSnapshot } from './messages'

/** Close codes after which coming back by itself makes no sense, with what to tell the person. */
export const FINAL: Record<number, Problem> = {
  4003: { status: 403, title: '不能进入', code: 'hall.not_allowed', detail: '您当前的身份不能进入这个大厅。可从公开大屏查看，或切换身份后再来。' },
  4004: { status: 404, title: '没有这个大厅', code: 'hall.not_found', detail: '没有找到这个标段的开标大厅。' },
  4008: { status: 401, title: '登录已过期', code: 'session.expired', detail: '登录已过期。请重新登录，登录后会回到现在的位置。' },
}

/** No acknowledgement came in time. */
export const NO_ANSWER: Problem = {
  status: 0, title: '没有收到答复', code: 'web.no_ack',
  detail: '还没有收到平台的答复，操作可能已经生效。请看大厅里的记录；再点一次也不会重复办理。',
}
/** The hall was left before the command went out. */
export const LEFT: Problem = { status: 0, title: '已离开大厅', code: 'web.left', detail: '已离开大厅，操作没有发出。' }

/** The snapshot in the answer to a query for the hall. */
export function snapshotIn(result: unknown): HallSnapshot | undefined {
  const hall = isRecord(result) && isRecord(result['hall']) ? result['hall'] : result
  return isRecord(hall) && typeof hall['seq'] === 'number' ? (hall as unknown as HallSnapshot) : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
