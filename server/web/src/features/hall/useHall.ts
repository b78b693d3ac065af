/** One opening hall on the screen: its picture, its talk, what may be done, and how the line is. */
import { computed, onScopeDispose, readonly, ref, shallowRef } from 'vue'
import { asProblem, factored, type Problem } from '@/api/client'
import { syncClock, legalTime } from '@/api/clock'
import { loadEvents } from '@/api/lots'
import { apply, collect, tidy } from '@/live/hall'
import type { Action, EventView, HallSnapshot, Presence, TimeReading, Viewer } from '@/live/messages'
import { follow, newCommandId, type LineState, type Stream } from '@/live/stream'

/** public: needs no session · party: by the session's role. */
export type HallView = 'public' | 'party'

/** A snapshot that others need too is asked for at slightly different moments (ms). */
const REFRESH_SPREAD: Record<HallView, number> = { public: 1500, party: 150 }
const HISTORY_PAGE = 500
const HISTORY_PAGES = 8
/** A pushed time without a measured way is only taken when it differs by more than this (ms). */
const TIME_JUMP = 1500

export function useHall(lot: string, view: HallView) {
  const hall = shallowRef<HallSnapshot>()
  const events = shallowRef<readonly EventView[]>([])
  const viewer = shallowRef<Viewer>()
  const actions = shallowRef<readonly Action[]>([])
  const presence = shallowRef<Presence>()
  const line = ref<LineState>('connecting')
  const ended = shallowRef<Problem>()
  /** The last event that arrived while somebody was looking (not from history). */
  const latest = shallowRef<EventView>()
  let rate = 0
  let refreshTimer: ReturnType<typeof setTimeout> | undefined

  function refreshSoon(): void {
    if (refreshTimer !== undefined) return
    refreshTimer = setTimeout(() => {
      refreshTimer = undefined
      stream.refresh()
    }, Math.random() * REFRESH_SPREAD[view])
  }

  function onEvent(event: EventView): void {
    events.value = collect(events.value, event)
    latest.value = event
    if (!hall.value) return
    const { hall: next, stale } = apply(hall.value, event)
    hall.value = next
    if (stale) refreshSoon()
  }

  /** Events that are already here and newer than the snapshot are applied to it again. */
  function onSnapshot(fresh: HallSnapshot, jumped: boolean): void {
    let next = tidy(fresh)
    for (const event of events.value) next = apply(next, event).hall
    hall.value = next
    if (jumped) history.readUpTo(fresh.seq)
  }

  function onTime(reading: TimeReading, roundTrip: number): void {
    const jumped = Math.abs(Date.parse(reading.legal) - legalTime()) > TIME_JUMP
    if (roundTrip > 0 || reading.rate !== rate || jumped) syncClock(reading, roundTrip)
    rate = reading.rate
  }

  const history = loadHistory(lot, (event) => (events.value = collect(events.value, event)))
  const stream: Stream = follow(
    { path: `/api/lots/${encodeURIComponent(lot)}/hall${view === 'public' ? '?view=public' : ''}` },
    {
      hello: (v) => (viewer.value = v),
      snapshot: onSnapshot,
      event: onEvent,
      actions: (a) => (actions.value = a),
      presence: (p) => (presence.value = p),
      time: onTime,
      line: (state, problem) => {
        line.value = state
        ended.value = problem
      },
    },
  )
  const back = (): void => stream.reconnect()
  const away = (): void => stream.offline()
  window.addEventListener('online', back)
  window.addEventListener('offline', away)

  onScopeDispose(() => {
    window.removeEventListener('online', back)
    window.removeEventListener('offline', away)
    clearTimeout(refreshTimer)
    stream.close()
    history.stop()
  })

  return {
    hall: readonly(hall) as Readonly<typeof hall>, events, viewer, actions, presence, line: readonly(line), ended, latest,
    action: (command: string): Action | undefined => actions.value.find((a) => a.command === command),
    live: computed(() => line.value === 'live'),
    command: (command: string, input: unknown, id = newCommandId()) => factored(() => stream.command(command, input, id)),
    refresh: refreshSoon,
    reconsider: () => stream.reconsider(),
    reconnect: back,
  }
}

export type Hall = ReturnType<typeof useHall>

/**
 * Reads what happened before we came (or while numbers were missing), page by page. The hall works without it, so a
 * failure only leaves the talk shorter.
 */
function loadHistory(lot: string, take: (event: EventView) => void): { readUpTo(seq: number): void; stop(): void } {
  let stopped = false
  let known = 0
  const read = async (until: number): Promise<void> => {
    for (let page = 0; page < HISTORY_PAGES && known < until && !stopped; page++) {
      const { items } = await loadEvents(lot, known, HISTORY_PAGE)
      const last = items?.at(-1)
      if (stopped || !items || !last || last.seq <= known) return
      for (const event of items) take(event)
      known = last.seq
    }
  }
  return {
    readUpTo: (seq) => void read(seq).catch(() => undefined),
    stop: () => (stopped = true),
  }
}

/**
 * Sends one command of the person: busy while it is under way, the problem when it was refused. Where no answer came,
 * the next try carries the same id, so that nothing is done twice.
 */
export function useCommand(hall: Hall) {
  const busy = ref('')
  const problem = shallowRef<Problem>()
  const unanswered = new Map<string, string>()

  async function send(command: string, input: object = {}): Promise<boolean> {
    if (busy.value) return false
    busy.value = command
    problem.value = undefined
    const key = command + JSON.stringify(input)
    const id = unanswered.get(key) ?? newCommandId()
    try {
      await hall.command(command, input, id)
      unanswered.delete(key)
      return true
    } catch (cause) {
      problem.value = asProblem(cause)
      if (problem.value.code === 'web.no_ack') unanswered.set(key, id)
      else unanswered.delete(key)
      return false
    } finally {
      busy.value = ''
    }
  }
  return { busy, problem, send }
}

export type Command = ReturnType<typeof useCommand>
