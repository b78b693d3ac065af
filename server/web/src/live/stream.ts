/**
 * The hall's websocket with a position. It keeps the last seq, comes back at `?after=<seq>` with growing, jittered
 * pauses, ignores what it has seen, asks for a snapshot when a number is missing, and sends a command again with the
 * same id until the server has acknowledged it. The socket and the timers are parameters, so tests need no server.
 */
import { ProblemError, type Problem } from '@/api/client'
import { FINAL, LEFT, NO_ANSWER, snapshotIn } from './answers'
import type { Action, EventView, HallSnapshot, Presence, ServerMessage, TimeReading, Viewer } from './messages'

/** The part of WebSocket that is used here. */
export interface Socket {
  readonly readyState: number
  onopen: ((this: never, event: never) => void) | null
  onmessage: ((this: never, event: never) => void) | null
  onclose: ((this: never, event: never) => void) | null
  onerror: ((this: never, event: never) => void) | null
  send(data: string): void
  close(code?: number, reason?: string): void
}

/**
 * connecting: first try · live: in the hall · unsteady: gone silent, being opened anew · broken: coming back by itself ·
 * ended: will not come back by itself.
 */
export type LineState = 'connecting' | 'live' | 'unsteady' | 'broken' | 'ended'

export interface StreamHandlers {
  hello?(viewer: Viewer): void
  /** `jumped`: events up to it do not come over this line (the first snapshot, or one after a missing number). */
  snapshot(hall: HallSnapshot, jumped: boolean): void
  event(event: EventView): void
  actions?(actions: Action[]): void
  presence?(presence: Presence): void
  /** A reading of the platform's clock with the way there and back, in milliseconds. */
  time?(reading: TimeReading, roundTrip: number): void
  /** The line's state; `problem` says why it ended. */
  line?(state: LineState, problem?: Problem): void
}

export interface StreamFrom {
  /** Address without the position, e.g. `/api/lots/x/hall?view=public`. */
  path: string
  /** Last seq already known; 0 asks for a snapshot. */
  after?: number
}

export interface Timers {
  set(run: () => void, ms: number): number
  clear(id: number): void
  now(): number
  random(): number
}

export interface StreamOptions {
  timers?: Timers
  newId?: () => string
  /** How long a command waits for its acknowledgement, in milliseconds. */
  commandTimeout?: number
}

export interface Stream {
  /** Sends a command; resolves with the server's result, rejects with a ProblemError. The same id is never done twice. */
  command(command: string, input: unknown, id?: string): Promise<unknown>
  /** Asks for a fresh snapshot; it arrives through the handlers. */
  refresh(): void
  /** Asks what may be done now: time alone may have allowed it. It arrives through the handlers. */
  reconsider(): void
  /** Comes back at once instead of waiting (the network has returned, the person pressed 重连). */
  reconnect(): void
  /** The computer says that it has no network: the line counts as broken at once. */
  offline(): void
  /** Ends for good. */
  close(): void
  /** The last seq that the handlers have seen. */
  position(): number
}

interface Waiting {
  id: string
  message: string
  resolve(value: unknown): void
  reject(cause: unknown): void
  timer: number
}

const FIRST_PAUSE = 500
const LONGEST_PAUSE = 15_000
const PING_EVERY = 10_000
/** The server tells its time every ten seconds; a line that says nothing for longer (ms) is not trusted any more. */
const SILENT_FOR = 15_000
const BUFFER_LIMIT = 2000
const OPEN = 1

const browserTimers: Timers = {
  set: (run, ms) => setTimeout(run, ms) as unknown as number,
  clear: (id) => clearTimeout(id),
  now: () => performance.now(),
  random: () => Math.random(),
}

/** A random id for a command, also where crypto.randomUUID is not offered. */
export function newCommandId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

/** Address of the socket for a path on this origin. */
export function socketUrl(path: string): string {
  const base = location.origin.replace(/^http/, 'ws')
  return base + path
}

/** Follows a hall from a position. See the head of this file. */
export function follow(
  from: StreamFrom,
  handlers: StreamHandlers,
  open: (path: string) => Socket = (path) => new WebSocket(socketUrl(path)) as unknown as Socket,
  options: StreamOptions = {},
): Stream {
  return new Follower(from, handlers, open, options).start()
}

