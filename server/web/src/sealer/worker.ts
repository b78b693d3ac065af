/// <reference lib="webworker" />
/**
 * Runs the Go sealer (sealer.wasm) in a Web Worker, so that sealing 100 MiB does
 * not stop the page, and so that the key of an opened vault never leaves it.
 */
import type { Fault, MethodName, Methods, Reply, Request, Start } from './protocol'
import type { BidInput, FileInput, SealedEnvelope, WithdrawalInput } from './types'

/** What wasm_exec.js puts on globalThis. */
interface GoRuntime {
  readonly importObject: WebAssembly.Imports
  run(instance: WebAssembly.Instance): Promise<void>
}

type Read = (offset: number, length: number) => Promise<Uint8Array>
type Progress = (done: number, total: number) => void
type Encrypt = (key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array) => Promise<Uint8Array>

/** globalThis.jianbiaoSealer, as internal/seal/wasm makes it. */
interface Go {
  readonly version: string
  sealBid(
    input: string,
    read: (section: number, file: number, offset: number, length: number) => Promise<Uint8Array>,
    emit: (chunk: Uint8Array<ArrayBuffer>) => void,
    progress: Progress,
    encrypt: Encrypt | null,
  ): Promise<Omit<SealedEnvelope, 'blob'>>
  encryptChunk: Encrypt
  encryptOnly(size: number, read: Read, emit: (chunk: Uint8Array<ArrayBuffer>) => void): Promise<undefined>
  digest(size: number, read: Read, progress: Progress): Promise<string>
  generateKeys(count: number): Promise<Methods['generateKeys']['result']>
  publicKey(key: string): Promise<string>
  unwrapPart(key: string, header: string, section: string): Promise<string>
  checkPart(header: string, section: string, role: string, part: string): Promise<boolean>
  verifyReceipt(receipt: string, ed25519: string, sm2: string, header: string, digest: string, size: number): Promise<undefined>
  verifyOwner(header: string, owner: string): Promise<undefined>
  verifyVrf(key: string, alpha: string, proof: string, n: number): Promise<Methods['verifyVrf']['result']>
  signOneTime(key: string, tag: string, message: Uint8Array): Promise<string>
  verifySignature(key: string, tag: string, message: Uint8Array, signature: string): Promise<boolean>
  canonical(json: string): Promise<string>
  vaultCreate(passphrase: string): Promise<Methods['vaultCreate']['result']>
  vaultOpen(blob: Uint8Array, passphrase: string): Promise<Methods['vaultOpen']['result']>
  vaultSeal(handle: number, document: string, now: string): Promise<Uint8Array>
  vaultChange(handle: number, old: string, next: string): Promise<undefined>
  vaultClose(handle: number): Promise<undefined>
  checkPassphrase(passphrase: string): Promise<undefined>
  bidPrepare(terms: string, bid: string): Promise<Methods['bidPrepare']['result']>
  billRead(bill: string, workbook: Uint8Array): Promise<Methods['billRead']['result']>
  billTemplate(bill: string, lines: string): Promise<Methods['billTemplate']['result']>
  certificateOpen(file: Uint8Array, passphrase: string): Promise<Methods['certificateOpen']['result']>
  certificateSign(handle: number, tag: string, message: Uint8Array): Promise<string>
  certificateClose(handle: number): Promise<undefined>
}

const scope = self as unknown as DedicatedWorkerGlobalScope & { Go: new () => GoRuntime; jianbiaoSealer?: Go }

async function load(base: string): Promise<Go> {
  await import(/* @vite-ignore */ new URL('wasm_exec.js', base).href)
  const runtime = new scope.Go()
  const response = await fetch(new URL('sealer.wasm', base))
  if (!response.ok) throw new Error(`sealer.wasm: ${response.status}`)
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), runtime.importObject)
  void runtime.run(instance)
  if (scope.jianbiaoSealer === undefined) throw new Error('sealer.wasm did not start')
  return scope.jianbiaoSealer
}

async function slice(blob: Blob, offset: number, length: number): Promise<Uint8Array> {
  return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
}

