import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Plugin } from 'vite'
import * as data from './data.ts'

type Answer = { status?: number; body: unknown }
type Route = [method: string, pattern: RegExp, handle: (match: RegExpExecArray, url: URL, body: string) => Answer]

const problem = (status: number, code: string, detail: string): Answer => ({ status, body: { type: 'about:blank', status, title: '', code, detail } })
let login: string | undefined = process.env['MOCK_LOGIN']

const routes: Route[] = [
  ['GET', /^\/api\/time$/, () => ({ body: data.time() })],
  ['GET', /^\/api\/health$/, () => ({ body: { status: 'ok', rehearsal: true, legalTime: data.time().legal, version: 'mock' } })],
  ['GET', /^\/api\/meta$/, () => ({ body: data.meta })],
  ['GET', /^\/api\/session$/, () => (login ? { body: data.session(login) } : problem(401, 'session.none', '请先登录。'))],
  ['POST', /^\/api\/session$/, (_m, _u, body) => ((login = (JSON.parse(body) as { login: string }).login), { body: data.session(login) })],
  ['DELETE', /^\/api\/session$/, () => ((login = undefined), { status: 204, body: undefined })],
  ['GET', /^\/api\/rehearsal$/, () => ({ body: data.rehearsal() })],
  ['GET', /^\/api\/lots$/, (_m, url) => ({ body: data.lots(url.searchParams) })],
  ['GET', /^\/api\/lots\/([^/]+)$/, (m) => data.lot(m[1] ?? '') ?? problem(404, 'lot.unknown', '没有这个标段。')],
  ['GET', /^\/api\/lots\/([^/]+)\/events$/, () => ({ body: data.events })],
  ['POST', /^\/api\/lots\/([^/]+)\/commands\/(.+)$/, () => problem(412, 'lot.state', '当前状态是“招标中”,不能进行这一步。')],
  ['GET', /^\/api\/projects$/, () => ({ body: { items: [] } })],
  ['GET', /^\/api\/agencies$/, () => ({ body: { items: [{ id: 'a1', name: '江苏宏信工程咨询有限公司' }] } })],
  ['POST', /^\/api\/firm-key$/, () => ({ status: 204, body: undefined })],
  ['POST', /^\/api\/bids$/, () => problem(412, 'bid.late', '投标截止时间已过,这份文件在截止之后才开始传输,已拒收并记入证据。')],
  ['GET', /^\/api\/rules$/, () => ({ body: data.rules })],
  ['GET', /^\/api\/deadline$/, () => ({ body: data.deadline })],
]

/** Answers /api from data.ts, for work on the pages without the platform (`npm run dev:mocked`). */
export function mockServer(): Plugin {
  return {
    name: 'jianbiao-mock',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? '/', 'http://localhost')
        if (!url.pathname.startsWith('/api/')) return next()
        void answer(request, response, url)
      })
    },
  }
}

/** The bidder's blob: random bytes until the first save, as on the platform. */
let vault = randomBytes(4096)
let version = 1

function answerVault(method: string | undefined, body: Buffer, response: ServerResponse): void {
  if (method === 'PUT') {
    vault = body
    version += 1
  }
  response.setHeader('etag', `"${version}"`)
  response.setHeader('content-type', 'application/octet-stream')
  response.statusCode = method === 'PUT' ? 204 : 200
  response.end(method === 'PUT' ? undefined : vault)
}

async function answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  if (url.pathname === '/api/vault') return answerVault(request.method, Buffer.concat(chunks), response)
  for (const [method, pattern, handle] of routes) {
    const match = request.method === method ? pattern.exec(url.pathname) : null
    if (match) return send(response, handle(match, url, Buffer.concat(chunks).toString()))
  }
  send(response, problem(404, 'mock.none', '演示数据里没有这一项。'))
}

function send(response: ServerResponse, { status = 200, body }: Answer): void {
  response.statusCode = status
  if (body === undefined) return void response.end()
  response.setHeader('content-type', status >= 400 ? 'application/problem+json' : 'application/json')
  response.end(JSON.stringify(body))
}
