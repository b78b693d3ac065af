import { describe, expect, it } from 'vitest'
import { ProblemError } from '@/api/client'
import type { EventView, HallSnapshot } from './messages'
import { follow, type LineState, type Socket, type StreamHandlers, type Timers } from './stream'

/** A socket in the hand of the test: what was sent is kept, what arrives is said by the test. */
class FakeSocket implements Socket {
  readyState = 1
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null
  readonly sent: Record<string, unknown>[] = []
  constructor(readonly path: string) {}
  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>)
  }
  close(): void {
    this.readyState = 3
  }
  say(message: unknown): void {
    ;(this.onmessage as ((e: unknown) => void) | null)?.({ data: JSON.stringify(message) })
  }
  fall(code: number): void {
    this.readyState = 3
    ;(this.onclose as ((e: unknown) => void) | null)?.({ code })
  }
  asked(): Record<string, unknown>[] {
    return this.sent.filter((m) => m['type'] !== 'ping')
  }
}

/** Time that passes when the test says so. */
class FakeTimers implements Timers {
  private at = 0
  private next = 1
  private readonly jobs = new Map<number, { due: number; run: () => void }>()
  set(run: () => void, ms: number): number {
    this.jobs.set(this.next, { due: this.at + ms, run })
    return this.next++
  }
  clear(id: number): void {
    this.jobs.delete(id)
  }
  now(): number {
    return this.at
  }
  random(): number {
    return 1
  }
  pass(ms: number): void {
    const end = this.at + ms
    for (;;) {
      const due = [...this.jobs].filter(([, j]) => j.due <= end).sort((a, b) => a[1].due - b[1].due)[0]
      if (!due) break
      this.jobs.delete(due[0])
      this.at = due[1].due
      due[1].run()
    }
    this.at = end
  }
}

const event = (seq: number): { type: 'event'; seq: number; event: EventView } => ({
  type: 'event',
  seq,
  event: { seq, id: `e${seq}`, kind: 'supervisor.remarked', label: '', at: '', recordedAt: '', commitment: '', proofState: 'recorded', text: '' },
})
const hall = (seq: number): HallSnapshot => ({
  seq, lot: { id: 'l', code: '', name: '', project: '', buyer: '' }, state: 'lobby_open', step: 1, windows: {}, bids: [], table: [], objections: [], remarks: [], pauses: [],
})
const hello = { type: 'hello', viewer: { role: 'public', class: 'public', host: false }, legal: '2026-03-02T09:00:00+08:00', real: '2026-03-02T01:00:00Z', rate: 1 }

function setUp(after = 0, more: Partial<StreamHandlers> = {}) {
  const sockets: FakeSocket[] = []
  const timers = new FakeTimers()
  const seen: number[] = []
  const snapshots: number[] = []
  const jumps: boolean[] = []
  const lines: LineState[] = []
  let id = 0
  const stream = follow(
    { path: '/api/lots/l/hall?view=public', after },
    {
      snapshot: (h, jumped) => {
        snapshots.push(h.seq)
        jumps.push(jumped)
      },
      event: (e) => seen.push(e.seq),
      line: (state) => lines.push(state),
      ...more,
    },
    (path) => {
      const socket = new FakeSocket(path)
      sockets.push(socket)
      return socket
    },
    { timers, newId: () => `c${++id}`, commandTimeout: 20_000 },
  )
  const last = (): FakeSocket => sockets.at(-1)!
  return { stream, sockets, last, timers, seen, snapshots, jumps, lines }
}