/** Collects chunks in Blobs of some size, which the browser may keep on disk. */
class Collector {
  private readonly blobs: Blob[] = []
  private pending: Uint8Array<ArrayBuffer>[] = []

  readonly add = (chunk: Uint8Array<ArrayBuffer>): void => {
    this.pending.push(chunk)
    if (this.pending.length >= 8) this.flush()
  }

  private flush(): void {
    this.blobs.push(new Blob(this.pending))
    this.pending = []
  }

  finish(): Blob {
    this.flush()
    return new Blob(this.blobs, { type: 'application/octet-stream' })
  }
}

async function seal(go: Go, input: object, files: readonly (readonly FileInput[])[], progress: Progress): Promise<SealedEnvelope> {
  const out = new Collector()
  const read = (section: number, file: number, offset: number, length: number): Promise<Uint8Array> => {
    const found = files[section]?.[file]
    return found === undefined ? Promise.reject(new Error('no such file')) : slice(found.blob, offset, length)
  }
  const size = files.flat().reduce((sum, f) => sum + f.blob.size, 0)
  const helpers = size > MANY_CHUNKS && base !== '' ? new Helpers(base) : undefined
  try {
    const sealed = await go.sealBid(JSON.stringify(input), read, out.add, progress, helpers?.encrypt ?? null)
    return { ...sealed, blob: out.finish() }
  } finally {
    helpers?.close()
  }
}

/** Below this many bytes one worker is as fast as several. */
const MANY_CHUNKS = 8 << 20

/** Workers of this worker that encrypt chunks, one for each processor; this one reads, digests and writes meanwhile. */
class Helpers {
  private readonly workers: { readonly worker: Worker; waiting: number }[] = []
  private readonly answers = new Map<number, { resolve(chunk: Uint8Array): void; reject(error: Error): void }>()
  private last = 0

  constructor(base: string) {
    for (let i = 0; i < Math.min(4, navigator.hardwareConcurrency); i++) {
      const worker = new Worker(scope.location.href, { type: 'module' })
      const helper = { worker, waiting: 0 }
      worker.onmessage = (event: MessageEvent<Reply>) => {
        helper.waiting--
        this.settle(event.data)
      }
      worker.onerror = () => this.answers.forEach((a) => a.reject(new Error('helper failed')))
      worker.postMessage({ base })
      this.workers.push(helper)
    }
  }

  /** The least busy helper takes it. */
  readonly encrypt: Encrypt = (key, nonce, plain, aad) => {
    const helper = this.workers.reduce((a, b) => (b.waiting < a.waiting ? b : a))
    const id = ++this.last
    helper.waiting++
    return new Promise((resolve, reject) => {
      this.answers.set(id, { resolve, reject })
      helper.worker.postMessage({ id, method: 'encryptChunk', args: [key, nonce, plain, aad] }, [plain.buffer])
    })
  }

  private settle(reply: Reply): void {
    const answer = this.answers.get(reply.id)
    this.answers.delete(reply.id)
    if (reply.type === 'result') answer?.resolve(reply.value as Uint8Array)
    else answer?.reject(new Error('chunk not encrypted'))
  }

  close(): void {
    for (const { worker } of this.workers) worker.terminate()
  }
}

async function encryptOnly(go: Go, blob: Blob): Promise<number> {
  const out = new Collector()
  await go.encryptOnly(blob.size, (o, n) => slice(blob, o, n), out.add)
  return out.finish().size
}

function sealBid(go: Go, input: BidInput, progress: Progress): Promise<SealedEnvelope> {
  const sections = input.sections.map((s) => ({
    ...s,
    files: s.files.map((f) => ({ name: f.name, media: f.media, size: f.blob.size })),
  }))
  const owner = { ...input.owner, sections: null }
  return seal(go, { ...input, kind: 'bid', owner, sections }, input.sections.map((s) => s.files), progress)
}

function sealWithdrawal(go: Go, input: WithdrawalInput, progress: Progress): Promise<SealedEnvelope> {
  return seal(go, { ...input, kind: 'withdrawal' }, [], progress)
}

