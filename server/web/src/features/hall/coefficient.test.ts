import { describe, expect, it } from 'vitest'
import type { EventView, HallSnapshot } from '@/live/messages'
import { recompute, toBase64url, type Prover } from './coefficient'

const coefficient = { value: '0.97', index: 1, values: ['0.96', '0.97', '0.98'], alpha: 'aabb', proof: 'cc', beta: 'ff00', mapping: '' }
function hall(more: object = {}): HallSnapshot {
  return {
    seq: 1, lot: { id: 'l', code: '', name: '', project: '', buyer: '', vrfKey: '0102' }, state: 'announcing', step: 4, windows: {}, bids: [], table: [],
    objections: [], remarks: [], pauses: [], cutoff: { count: 3, digest: 'sm3:c', recordedAt: '' }, coefficient: { ...coefficient, ...more },
  }
}
const closing = { seq: 1, kind: 'decrypt.window_closed', payload: { parts: [{ digest: 'sm3:a', parts: 'sm3:b' }] } } as unknown as EventView
function prover(more: Partial<Prover> = {}): Prover & { asked: unknown[] } {
  const asked: unknown[] = []
  return {
    asked,
    verifyVrf: async (...args) => {
      asked.push(args)
      return { output: '_wA', choice: 1 }
    },
    canonical: async (value) => {
      asked.push(value)
      return JSON.stringify(value)
    },
    digest: async () => 'sm3:AABB',
    ...more,
  }
}

describe('recompute', () => {
  it('checks proof, choice and input', async () => {
    const p = prover()
    expect(await recompute(hall(), closing, p)).toEqual({ ok: true, input: true })
    expect(p.asked[0]).toEqual(['AQI', 'qrs', 'zA', 3])
    expect(p.asked[1]).toEqual({ tag: 'jianbiao/coefficient/1', lot: 'l', cutoff: 'sm3:c', parts: [{ digest: 'sm3:a', parts: 'sm3:b' }] })
  })
  it('says when the input could not be rebuilt', async () => {
    expect(await recompute(hall(), undefined, prover())).toEqual({ ok: true, input: false })
  })
  it.each([
    ['another value', hall({ value: '0.98' }), prover()],
    ['another index', hall({ index: 2, value: '0.98' }), prover()],
    ['another beta', hall({ beta: 'ff01' }), prover()],
    ['another input', hall(), prover({ digest: async () => 'sm3:aabc' })],
  ])('refuses %s', async (_, h, p) => {
    expect(await recompute(h, closing, p)).toMatchObject({ ok: false })
  })
  it('turns hex into base64url', () => {
    expect(toBase64url('fbff')).toBe('-_8')
    expect(toBase64url('not hex')).toBe('not hex')
  })
})
