import { afterEach, describe, expect, it, vi } from 'vitest'
import { asProblem, call, factored, onSecondFactor, ProblemError, query } from './client'

function answer(status: number, body: string, type = 'application/json') {
  const fetched = vi.fn<(path: string, init: RequestInit) => Promise<Response>>(() => Promise.resolve(new Response(status === 204 ? null : body, { status, headers: { 'content-type': type } })))
  vi.stubGlobal('fetch', fetched)
  return fetched
}
const refusal = (promise: Promise<unknown>) => promise.then(() => undefined, (cause: unknown) => (cause instanceof ProblemError ? cause.problem : cause))
afterEach(() => vi.unstubAllGlobals())

describe('call', () => {
  it('resolves with the body', async () => {
    const fetched = answer(200, '{"a":1}')
    await expect(call('POST', '/api/x', { body: { b: 2 } })).resolves.toEqual({ a: 1 })
    expect(fetched.mock.calls[0]?.[1]).toMatchObject({ method: 'POST', body: '{"b":2}', credentials: 'same-origin' })
  })
  it('resolves with nothing for 204', async () => {
    answer(204, '')
    await expect(call('DELETE', '/api/x')).resolves.toBeUndefined()
  })
  it('throws the problem of the server as it is', async () => {
    answer(412, '{"status":412,"title":"","code":"lot.state","detail":"不能进行这一步。","basis":"第二十四条"}', 'application/problem+json')
    expect(await refusal(call('GET', '/api/x'))).toMatchObject({ code: 'lot.state', detail: '不能进行这一步。', basis: '第二十四条' })
  })
  it.each([
    [502, '<html>Bad Gateway</html>', 'text/html', 'web.server_error'],
    [404, 'not found', 'text/plain', 'web.not_found'],
    [200, '<html></html>', 'text/html', 'web.unreadable'],
    [500, '{"message":"boom"}', 'application/json', 'web.server_error'],
  ])('never shows a person what a proxy or a library says: %d', async (status, body, type, code) => {
    answer(status, body, type)
    const problem = await refusal(call('GET', '/api/x'))
    expect(problem).toMatchObject({ code })
    expect((problem as { detail: string }).detail).toMatch(/^[^a-zA-Z]+$/)
  })
  it('says that the line is broken', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
    expect(await refusal(call('GET', '/api/x'))).toMatchObject({ code: 'web.offline' })
  })
})

describe('asProblem', () => {
  it('keeps code and sentence of the sealer', () =>
    expect(asProblem(Object.assign(new Error('口令不正确。'), { code: 'vault.wrong_passphrase' }))).toMatchObject({ code: 'vault.wrong_passphrase', detail: '口令不正确。' }))
  it('does not show what it does not know', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(asProblem(new Error('undefined is not a function')).detail).not.toContain('undefined')
  })
})

describe('query', () => {
  it('leaves out what is empty', () => expect(query({ a: 'x', b: '', c: undefined, d: 0 })).toBe('?a=x&d=0'))
  it('is nothing for nothing', () => expect(query({})).toBe(''))
})

describe('a second factor', () => {
  const wanted = new Response('{"status":401,"title":"","code":"session.second_factor","detail":"请再次验证身份。"}', { status: 401, headers: { 'content-type': 'application/problem+json' } })
  const done = new Response('{"done":true}', { status: 200, headers: { 'content-type': 'application/json' } })
  afterEach(() => onSecondFactor(undefined))

  it('is asked for, and the same request goes out again', async () => {
    const fetched = vi.fn<(path: string, init: RequestInit) => Promise<Response>>().mockResolvedValueOnce(wanted.clone()).mockResolvedValueOnce(done.clone())
    vi.stubGlobal('fetch', fetched)
    onSecondFactor(() => Promise.resolve(true))
    await expect(call('POST', '/api/x', { body: { reason: '填写的内容' } })).resolves.toEqual({ done: true })
    expect(fetched.mock.calls[1]).toEqual(fetched.mock.calls[0])
  })
  it('that is not given leaves the refusal', async () => {
    vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(wanted.clone())))
    onSecondFactor(() => Promise.resolve(false))
    expect(await refusal(call('POST', '/api/x'))).toMatchObject({ code: 'session.second_factor' })
  })
  it('is asked for once by acts that are refused together', async () => {
    let given = false
    const ask = vi.fn(() => Promise.resolve((given = true)))
    onSecondFactor(ask)
    const act = () => (given ? Promise.resolve('done') : Promise.reject(new ProblemError({ status: 401, title: '', code: 'session.second_factor', detail: '' })))
    await expect(Promise.all([factored(act), factored(act)])).resolves.toEqual(['done', 'done'])
    expect(ask).toHaveBeenCalledOnce()
  })
})
