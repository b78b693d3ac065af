/** Time as the platform shows it: Beijing time (UTC+8, no summer time), always in the same words. Pure. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const WEEKDAYS = ['周日', '周一', '周二', '周三', '周四', '周五', '周六'] as const

/** The parts of an instant on a Beijing wall clock, whatever this computer's own zone is. */
export interface BeijingParts {
  year: number
  month: number
  day: number
  weekday: string
  hour: number
  minute: number
  second: number
}

const two = (n: number): string => String(n).padStart(2, '0')

/** Splits an instant (RFC 3339 or milliseconds) into Beijing wall-clock parts. */
export function beijing(at: string | number): BeijingParts {
  const ms = typeof at === 'number' ? at : Date.parse(at)
  const d = new Date(ms + 8 * HOUR)
  return {
    year: d.getUTCFullYear(),
    month: d.getUTCMonth() + 1,
    day: d.getUTCDate(),
    weekday: WEEKDAYS[d.getUTCDay()] ?? '',
    hour: d.getUTCHours(),
    minute: d.getUTCMinutes(),
    second: d.getUTCSeconds(),
  }
}

/** `03-25 周三 09:30`; the year is put in front when it is not the year of `now`. */
export function moment(at: string | number, now?: number): string {
  const p = beijing(at)
  const year = now !== undefined && beijing(now).year !== p.year ? `${p.year}-` : ''
  return `${year}${two(p.month)}-${two(p.day)} ${p.weekday} ${two(p.hour)}:${two(p.minute)}`
}

/** The end of a day as the law says it: `03-05 周四 24:00`, not 0:00 of the next; other instants as `moment`. */
export function dueMoment(at: string | number, now?: number): string {
  const p = beijing(at)
  if (p.hour !== 0 || p.minute !== 0 || p.second !== 0) return moment(at, now)
  const ms = typeof at === 'number' ? at : Date.parse(at)
  return moment(ms - MINUTE, now).replace('23:59', '24:00')
}

/** `2026-03-25`. */
export function isoDate(at: string | number): string {
  const p = beijing(at)
  return `${p.year}-${two(p.month)}-${two(p.day)}`
}

/** `2026-03-25 周三`, from an ISO date. */
export function dateWithWeekday(date: string): string {
  return `${date} ${beijing(`${date}T00:00:00+08:00`).weekday}`
}

/** `09:30:41`. */
export function clock(at: string | number): string {
  const p = beijing(at)
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`
}

/** `03-25 周三 09:30:41`, for records. */
export function fullMoment(at: string | number): string {
  const p = beijing(at)
  return `${p.year}-${two(p.month)}-${two(p.day)} ${p.weekday} ${clock(at)}`
}

/** A length of time in at most two units: `2 天 4 小时`, `28 分 53 秒`. Seconds only under an hour. */
export function duration(ms: number): string {
  const abs = Math.max(0, Math.floor(Math.abs(ms)))
  const days = Math.floor(abs / DAY)
  const hours = Math.floor((abs % DAY) / HOUR)
  const minutes = Math.floor((abs % HOUR) / MINUTE)
  const seconds = Math.floor((abs % MINUTE) / 1000)
  if (days > 0) return hours > 0 ? `${days} 天 ${hours} 小时` : `${days} 天`
  if (hours > 0) return minutes > 0 ? `${hours} 小时 ${minutes} 分` : `${hours} 小时`
  if (minutes > 0) return `${minutes} 分 ${two(seconds)} 秒`
  return `${seconds} 秒`
}

/** `28:53` for a running countdown (`1:04:09` above an hour); `00:00` when over. */
export function countdown(ms: number): string {
  const total = Math.max(0, Math.ceil(ms / 1000))
  const h = Math.floor(total / 3600)
  const m = Math.floor((total % 3600) / 60)
  const s = total % 60
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`
}

/** `还有 2 天 4 小时`, or `已过 3 小时 12 分`. */
export function remaining(at: string | number, now: number): string {
  const ms = (typeof at === 'number' ? at : Date.parse(at)) - now
  return ms >= 0 ? `还有 ${duration(ms)}` : `已过 ${duration(ms)}`
}

/** `本机快 1.2 秒`, `本机慢 0.4 秒`, `与本机一致` under 0.05 s. */
export function offsetText(ms: number): string {
  const abs = Math.abs(ms)
  if (abs < 50) return '与本机一致'
  const length = abs < 60_000 ? `${(abs / 1000).toFixed(1)} 秒` : duration(abs)
  return `本机${ms > 0 ? '快' : '慢'} ${length}`
}

/** RFC 3339 in Beijing time for a wall-clock date and time ("2026-03-25", "09:30"). */
export function toInstant(date: string, time: string): string {
  return `${date}T${time.length === 5 ? `${time}:00` : time}+08:00`
}

/** Adds days to an ISO date. */
export function addDays(date: string, n: number): string {
  return isoDate(Date.parse(`${date}T00:00:00+08:00`) + n * DAY)
}