describe('follow', () => {
  it('takes the snapshot, then every event once and in order', () => {
    const t = setUp()
    t.last().say(hello)
    t.last().say({ type: 'snapshot', seq: 7, hall: hall(7) })
    for (const seq of [8, 8, 7, 9, 10, 9]) t.last().say(event(seq))
    expect(t.snapshots).toEqual([7])
    expect(t.seen).toEqual([8, 9, 10])
    expect(t.sockets[0]?.path).toBe('/api/lots/l/hall?view=public')
  })

  it('comes back at its position with growing pauses, and starts small again after a good line', () => {
    const t = setUp()
    t.last().say(hello)
    t.last().say({ type: 'snapshot', seq: 3, hall: hall(3) })
    t.last().say(event(4))
    t.last().fall(1006)
    expect(t.lines.at(-1)).toBe('broken')
    t.timers.pass(499)
    expect(t.sockets).toHaveLength(1)
    t.timers.pass(1)
    expect(t.last().path).toBe('/api/lots/l/hall?view=public&after=4')
    t.last().fall(1006)
    t.timers.pass(999)
    expect(t.sockets).toHaveLength(2)
    t.timers.pass(1)
    expect(t.sockets).toHaveLength(3)
    t.last().say(hello)
    expect(t.lines.at(-1)).toBe('live')
    t.last().fall(1012)
    t.timers.pass(500)
    expect(t.sockets).toHaveLength(4)
  })

  it('neither misses nor doubles an event over many broken lines', () => {
    const t = setUp()
    t.last().say(hello)
    t.last().say({ type: 'snapshot', seq: 1, hall: hall(1) })
    let next = 2
    for (let round = 0; round < 20; round++) {
      for (let k = 0; k <= round % 4; k++) t.last().say(event(next++))
      t.last().fall(1006)
      t.timers.pass(20_000)
      t.last().say(hello)
      for (let seq = Math.max(2, next - 3); seq < next; seq++) t.last().say(event(seq))
    }
    expect(t.seen).toEqual(Array.from({ length: next - 2 }, (_, i) => i + 2))
    expect(t.last().path).toContain(`after=${next - 1}`)
  })

  it('asks for a snapshot when a number is missing, and goes on after it', async () => {
    const t = setUp(3)
    t.last().say(hello)
    t.last().say(event(6))
    t.last().say(event(7))
    expect(t.seen).toEqual([])
    const asked = t.last().asked()
    expect(asked).toEqual([{ id: 'c1', query: 'hall' }])
    t.last().say({ type: 'ack', id: 'c1', result: { seq: 6, hall: hall(6) } })
    await Promise.resolve()
    expect(t.snapshots).toEqual([6])
    expect(t.jumps).toEqual([true])
    expect(t.seen).toEqual([7])
    expect(t.stream.position()).toBe(7)
  })

  it('refreshes without losing an event that comes before, with or after the snapshot', async () => {
    const t = setUp(3)
    t.last().say(hello)
    t.stream.refresh()
    t.stream.refresh()
    expect(t.last().asked()).toEqual([{ id: 'c1', query: 'hall' }])
    t.last().say(event(4))
    t.last().say({ type: 'ack', id: 'c1', result: { seq: 6, hall: hall(6) } })
    await Promise.resolve()
    t.last().say(event(5))
    t.last().say(event(6))
    t.last().say(event(7))
    expect(t.snapshots).toEqual([6])
    expect(t.jumps).toEqual([false])
    expect(t.seen).toEqual([4, 5, 6, 7])
    t.stream.refresh()
    expect(t.last().asked()).toHaveLength(2)
  })

  it('resolves a command by its acknowledgement and rejects it with the server\'s reason', async () => {
    const t = setUp()
    t.last().say(hello)
    const good = t.stream.command('no_objection', { digest: 'd' })
    const bad = t.stream.command('start', {})
    t.last().say({ type: 'ack', id: 'c2', problem: { status: 409, title: '', code: 'opening.not_yet', detail: '还没到时间' } })
    t.last().say({ type: 'ack', id: 'c1', result: { seq: 9 } })
    await expect(good).resolves.toEqual({ seq: 9 })
    await expect(bad).rejects.toMatchObject({ problem: { code: 'opening.not_yet' } })
  })

  it('sends an unacknowledged command again under the same id after the line is back', async () => {
    const t = setUp()
    t.last().say(hello)
    const done = t.stream.command('release_part', { digest: 'd' })
    t.last().fall(1006)
    t.timers.pass(500)
    expect(t.last().asked()).toEqual([]) // not before the hall has greeted
    t.last().say(hello)
    expect(t.last().asked()).toEqual([{ id: 'c1', command: 'release_part', input: { digest: 'd' } }])
    t.last().say({ type: 'ack', id: 'c1', result: {} })
    t.last().say({ type: 'ack', id: 'c1', result: {} })
    await expect(done).resolves.toEqual({})
  })

  it('says so when no answer comes, and does not send again afterwards', async () => {
    const t = setUp()
    const lost = t.stream.command('announce', {})
    t.timers.pass(20_001)
    await expect(lost).rejects.toBeInstanceOf(ProblemError)
    await expect(lost).rejects.toMatchObject({ problem: { code: 'web.no_ack' } })
    t.last().say(hello)
    expect(t.last().asked()).toEqual([])
  })

  it('gives up a line that is silent, and keeps one that answers', () => {
    const t = setUp()
    t.last().say(hello)
    for (let i = 0; i < 6; i++) {
      t.timers.pass(10_000)
      t.last().say({ type: 'pong', t0: t.timers.now() - 40, legal: '2026-03-02T09:00:00+08:00', real: '2026-03-02T01:00:00Z' })
    }
    expect(t.sockets).toHaveLength(1)
    // One `time` that does not come is enough: the line is called unsteady within 15 s, and opened anew.
    t.timers.pass(14_900)
    expect(t.lines.at(-1)).toBe('live')
    t.timers.pass(200)
    expect(t.lines.at(-1)).toBe('unsteady')
    t.timers.pass(1_000)
    expect(t.sockets).toHaveLength(2)
    t.last().fall(1006)
    expect(t.lines.at(-1)).toBe('broken')
    t.timers.pass(5_000)
    t.last().say(hello)
    expect(t.lines.at(-1)).toBe('live')
  })

  it('counts as broken the moment the computer is offline, and comes back when told', () => {
    const t = setUp()
    t.last().say(hello)
    t.stream.offline()
    expect(t.lines.at(-1)).toBe('broken')
    t.stream.offline()
    expect(t.lines.filter((l) => l === 'broken')).toHaveLength(1)
    t.stream.reconnect()
    t.last().say(hello)
    expect(t.lines.at(-1)).toBe('live')
    t.stream.close()
    t.stream.offline()
    expect(t.lines.at(-1)).toBe('ended')
  })

  it('measures the way to the server and back', () => {
    const trips: number[] = []
    const t = setUp(0, { time: (_, trip) => trips.push(trip) })
    t.last().say(hello)
    const ping = t.last().sent.find((m) => m['type'] === 'ping')
    t.timers.pass(80)
    t.last().say({ type: 'pong', t0: ping?.['t0'], legal: '2026-03-02T09:00:00+08:00', real: '2026-03-02T01:00:00Z' })
    expect(trips).toEqual([0, 80])
  })

  it.each([
    [4003, 'hall.not_allowed'],
    [4004, 'hall.not_found'],
    [4008, 'session.expired'],
  ])('does not come back by itself after %i', async (code, expected) => {
    const problems: (string | undefined)[] = []
    const t = setUp(0, { line: (_, p) => problems.push(p?.code) })
    t.last().say(hello)
    const open = t.stream.command('start', {})
    t.last().fall(code)
    t.timers.pass(120_000)
    expect(t.sockets).toHaveLength(1)
    expect(problems.at(-1)).toBe(expected)
    await expect(open).rejects.toMatchObject({ problem: { code: expected } })
  })

  it('lets a closed stream be: no timer, no socket, no event', () => {
    const t = setUp()
    t.last().say(hello)
    t.stream.close()
    t.last().say(event(1))
    t.timers.pass(120_000)
    expect(t.sockets).toHaveLength(1)
    expect(t.seen).toEqual([])
  })

  it('ignores what is not a message', () => {
    const t = setUp()
    ;(t.last().onmessage as unknown as (e: unknown) => void)({ data: 'not json' })
    t.last().say({ type: 'something_new', x: 1 })
    t.last().say(hello)
    expect(t.lines).toEqual(['connecting', 'live'])
  })
})
