import { shallowRef } from 'vue'
import { call, ProblemError, type Problem } from './client'
import { sm3 } from './sm3'

/** How an upload stands; bytes and seconds. */
export interface UploadProgress {
  state: 'sending' | 'paused' | 'waiting' | 'finishing'
  sent: number
  total: number
  /** Bytes a second, over the last seconds; undefined before it is known. */
  speed?: number
  secondsLeft?: number
  /** In `waiting`: seconds until the next try. */
  retryIn?: number
}

/** The upload that this tab is busy with: for a progress bar with a pause. */
export interface Sending {
  progress: UploadProgress
  pause(): void
  resume(): void
}

const current = shallowRef<Sending>()

/** What is being sent, or undefined. */
export const useSending = () => current

/** Sends a file and shows how far it is (UploadBar) until it is done or given up. */
export async function sendUpload<T>(options: Omit<UploadOptions<T>, 'progress'>, progress?: (p: UploadProgress) => void): Promise<T> {
  const upload: Upload<T> = new Upload<T>({
    ...options,
    progress: (p) => {
      current.value = { progress: p, pause: () => upload.pause(), resume: () => upload.resume() }
      progress?.(p)
    },
  })
  try {
    return await upload.run()
  } finally {
    current.value = undefined
  }
}

/** What one answer of the server says. */
interface Answer {
  status: number
  offset: number | undefined
  problem: Problem | undefined
}

/** How requests reach the server; tests put their own in its place. */
export interface Transport {
  create(size: number, purpose: string): Promise<{ id: string; chunk: number }>
  patch(id: string, offset: number, digest: string, body: Blob, moved: (bytes: number) => void, signal: AbortSignal): Promise<Answer>
  head(id: string, signal: AbortSignal): Promise<Answer>
  wait(ms: number, signal: AbortSignal): Promise<void>
  now(): number
}

export interface UploadOptions<T> {
  blob: Blob
  purpose: 'bid' | 'file'
  /** The id of an upload begun before; it goes on where it stood. */
  id?: string | undefined
  /** Told the id as soon as there is one, so that it can be kept. */
  begun?: (id: string) => void | Promise<void>
  progress: (p: UploadProgress) => void
  /** Says what the uploaded file is for; asked again after a lost answer. */
  finish: (id: string) => Promise<T>
}

const LEAST = 256 * 1024
const MOST = 8 * 1024 * 1024
/** A chunk should take about so long, in milliseconds: what a break costs at most. */
const CHUNK_TIME = 4000
/** Tries in a row without a byte before the page asks its person. */
const TRIES = 10

/** One file on its way: in chunks with digests, with retries, to be paused and gone on with. */
export class Upload<T> {
  private sent = 0
  private size = LEAST * 4
  private failures = 0
  private restarted = false
  private id: string | undefined
  private stop = new AbortController()
  private paused: { promise: Promise<void>; resume: () => void } | undefined
  private readonly pace = new Pace()

  constructor(private readonly options: UploadOptions<T>, private readonly transport: Transport = http) {
    this.id = options.id
  }

  pause(): void {
    if (this.paused) return
    let resume = () => {}
    const promise = new Promise<void>((resolve) => (resume = resolve))
    this.paused = { promise, resume }
    this.stop.abort()
    this.report('paused')
  }

  resume(): void {
    this.failures = 0
    this.paused?.resume()
    this.paused = undefined
  }

  /** Resolves with what finish gives. Throws the server's refusals, and web.offline after many tries. */
  async run(): Promise<T> {
    let known = this.id === undefined
    for (;;) {
      await this.paused?.promise
      this.stop = new AbortController()
      try {
        if (!known) await this.ask()
        known = true
        if (this.sent < this.options.blob.size) await this.next()
        else return await this.finish()
      } catch (cause) {
        if (this.paused) known = this.id === undefined
        else known = await this.recover(cause)
      }
    }
  }

  private async ask(): Promise<void> {
    const answer = await this.transport.head(this.id ?? '', this.stop.signal)
    // The answer to HEAD has no body: what it lacks is an upload that the server no longer has.
    if (answer.status === 404) throw new ProblemError(problemOf('upload.unknown', 404, '这次上传已经不在了。'))
    if (answer.offset === undefined) throw new ProblemError(answer.problem ?? problemOf('web.server_error', answer.status, '平台暂时不能接收，请稍后再试。'))
    this.sent = answer.offset
    this.report('sending')
  }

  private async next(): Promise<void> {
    if (this.id === undefined) {
      const { id, chunk } = await this.transport.create(this.options.blob.size, this.options.purpose)
      this.id = id
      this.size = Math.min(this.size, chunk)
      await this.options.begun?.(id)
    }
    const at = this.sent
    const piece = this.options.blob.slice(at, at + this.size)
    const digest = sm3(new Uint8Array(await piece.arrayBuffer()))
    const began = this.transport.now()
    const answer = await this.transport.patch(this.id, at, digest, piece, (bytes) => this.moved(at + bytes), this.stop.signal)
    if (answer.problem) {
      if (answer.problem.code === 'upload.offset' && answer.offset !== undefined) this.sent = answer.offset
      throw new ProblemError(answer.problem)
    }
    this.failures = 0
    this.sent = answer.offset ?? at + piece.size
    this.moved(this.sent)
    const took = Math.max(this.transport.now() - began, 1)
    this.size = Math.round(Math.min(MOST, Math.max(LEAST, Math.min(this.size * 2, (piece.size / took) * CHUNK_TIME))))
  }

