import { fileSize } from './text'

/** 还需约 3 分钟: how long something still takes, as people say it; seconds. */
export function timeLeft(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return ''
  if (seconds < 55) return `还需约 ${Math.max(5, Math.ceil(seconds / 5) * 5)} 秒`
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 60) return `还需约 ${minutes} 分钟`
  const rest = minutes % 60
  return `还需约 ${Math.floor(minutes / 60)} 小时${rest ? ` ${rest} 分钟` : ''}`
}

/** 12.0 MB / 48.0 MB，1.2 MB/秒，还需约 3 分钟 */
export function transferText(p: { sent: number; total: number; speed?: number; secondsLeft?: number }): string {
  const parts = [`${fileSize(p.sent)} / ${fileSize(p.total)}`]
  if (p.speed) parts.push(`${fileSize(Math.round(p.speed))}/秒`)
  if (p.secondsLeft !== undefined) parts.push(timeLeft(p.secondsLeft))
  return parts.filter(Boolean).join('，')
}