type Handler<M extends MethodName> = (
  go: Go,
  args: Methods[M]['args'],
  progress: Progress,
) => Promise<Methods[M]['result']> | Methods[M]['result']

const handlers: { [M in MethodName]: Handler<M> } = {
  version: (go) => go.version,
  generateKeys: (go, [count]) => go.generateKeys(count),
  publicKey: (go, [key]) => go.publicKey(key),
  sealBid: (go, [input], progress) => sealBid(go, input, progress),
  sealWithdrawal: (go, [input], progress) => sealWithdrawal(go, input, progress),
  encryptChunk: (go, [key, nonce, plain, aad]) => go.encryptChunk(key, nonce, plain, aad),
  encryptOnly: (go, [blob]) => encryptOnly(go, blob),
  digest: (go, [blob], progress) => go.digest(blob.size, (o, n) => slice(blob, o, n), progress),
  unwrapPart: (go, [key, header, section]) => go.unwrapPart(key, JSON.stringify(header), section),
  checkPart: (go, [header, section, role, part]) => go.checkPart(JSON.stringify(header), section, role, part),
  verifyReceipt: (go, [receipt, keys, header, digest, size]) =>
    go.verifyReceipt(JSON.stringify(receipt), keys.ed25519, keys.sm2, JSON.stringify(header), digest, size),
  verifyOwner: (go, [header, owner]) => go.verifyOwner(JSON.stringify(header), JSON.stringify(owner)),
  verifyVrf: (go, [key, alpha, proof, n]) => go.verifyVrf(key, alpha, proof, n),
  signOneTime: (go, [key, tag, message]) => go.signOneTime(key, tag, message),
  verifySignature: (go, [key, tag, message, signature]) => go.verifySignature(key, tag, message, signature),
  canonical: (go, [json]) => go.canonical(json),
  vaultCreate: (go, [passphrase]) => go.vaultCreate(passphrase),
  vaultOpen: (go, [blob, passphrase]) => go.vaultOpen(blob, passphrase),
  vaultSeal: (go, [handle, document, now]) => go.vaultSeal(handle, JSON.stringify(document), now),
  vaultChange: (go, [handle, old, next]) => go.vaultChange(handle, old, next),
  vaultClose: (go, [handle]) => go.vaultClose(handle),
  checkPassphrase: (go, [passphrase]) => go.checkPassphrase(passphrase),
  bidPrepare: (go, [terms, bid]) => go.bidPrepare(JSON.stringify(terms), JSON.stringify(bid)),
  billRead: async (go, [bill, workbook]) => go.billRead(JSON.stringify(bill), new Uint8Array(await workbook.arrayBuffer())),
  billTemplate: (go, [bill, lines]) => go.billTemplate(JSON.stringify(bill), JSON.stringify(lines)),
  certificateOpen: (go, [file, passphrase]) => go.certificateOpen(file, passphrase),
  certificateSign: (go, [handle, tag, message]) => go.certificateSign(handle, tag, message),
  certificateClose: (go, [handle]) => go.certificateClose(handle),
}

function dispatch<M extends MethodName>(go: Go, method: M, args: Methods[M]['args'], progress: Progress) {
  return handlers[method](go, args, progress)
}

function faultOf(error: unknown): Fault {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return { code: error.code, detail: error.message }
  }
  console.error(error)
  return { code: 'seal.unavailable', detail: '投标工具未能启动或意外中断，请刷新页面后重试。' }
}

let started: Promise<Go> | undefined
let base = ''

scope.onmessage = async (event: MessageEvent<Request | Start>) => {
  const message = event.data
  if ('base' in message) {
    base = message.base
    started = load(base)
    started.catch(() => undefined) // each call reports it
    return
  }
  const { id } = message
  const send = (reply: Reply): void => scope.postMessage(reply)
  const progress: Progress = (done, total) => send({ id, type: 'progress', done, total })
  try {
    if (started === undefined) throw new Error('sealer: not started')
    const value: unknown = await dispatch(await started, message.method, message.args, progress)
    send({ id, type: 'result', value })
  } catch (error) {
    send({ id, type: 'fault', fault: faultOf(error) })
  }
}