class Follower implements Stream {
  private socket: Socket | undefined
  private seq: number
  private failures = 0
  private greeted = false
  private ended = false
  private rate = 1
  private farewell = ''
  private retry: number | undefined
  private ping: number | undefined
  private silence: number | undefined
  /** Set while a snapshot was asked for because a number was missing; what arrives meanwhile waits here. */
  private gap: { id: string; held: EventView[] } | undefined
  private asking = false
  private readonly waiting = new Map<string, Waiting>()
  private readonly timers: Timers
  private readonly newId: () => string
  private readonly patience: number

  constructor(
    private readonly from: StreamFrom,
    private readonly handlers: StreamHandlers,
    private readonly open: (path: string) => Socket,
    options: StreamOptions,
  ) {
    this.seq = from.after ?? 0
    this.timers = options.timers ?? browserTimers
    this.newId = options.newId ?? newCommandId
    this.patience = options.commandTimeout ?? 20_000
  }

  start(): Stream {
    this.handlers.line?.('connecting')
    this.connect()
    return this
  }

  position(): number {
    return this.seq
  }

  command(command: string, input: unknown, id = this.newId()): Promise<unknown> {
    return this.ask(id, { id, command, input })
  }

  refresh(): void {
    if (this.gap || this.asking) return
    this.asking = true
    const id = this.newId()
    this.ask(id, { id, query: 'hall' }).then(
      (result) => {
        this.asking = false
        const hall = snapshotIn(result)
        // Inside a gap another snapshot is on its way.
        if (hall && !this.gap) this.handlers.snapshot(hall, false)
      },
      () => (this.asking = false),
    )
  }

  reconsider(): void {
    const id = this.newId()
    this.ask(id, { id, query: 'actions' }).catch(() => undefined) // the next event brings them too
  }

  reconnect(): void {
    if (this.ended || this.greeted) return
    this.clearRetry()
    this.drop(true)
    this.connect()
  }

  offline(): void {
    if (this.socket) this.drop()
  }

  close(): void {
    this.finish(LEFT)
    this.drop(true)
  }

  private connect(): void {
    if (this.ended) return
    const joint = this.from.path.includes('?') ? '&' : '?'
    const path = this.seq > 0 ? `${this.from.path}${joint}after=${this.seq}` : this.from.path
    const socket = this.open(path)
    this.socket = socket
    this.greeted = false
    socket.onmessage = (event: never) => {
      if (socket === this.socket) this.receive((event as { data: string }).data)
    }
    socket.onclose = (event: never) => {
      if (socket === this.socket) this.lost((event as { code: number }).code)
    }
    socket.onerror = null
    this.schedulePing()
    this.listen()
  }

  private receive(data: string): void {
    this.listen()
    let message: ServerMessage
    try {
      message = JSON.parse(data) as ServerMessage
    } catch {
      return // not for us; the next one will be
    }
    this.handle(message)
  }

