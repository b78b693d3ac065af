import { describe, expect, it } from 'vitest'
import { ProblemError } from './client'
import { sm3 } from './sm3'
import { Pace, Upload, type Transport, type UploadProgress } from './upload'
import { timeLeft, transferText } from '@/domain/transfer'

describe('sm3', () => {
  // GB/T 32905-2016, appendix A.
  it.each([
    ['abc', '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'],
    ['abcd'.repeat(16), 'debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732'],
    ['', '1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b'],
  ])('of %j', (text, want) => expect(sm3(new TextEncoder().encode(text))).toBe(`sm3:${want}`))
  it('pads at every length like the same bytes elsewhere', () => {
    const all = new Set<string>()
    for (let n = 0; n < 200; n++) all.add(sm3(new Uint8Array(n).fill(7)))
    expect(all.size).toBe(200)
    const far = new Uint8Array(300)
    far.set(new TextEncoder().encode('abc'), 100)
    expect(sm3(far.subarray(100, 103))).toContain('66c7f0f4')
  })
})

/** A server in memory whose line breaks where the test says. */
class Server implements Transport {
  bytes = new Uint8Array(0)
  ids = 0
  known = new Set<string>()
  faults: (() => void)[] = []
  clock = 0
  waits = 0
  sizes: number[] = []
  constructor(private readonly size: number) {}
  create() {
    this.fault()
    const id = `u${++this.ids}`
    this.known.add(id)
    this.bytes = new Uint8Array(0)
    return Promise.resolve({ id, chunk: 4 * 1024 * 1024 })
  }
  async patch(id: string, offset: number, digest: string, body: Blob, moved: (n: number) => void) {
    moved(1)
    this.clock += 1000
    this.fault()
    if (!this.known.has(id)) return refused(404, 'upload.unknown')
    if (offset !== this.bytes.length) return { ...refused(409, 'upload.offset'), offset: this.bytes.length }
    const raw = new Uint8Array(await body.arrayBuffer())
    if (sm3(raw) !== digest) return refused(422, 'upload.digest_mismatch')
    this.sizes.push(raw.length)
    this.bytes = Uint8Array.from([...this.bytes, ...raw])
    return { status: 204, offset: this.bytes.length, problem: undefined }
  }
  head(id: string) {
    if (!this.known.has(id)) return Promise.resolve({ status: 404, offset: undefined, problem: undefined })
    return Promise.resolve({ status: 200, offset: this.bytes.length, problem: undefined })
  }
  wait() {
    this.waits++
    return Promise.resolve()
  }
  now() {
    return this.clock
  }
  fault() {
    this.faults.shift()?.()
  }
  complete() {
    return this.bytes.length === this.size
  }
}
const refused = (status: number, code: string) => ({ status, offset: undefined, problem: { status, title: '', code, detail: '不行。' } })
const offline = () => {
  throw new ProblemError({ status: 0, title: '', code: 'web.offline', detail: '断了。' })
}
const blob = (n: number) => new Blob([Uint8Array.from({ length: n }, (_, i) => i % 251)])
const nothing = () => undefined
const bytesOf = async (n: number) => new Uint8Array(await blob(n).arrayBuffer())
const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((x, i) => x === b[i])

