import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { computed, effectScope, ref, shallowRef, type EffectScope } from 'vue'
import type { HallSnapshot } from '@/live/messages'
import { useBidder, type Bidder } from './useBidder'
import type { Command, Hall } from './useHall'
import { VaultError, type HallVault } from './vault'

const RIGHT = 'right passphrase'
let scope: EffectScope
beforeEach(() => {
  const kept = new Map<string, string>()
  vi.stubGlobal('sessionStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) })
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
})

function vaultOf(more: Partial<HallVault> = {}): HallVault {
  return {
    unlock: async (passphrase) => {
      if (passphrase !== RIGHT) throw new VaultError('wrong_passphrase', '口令不对')
      return [{ digest: 'sm3:me', receipt: { digest: 'sm3:me' } }]
    },
    verify: async () => undefined,
    sign: async (lot, digest, command, input) => `${command} ${lot} ${digest} ${JSON.stringify(input)}`,
    parts: async () => ({ price: 'PART' }),
    lock: () => undefined,
    ...more,
  }
}

function setUp(state: string, vault = vaultOf(), more: Partial<HallSnapshot> = {}) {
  const snapshot = shallowRef<HallSnapshot | undefined>({
    seq: 1, lot: { id: 'l', code: '', name: '', project: '', buyer: '' }, state, step: 0, windows: {}, cutoff: { count: 3, digest: '', recordedAt: '' },
    bids: [{ digest: 'sm3:me', no: 1, number: 1, size: 1, part: { state: 'waiting', attempts: 0 } }],
    table: [], objections: [], remarks: [], pauses: [], recordDigest: 'sm3:record', ...more,
  })
  const sent: { command: string; input: unknown }[] = []
  const accept = ref(true)
  const command = {
    busy: ref(''), problem: shallowRef(),
    send: async (name: string, input: object = {}) => {
      sent.push({ command: name, input })
      return accept.value
    },
  } as unknown as Command
  const hall = { hall: snapshot } as unknown as Hall
  const me = scope.run(() => useBidder('l', hall, command, vault, computed(() => '甲公司'))) as Bidder
  return { me, sent, snapshot, accept }
}

describe('useBidder', () => {
  it('opens the vault, finds its bid, and sends the part with its signature', async () => {
    const { me, sent } = setUp('decrypting')
    expect(me.step.value?.passphrase).toBe(true)
    expect(await me.perform('release_part', RIGHT)).toBe(true)
    const parts = { price: 'PART' }
    expect(sent).toEqual([{ command: 'release_part', input: { digest: 'sm3:me', parts, signature: `release_part l sm3:me ${JSON.stringify({ parts })}` } }])
    expect(me.open.value).toBe(true)
    expect(me.failure.value).toBeUndefined()
    expect(me.working.value).toBe('')
  })

  it('counts wrong passphrases and tells the hall where it knows the bid from the roster', async () => {
    const roster = [{ digest: 'sm3:me', no: 1, number: 1, size: 1, organisation: '甲公司', part: { state: 'waiting' as const, attempts: 0 } }]
    const { me, sent } = setUp('decrypting', vaultOf(), { bids: roster })
    for (let i = 0; i < 3; i++) expect(await me.perform('release_part', 'wrong')).toBe(false)
    expect(me.failure.value).toMatchObject({ reason: 'wrong_passphrase', count: 3, reported: true })
    expect(sent.map((s) => s.command)).toEqual(['report_failure', 'report_failure', 'report_failure'])
    expect(sent[0]?.input).toEqual({ digest: 'sm3:me', reason: 'wrong_passphrase', detail: '口令不对' })
    expect(await me.perform('release_part', RIGHT)).toBe(true)
    expect(me.failure.value).toBeUndefined()
  })

  it('tells nobody about a wrong passphrase outside the window', async () => {
    const { me, sent } = setUp('started')
    await me.perform('check_seal', 'wrong')
    expect(me.failure.value).toMatchObject({ reason: 'wrong_passphrase', reported: false })
    expect(sent).toEqual([])
  })

  it('reports a damaged key with its reason', async () => {
    const damaged = vaultOf({ parts: async () => Promise.reject(new VaultError('key_damaged', '私钥损坏')) })
    const { me, sent } = setUp('decrypting', damaged)
    expect(await me.perform('release_part', RIGHT)).toBe(false)
    expect(sent).toEqual([{ command: 'report_failure', input: { digest: 'sm3:me', reason: 'key_damaged', detail: '私钥损坏' } }])
  })

  it('checks the receipt before it says that the seal is whole', async () => {
    const verify = vi.fn(async () => undefined)
    const { me, sent } = setUp('started', vaultOf({ verify }))
    expect(await me.perform('check_seal', RIGHT)).toBe(true)
    expect(verify).toHaveBeenCalledWith('l', 'sm3:me')
    expect(sent[0]?.command).toBe('check_seal')
  })

  it('turns to the alarm when the bid is not in the record, and shows the receipt', async () => {
    const { me, sent } = setUp('started', vaultOf(), { bids: [] })
    expect(await me.perform('check_seal', RIGHT)).toBe(true)
    expect(sent).toEqual([])
    expect(me.step.value).toMatchObject({ tone: 'alarm', act: 'report_missing' })
    expect(await me.perform('report_missing', '')).toBe(true)
    expect(sent).toEqual([{ command: 'report_missing', input: { receipt: { digest: 'sm3:me' } } }])
  })

  it('signs the record that is shown, and an objection with its words', async () => {
    const { me, sent } = setUp('record_confirming')
    await me.perform('confirm_record', RIGHT)
    expect(sent[0]?.input).toMatchObject({ digest: 'sm3:me', recordDigest: 'sm3:record' })
    await me.object('工期读错', '')
    expect(sent[1]).toMatchObject({ command: 'raise_objection', input: { digest: 'sm3:me', text: '工期读错' } })
  })

  it('remembers in this tab which bid is its own, not the key', async () => {
    const first = setUp('started')
    await first.me.perform('unlock', RIGHT)
    scope.stop()
    scope = effectScope()
    const second = setUp('decrypting')
    expect(second.me.bid.value?.digest).toBe('sm3:me')
    expect(second.me.step.value?.passphrase).toBe(true)
  })
})
