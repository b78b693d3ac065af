import { onScopeDispose, readonly, ref, shallowRef } from 'vue'
import { call } from './client'

/** A reading of the platform's clock: legal time, real time, and how many legal seconds pass in a real one. */
export interface ClockReading {
  legal: string
  real: string
  rate: number
}

interface Base extends ClockReading {
  legalMs: number
  /** performance.now() at the moment of the reading */
  mark: number
}

const base = shallowRef<Base>()
/** This computer minus the platform's real clock, in milliseconds. */
const offset = ref<number>()
/** Legal time now, in milliseconds since 1970; ticks four times a second while somebody looks. */
const legalNow = ref(Date.now())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** Takes over a reading; `roundTrip` (ms) corrects for the way, half of it is assumed. */
export function syncClock(reading: ClockReading, roundTrip = 0): void {
  const mark = performance.now() - roundTrip / 2
  base.value = { ...reading, legalMs: Date.parse(reading.legal), mark }
  offset.value = Date.now() - roundTrip / 2 - Date.parse(reading.real)
  tick()
}

/** Asks the platform for the time. */
export async function loadClock(): Promise<void> {
  const start = performance.now()
  const reading = await call<ClockReading>('GET', '/api/time')
  syncClock(reading, performance.now() - start)
}

/** Legal time in milliseconds, computed at the moment of the call. */
export function legalTime(): number {
  const b = base.value
  return b ? b.legalMs + (performance.now() - b.mark) * b.rate : Date.now()
}

function tick(): void {
  legalNow.value = legalTime()
}

/** Reactive legal time for a component; `synced` is false until the platform has answered once. */
export function useClock() {
  watchers += 1
  timer ??= setInterval(tick, 250)
  onScopeDispose(() => {
    watchers -= 1
    if (watchers === 0 && timer) {
      clearInterval(timer)
      timer = undefined
    }
  })
  return { now: readonly(legalNow), offset: readonly(offset), base: readonly(base) }
}
