import { afterEach, describe, expect, it, vi } from 'vitest'
import { ProblemError } from '@/api/client'
import { prove } from './prove'

const signer = (sign = vi.fn(() => Promise.resolve('signature'))) => ({ certificate: 'MIIB', sign, close: () => undefined })
const challenge = (over: object = {}, tag = 'jianbiao/session/certificate/v1') => {
  const message = { certificate: 'sm3:x', challenge: 'c', purpose: 'login', site: 'https://jianbiao.example', ...over }
  const body = JSON.stringify({ challenge: 'c', expires: '', site: 'https://jianbiao.example', tag, message: JSON.stringify(message) })
  vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(new Response(body, { status: 200, headers: { 'content-type': 'application/json' } }))))
}
afterEach(() => vi.unstubAllGlobals())

describe('prove', () => {
  it('signs the challenge of this site', async () => {
    challenge()
    const s = signer()
    await expect(prove(s, 'login', 'https://jianbiao.example')).resolves.toEqual({ challenge: 'c', certificate: 'MIIB', signature: 'signature' })
    expect(s.sign).toHaveBeenCalledOnce()
  })
  it.each([
    ['another site', { site: 'https://evil.example' }, undefined],
    ['another purpose', { purpose: 'bind' }, undefined],
    ['another challenge', { challenge: 'd' }, undefined],
    ['another tag', {}, 'jianbiao/envelope/manifest/v1'],
  ])('does not sign for %s', async (_, over, tag) => {
    challenge(over, tag)
    const s = signer()
    const cause = await prove(s, 'login', 'https://jianbiao.example').catch((e: unknown) => e)
    expect(cause).toBeInstanceOf(ProblemError)
    expect((cause as ProblemError).problem.code).toBe('certificate.site')
    expect(s.sign).not.toHaveBeenCalled()
  })
})
