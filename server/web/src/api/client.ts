/** A refusal of the server in the shape of RFC 9457, with our stable code and its legal basis. */
export interface Problem {
  type?: string
  status: number
  title: string
  /** Stable code such as "lot.too_few_bidders"; shown small, searched for by support. */
  code: string
  /** One Chinese sentence for the person. */
  detail: string
  /** Field name → sentence, for forms. */
  fields?: Record<string, string>
  /** Article of law, e.g. "招标投标法实施条例 第十六条". */
  basis?: string
  trace?: string
}

/** Thrown by `call` for everything that is not a success; `detail` is always readable Chinese. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
    this.name = 'ProblemError'
  }
}

/** Asks the person for a second factor (第二验证); resolves with whether it was given. */
type FactorAsker = (detail: string) => Promise<boolean>
let askFactor: FactorAsker | undefined
let asking: Promise<boolean> | undefined

/** The shell says who asks; until then a refusal stays one. */
export function onSecondFactor(ask: FactorAsker | undefined): void {
  askFactor = ask
}

/**
 * Runs an act; where the platform wants a second factor first, the person is asked, and the same act is done again. What
 * was typed stays where it is. Several acts that are refused at once ask once.
 */
export async function factored<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    if (!askFactor || !(cause instanceof ProblemError) || cause.problem.code !== 'session.second_factor') throw cause
    asking ??= askFactor(cause.problem.detail).finally(() => (asking = undefined))
    if (!(await asking)) throw cause
    return act()
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** What a call may carry besides method and path. */
export interface CallOptions {
  /** Sent as JSON. */
  body?: unknown
  /** Sent as it is (application/octet-stream unless `headers` says otherwise); excludes `body`. */
  raw?: Blob | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** Turns anything thrown into a Problem a page can show. */
export function asProblem(cause: unknown): Problem {
  if (cause instanceof ProblemError) return cause.problem
  if (cause instanceof DOMException && cause.name === 'AbortError') {
    return { status: 0, title: '已取消', code: 'web.aborted', detail: '操作已取消。' }
  }
  // The sealer's refusals （投标工具） carry a code and a sentence of their own.
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') {
    return { status: 0, title: '', code: cause.code, detail: cause.message }
  }
  console.error(cause)
  return { status: 0, title: '页面出错', code: 'web.unexpected', detail: '页面遇到意外情况，请刷新后再试；填写的内容仍在本页。' }
}

/** True for a call that its own page cancelled (a newer one took its place). */
export function isAborted(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError'
}

/** The only caller of fetch. Resolves with the body as T (undefined for 204), or throws a ProblemError. */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(method, path, options)
  if (response.status === 204) return undefined as T
  const type = response.headers.get('content-type') ?? ''
  if (!type.includes('json')) throw new ProblemError(unreadable(response.status))
  return (await response.json()) as T
}

/** Like `call`, for bodies that are not JSON (vault blob, files, PDF). */
export async function callRaw(
  method: Method,
  path: string,
  options: CallOptions = {},
): Promise<{ bytes: Uint8Array<ArrayBuffer>; etag: string | undefined; status: number }> {
  const response = await send(method, path, options)
  const etag = response.headers.get('etag') ?? undefined
  return { bytes: new Uint8Array(await response.arrayBuffer()), etag, status: response.status }
}

function send(method: Method, path: string, options: CallOptions): Promise<Response> {
  return factored(() => sendOnce(method, path, options))
}

async function sendOnce(method: Method, path: string, options: CallOptions): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-requested-with': 'jianbiao', ...options.headers }
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' }
  if (options.raw !== undefined) {
    headers['content-type'] ??= 'application/octet-stream'
    init.body = options.raw
  } else if (options.body !== undefined) {
    headers['content-type'] = 'application/json'
    init.body = JSON.stringify(options.body)
  }
  if (options.signal) init.signal = options.signal
  let response: Response
  try {
    response = await fetch(path, init)
  } catch (cause) {
    if (isAborted(cause)) throw cause
    throw new ProblemError({ status: 0, title: '连接不上', code: 'web.offline', detail: '连接不上平台。请检查本机网络；已填写的内容仍在本页，恢复后可继续。' })
  }
  if (!response.ok) throw new ProblemError(await readProblem(response))
  return response
}

async function readProblem(response: Response): Promise<Problem> {
  const type = response.headers.get('content-type') ?? ''
  if (!type.includes('json')) return unreadable(response.status)
  try {
    const body = (await response.json()) as Partial<Problem>
    if (typeof body.detail === 'string' && typeof body.code === 'string') {
      return { ...body, status: body.status ?? response.status, title: body.title ?? '', code: body.code, detail: body.detail }
    }
  } catch {
    // fall through: the body was not what it said it was
  }
  return unreadable(response.status)
}

function unreadable(status: number): Problem {
  if (status === 404) return { status, title: '没有找到', code: 'web.not_found', detail: '没有找到您要的内容。' }
  if (status === 401) return { status, title: '需要登录', code: 'web.unauthenticated', detail: '请先登录。' }
  if (status >= 500) return { status, title: '平台出错', code: 'web.server_error', detail: '平台暂时不能处理这个请求，请稍后再试。' }
  return { status, title: '无法处理', code: 'web.unreadable', detail: '平台的回答无法识别，请刷新页面后再试。' }
}

/** Builds "?a=b&c=d" from what is set. */
export function query(values: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') params.set(key, String(value))
  }
  const text = params.toString()
  return text ? `?${text}` : ''
}