  private handle(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.rate = message.rate
        this.handlers.time?.(message, 0)
        this.handlers.hello?.(message.viewer)
        return this.settled()
      case 'snapshot':
        this.gap = undefined
        this.seq = message.seq
        return this.handlers.snapshot({ ...message.hall, seq: message.seq }, true)
      case 'event':
        return this.take({ ...message.event, seq: message.seq })
      case 'ack':
        return this.acknowledged(message.id, message.result, message.problem)
      case 'actions':
        return this.handlers.actions?.(message.actions)
      case 'presence':
        return this.handlers.presence?.(message)
      case 'time':
        this.rate = message.rate
        return this.handlers.time?.(message, 0)
      case 'pong':
        return this.handlers.time?.({ legal: message.legal, real: message.real, rate: this.rate }, Math.max(0, this.timers.now() - message.t0))
      case 'goodbye':
        this.farewell = message.detail
        return // the close code that follows decides
    }
  }

  /** In the hall: the line is good, what was not acknowledged goes out once more under its old id. */
  private settled(): void {
    this.greeted = true
    this.failures = 0
    this.handlers.line?.('live')
    this.sendPing()
    for (const waiting of this.waiting.values()) this.transmit(waiting.message)
  }

  private take(event: EventView): void {
    if (event.seq <= this.seq) return
    if (this.gap) {
      if (this.gap.held.length < BUFFER_LIMIT) this.gap.held.push(event)
      return
    }
    if (event.seq !== this.seq + 1) return this.bridge(event)
    this.seq = event.seq
    this.handlers.event(event)
  }

  /** A number is missing: a snapshot takes its place, and what arrives meanwhile waits. */
  private bridge(first: EventView): void {
    const id = this.newId()
    const gap = { id, held: [first] }
    this.gap = gap
    const over = (result: unknown): void => {
      if (this.gap !== gap) return
      this.gap = undefined
      const hall = snapshotIn(result)
      if (!hall || hall.seq < this.seq) return this.drop() // no snapshot: start over, the position makes that safe
      this.seq = hall.seq
      this.handlers.snapshot(hall, true)
      for (const event of gap.held) this.take(event)
    }
    this.ask(id, { id, query: 'hall' }).then(over, () => over(undefined))
  }

  private ask(id: string, message: unknown): Promise<unknown> {
    if (this.ended) return Promise.reject(new ProblemError(LEFT))
    return new Promise((resolve, reject) => {
      const timer = this.timers.set(() => {
        this.waiting.delete(id)
        reject(new ProblemError(NO_ANSWER))
      }, this.patience)
      const text = JSON.stringify(message)
      this.waiting.set(id, { id, message: text, resolve, reject, timer })
      if (this.greeted) this.transmit(text)
    })
  }

  private acknowledged(id: string, result: unknown, problem: Problem | undefined): void {
    const waiting = this.waiting.get(id)
    if (!waiting) return
    this.waiting.delete(id)
    this.timers.clear(waiting.timer)
    if (problem) waiting.reject(new ProblemError(problem))
    else waiting.resolve(result)
  }

  private transmit(text: string): void {
    if (this.socket?.readyState === OPEN) this.socket.send(text)
  }

  private schedulePing(): void {
    if (this.ping !== undefined) this.timers.clear(this.ping)
    this.ping = this.timers.set(() => {
      if (this.greeted) this.sendPing()
      this.schedulePing()
    }, PING_EVERY)
  }

  /** Something was heard (or the line is new): from here on silence counts. */
  private listen(): void {
    if (this.silence !== undefined) this.timers.clear(this.silence)
    this.silence = this.timers.set(() => {
      this.detach()
      this.lost(1006, 'unsteady')
    }, SILENT_FOR)
  }

  private stopTimers(): void {
    for (const timer of [this.ping, this.silence]) if (timer !== undefined) this.timers.clear(timer)
  }

  private sendPing(): void {
    this.transmit(JSON.stringify({ type: 'ping', t0: this.timers.now() }))
  }

  /** Gives up the present socket; unless told otherwise the loss is handled as if the line had broken. */
  private drop(quiet = false): void {
    this.detach()
    if (!quiet) this.lost(1006)
  }

  private detach(): void {
    const socket = this.socket
    this.socket = undefined
    if (socket) {
      socket.onclose = null
      socket.onmessage = null
      socket.close()
    }
  }

  private lost(code: number, state: LineState = 'broken'): void {
    this.socket = undefined
    this.greeted = false
    this.gap = undefined
    this.stopTimers()
    if (this.ended) return
    const final = FINAL[code]
    if (final) return this.finish(this.farewell ? { ...final, detail: this.farewell } : final)
    this.farewell = ''
    this.handlers.line?.(state)
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures)
    this.failures += 1
    this.clearRetry()
    this.retry = this.timers.set(() => this.connect(), pause * (0.5 + this.timers.random() / 2))
  }

  private finish(problem: Problem): void {
    if (this.ended) return
    this.ended = true
    this.clearRetry()
    this.stopTimers()
    for (const waiting of this.waiting.values()) {
      this.timers.clear(waiting.timer)
      waiting.reject(new ProblemError(problem))
    }
    this.waiting.clear()
    this.handlers.line?.('ended', problem)
  }

  private clearRetry(): void {
    if (this.retry !== undefined) this.timers.clear(this.retry)
    this.retry = undefined
  }
}
