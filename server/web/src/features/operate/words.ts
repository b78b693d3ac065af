import type { Health } from '@/api/operate'

/** What the checks of readiness are called, and what is wrong when they do not say "ok". */
export const CHECKS: Record<string, string> = { database: '数据库', disk: '磁盘空间', keys: '密钥目录', clock: '时钟' }
const WRONG: Record<string, string> = { unreachable: '连接不上', schema: '结构与程序不符', full: '空间不足', unreadable: '读不出', off: '有偏差' }

export const checkText = (answer: string): string => (answer === 'ok' ? '正常' : (WRONG[answer] ?? '不正常'))

/** "+0.12 秒", "一致" within a hundredth. */
export function offset(seconds: number): string {
  if (Math.abs(seconds) < 0.1) return '一致'
  return `${seconds > 0 ? '快' : '慢'} ${Math.abs(seconds).toFixed(1)} 秒`
}

/** The disk in words. */
export const diskText = (d: Health['disk']): string => `剩余 ${d.freeGiB} GB / 共 ${d.totalGiB} GB`
