import { describe, expect, it } from 'vitest'
import type { Reply, Request } from './protocol'
import { Sealer, SealerError, type WorkerLike } from './sealer'

/** A worker that notes what it is sent and answers by hand. */
class HandWorker implements WorkerLike {
  readonly sent: unknown[] = []
  terminated = false
  onmessage: ((event: MessageEvent<Reply>) => void) | null = null
  onerror: ((event: ErrorEvent) => void) | null = null

  postMessage(message: unknown): void {
    this.sent.push(message)
  }

  terminate(): void {
    this.terminated = true
  }

  reply(reply: Reply): void {
    this.onmessage?.({ data: reply } as MessageEvent<Reply>)
  }

  request(index: number): Request {
    return this.sent[index] as Request
  }
}

function setup(): { worker: HandWorker; sealer: Sealer } {
  const worker = new HandWorker()
  return { worker, sealer: new Sealer('https://bid.example/', () => worker) }
}

describe('Sealer', () => {
  it('starts the worker with the place of the program', () => {
    expect(setup().worker.sent).toEqual([{ base: 'https://bid.example/' }])
  })

  it('gives each answer to its own call, in any order', async () => {
    const { worker, sealer } = setup()
    const first = sealer.publicKey('a')
    const second = sealer.publicKey('b')
    expect(worker.request(1)).toEqual({ id: 1, method: 'publicKey', args: ['a'] })
    worker.reply({ id: 2, type: 'result', value: 'B' })
    worker.reply({ id: 1, type: 'result', value: 'A' })
    await expect(Promise.all([first, second])).resolves.toEqual(['A', 'B'])
  })

  it('reports progress until the answer', async () => {
    const { worker, sealer } = setup()
    const seen: number[] = []
    const digest = sealer.digest(new Blob(['x']), (done, total) => seen.push(done, total))
    worker.reply({ id: 1, type: 'progress', done: 1, total: 2 })
    worker.reply({ id: 1, type: 'result', value: 'sm3:' })
    worker.reply({ id: 1, type: 'progress', done: 2, total: 2 })
    await expect(digest).resolves.toBe('sm3:')
    expect(seen).toEqual([1, 2])
  })

  it('posts copies, so that proxies of a page can be given', () => {
    const { worker, sealer } = setup()
    const key = new Proxy({ ed25519: 'e', sm2: 's' }, {})
    const bytes = new Uint8Array([1])
    void sealer.signOneTime('k', 't', bytes)
    void sealer.verifyReceipt(new Proxy({ commitments: new Proxy([{ section: 'price' }], {}) }, {}) as never, key, {} as never, '', 0)
    expect(() => structuredClone(worker.sent)).not.toThrow()
    expect(worker.request(1).args[2]).toBe(bytes)
    expect(worker.request(2).args[0]).toEqual({ commitments: [{ section: 'price' }] })
  })

  it('rejects with the code and the sentence', async () => {
    const { worker, sealer } = setup()
    const opened = sealer.vaultOpen(new Uint8Array(1), 'x')
    worker.reply({ id: 1, type: 'fault', fault: { code: 'vault.wrong_passphrase', detail: '保险箱口令不正确。' } })
    const error: unknown = await opened.catch((e: unknown) => e)
    expect(error).toBeInstanceOf(SealerError)
    expect(error).toMatchObject({ code: 'vault.wrong_passphrase', message: '保险箱口令不正确。' })
  })

  it('rejects what is under way and what comes later when it is closed', async () => {
    const { worker, sealer } = setup()
    const before = sealer.version()
    sealer.close()
    expect(worker.terminated).toBe(true)
    await expect(before).rejects.toMatchObject({ code: 'seal.unavailable' })
    await expect(sealer.version()).rejects.toMatchObject({ code: 'seal.unavailable' })
  })
})