describe('Upload', () => {
  it('sends every byte and finishes', async () => {
    const server = new Server(700_000)
    const states: UploadProgress[] = []
    const upload = new Upload({ blob: blob(700_000), purpose: 'bid', progress: (p) => states.push(p), finish: (id) => Promise.resolve(`receipt ${id}`) }, server)
    await expect(upload.run()).resolves.toBe('receipt u1')
    expect(same(server.bytes, await bytesOf(700_000))).toBe(true)
    expect(states.at(-1)?.state).toBe('finishing')
  })

  it('goes on when the line breaks at every request', async () => {
    const server = new Server(3_000_000)
    server.faults = Array.from({ length: 30 }, (_, i) => (i % 2 ? nothing : offline))
    const states: UploadProgress[] = []
    await new Upload({ blob: blob(3_000_000), purpose: 'bid', progress: (p) => states.push(p), finish: () => Promise.resolve(1) }, server).run()
    expect(server.complete()).toBe(true)
    expect(server.ids).toBe(1)
    expect(states.some((p) => p.state === 'waiting' && (p.retryIn ?? 0) > 0)).toBe(true)
  })

  it('goes on with an upload that was begun before, and with what another tab has sent', async () => {
    const server = new Server(900_000)
    server.known.add('old')
    server.bytes = new Uint8Array(await blob(900_000).arrayBuffer()).slice(0, 300_000)
    let once = true
    server.faults = [() => {
      if (once) server.bytes = Uint8Array.from([...server.bytes, 300_000 % 251]) // one byte came by another tab
      once = false
    }]
    await new Upload({ blob: blob(900_000), purpose: 'bid', id: 'old', progress: nothing, finish: () => Promise.resolve(1) }, server).run()
    expect(same(server.bytes, await bytesOf(900_000))).toBe(true)
    expect(server.ids).toBe(0)
  })

  it('begins anew once when the server no longer has it', async () => {
    const server = new Server(10)
    const begun: string[] = []
    await new Upload({ blob: blob(10), purpose: 'bid', id: 'swept', begun: (id) => void begun.push(id), progress: nothing, finish: () => Promise.resolve(1) }, server).run()
    expect(begun).toEqual(['u1'])
  })

  it('stops at a refusal, and after ten tries in a row', async () => {
    const late = new Server(10)
    late.faults = [nothing, () => { throw new ProblemError({ status: 412, title: '', code: 'bid.late', detail: '截止了。' }) }]
    await expect(new Upload({ blob: blob(10), purpose: 'bid', progress: nothing, finish: () => Promise.resolve(1) }, late).run()).rejects.toThrow('截止了。')
    const dead = new Server(10)
    dead.faults = Array.from({ length: 50 }, () => offline)
    await expect(new Upload({ blob: blob(10), purpose: 'bid', progress: nothing, finish: () => Promise.resolve(1) }, dead).run()).rejects.toMatchObject({ problem: { code: 'web.offline' } })
    expect(dead.faults.length).toBe(40)
  })

  it('asks again for an answer that was lost', async () => {
    const server = new Server(10)
    let tries = 0
    const finish = () => (++tries < 3 ? Promise.reject(new ProblemError({ status: 503, title: '', code: 'server.database', detail: '' })) : Promise.resolve('receipt'))
    await expect(new Upload({ blob: blob(10), purpose: 'bid', progress: nothing, finish }, server).run()).resolves.toBe('receipt')
  })

  it('pauses and goes on', async () => {
    const server = new Server(2_000_000)
    let paused = 0
    const upload: Upload<number> = new Upload<number>({ blob: blob(2_000_000), purpose: 'bid', progress: (p) => { if (p.state === 'paused') paused++ }, finish: () => Promise.resolve(1) }, server)
    server.faults = [nothing, () => { upload.pause(); offline() }]
    const ended = upload.run()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([paused, server.complete()]).toEqual([1, false])
    upload.resume()
    await ended
    expect(server.complete()).toBe(true)
  })

  it('takes larger chunks on a fast line and small ones on a slow one', async () => {
    const fast = new Server(20_000_000)
    fast.patch = (_id, offset, _digest, body) => { fast.clock += 10; fast.sizes.push(body.size); return Promise.resolve({ status: 204, offset: offset + body.size, problem: undefined }) }
    await new Upload({ blob: blob(20_000_000), purpose: 'bid', progress: nothing, finish: () => Promise.resolve(1) }, fast).run()
    expect(Math.max(...fast.sizes)).toBe(8 * 1024 * 1024)
    const slow = new Server(3_000_000)
    slow.patch = (_id, offset, _digest, body) => { slow.clock += 60_000; slow.sizes.push(body.size); return Promise.resolve({ status: 204, offset: offset + body.size, problem: undefined }) }
    await new Upload({ blob: blob(3_000_000), purpose: 'bid', progress: nothing, finish: () => Promise.resolve(1) }, slow).run()
    expect(slow.sizes.at(2)).toBe(256 * 1024)
  })
})

describe('words', () => {
  it.each([[3, '还需约 5 秒'], [42, '还需约 45 秒'], [130, '还需约 3 分钟'], [3600, '还需约 1 小时'], [5400, '还需约 1 小时 30 分钟'], [Infinity, '']])('%s seconds', (s, want) => expect(timeLeft(s)).toBe(want))
  it('says bytes, speed and time', () => expect(transferText({ sent: 12e6, total: 48e6, speed: 1.2e6, secondsLeft: 30 })).toBe('12.0 MB / 48.0 MB，1.2 MB/秒，还需约 30 秒'))
  it('measures the last ten seconds', () => {
    const pace = new Pace()
    for (let s = 0; s <= 30; s++) pace.add(s * 1000, s < 15 ? s * 10 : 150 + (s - 15) * 1000)
    expect(pace.speed()).toBe(1000)
  })
})
