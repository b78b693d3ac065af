import { afterEach, describe, expect, it, vi } from 'vitest'
import { asProblem, call, ProblemError, query } from './client'

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