  private async finish(): Promise<T> {
    this.report('finishing')
    return this.options.finish(this.id ?? '')
  }

  /** Decides what a failure means. Resolves with whether the offset is known; throws what no further try can mend. */
  private async recover(cause: unknown): Promise<boolean> {
    if (!(cause instanceof ProblemError)) throw cause
    const { code, status } = cause.problem
    if (code === 'upload.unknown' && !this.restarted) {
      this.restarted = true
      this.id = undefined
      this.sent = 0
      return true
    }
    const again = status === 0 || status === 429 || status >= 500 || ['upload.offset', 'upload.digest_mismatch', 'upload.interrupted', 'upload.incomplete'].includes(code)
    if (!again || ++this.failures >= TRIES) throw cause
    const seconds = code.startsWith('upload.') ? 0 : Math.min(30, 2 ** (this.failures - 1))
    for (let left = seconds; left > 0 && !this.paused; left--) {
      this.report('waiting', left)
      await this.transport.wait(1000, this.stop.signal).catch(() => undefined)
    }
    return this.id === undefined
  }

  private moved(bytes: number): void {
    this.pace.add(this.transport.now(), bytes)
    this.report('sending', undefined, bytes)
  }

  private report(state: UploadProgress['state'], retryIn?: number, sent = this.sent): void {
    const total = this.options.blob.size
    const speed = state === 'sending' ? this.pace.speed() : undefined
    this.options.progress({
      state, sent, total, ...(retryIn === undefined ? {} : { retryIn }), ...(speed ? { speed, secondsLeft: (total - sent) / speed } : {}),
    })
  }
}

/** Bytes a second over the last ten seconds. */
export class Pace {
  private points: { at: number; bytes: number }[] = []

  add(at: number, bytes: number): void {
    if (bytes < (this.points.at(-1)?.bytes ?? 0)) this.points = [] // a chunk began again
    this.points.push({ at, bytes })
    while (this.points.length > 2 && at - (this.points[0]?.at ?? at) > 10_000) this.points.shift()
  }

  speed(): number | undefined {
    const [first, last] = [this.points[0], this.points.at(-1)]
    if (!first || !last || last.at - first.at < 500) return undefined
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at)
  }
}

function problemOf(code: string, status: number, detail: string): Problem {
  return { status, title: '', code, detail }
}

const offline = () => new ProblemError(problemOf('web.offline', 0, '网络中断，还没有传完。已经传到的部分平台留着，恢复后点“继续”就能接着传，不用从头开始。'))

const http: Transport = {
  create: (size, purpose) => call('POST', '/api/uploads', { body: { size, purpose } }),
  patch: (id, offset, digest, body, moved, signal) =>
    request('PATCH', id, signal, { 'upload-offset': String(offset), 'upload-digest': digest, 'content-type': 'application/octet-stream' }, body, moved),
  head: (id, signal) => request('HEAD', id, signal, {}),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal.addEventListener('abort', () => (clearTimeout(timer), reject(new Error('stopped'))), { once: true })
    }),
  now: () => performance.now(),
}

/** XMLHttpRequest, because fetch still tells nobody how far an upload is. */
function request(method: string, id: string, signal: AbortSignal, headers: Record<string, string>, body?: Blob, moved?: (bytes: number) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const r = new XMLHttpRequest()
    r.open(method, `/api/uploads/${encodeURIComponent(id)}`)
    r.timeout = 180_000
    for (const [name, value] of Object.entries({ accept: 'application/json', 'x-requested-with': 'jianbiao', ...headers })) r.setRequestHeader(name, value)
    if (moved) r.upload.onprogress = (e) => moved(e.loaded)
    r.onerror = r.ontimeout = r.onabort = () => reject(offline())
    r.onload = () => {
      const said = r.getResponseHeader('upload-offset')
      resolve({ status: r.status, offset: said === null ? undefined : Number(said), problem: r.status < 300 ? undefined : problemIn(r) })
    }
    signal.addEventListener('abort', () => r.abort(), { once: true })
    r.send(body ?? null)
  })
}

function problemIn(r: XMLHttpRequest): Problem {
  try {
    const p = JSON.parse(r.responseText) as Partial<Problem>
    if (typeof p.code === 'string' && typeof p.detail === 'string') return { ...p, status: r.status, title: p.title ?? '', code: p.code, detail: p.detail }
  } catch {
    // no problem in it: a proxy's page, or nothing
  }
  return problemOf('web.server_error', r.status, '平台暂时不能接收，请稍后再试。')
}
