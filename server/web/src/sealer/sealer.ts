import type { Fault, MethodName, Methods, Reply } from './protocol'
import type * as t from './types'
import type * as f from '@/domain/bidForm'

export type * from './types'

/** A refusal of the sealer: a stable code and a sentence for people. */
export class SealerError extends Error {
  readonly code: string

  constructor(fault: Fault) {
    super(fault.detail)
    this.name = 'SealerError'
    this.code = fault.code
  }
}

/** What may be signed with a bid's one-time key, as internal/seal names it. */
export const tags = {
  sealCheck: 'jianbiao/opening/seal-check/v1',
  release: 'jianbiao/opening/release/v1',
} as const

export type Progress = (done: number, total: number) => void

/** The part of Worker that the client uses: a test gives another. */
export interface WorkerLike {
  postMessage(message: unknown): void
  terminate(): void
  onmessage: ((event: MessageEvent<Reply>) => void) | null
  onerror: ((event: ErrorEvent) => void) | null
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: SealerError): void
  progress: Progress | undefined
}

const broken: Fault = { code: 'seal.unavailable', detail: '投标工具意外中断，请刷新页面后重试。' }

/** A copy that can be posted: a page's reactive objects are proxies, which cannot. Blobs and bytes stay themselves. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Blob || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

function newWorker(): WorkerLike {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
}

/**
 * The sealer (投标工具): seals, opens the bidder's parts, keeps the vault, checks
 * what the platform says. Everything runs in a worker on this machine; nothing
 * here talks to the platform. Every method rejects with a SealerError.
 */
export class Sealer {
  private readonly worker: WorkerLike
  private readonly waiting = new Map<number, Waiting>()
  private last = 0
  private dead = false

  /** @param base where sealer.wasm and wasm_exec.js are, the site's root by default */
  constructor(base: string = new URL('/', globalThis.location.href).href, open: () => WorkerLike = newWorker) {
    this.worker = open()
    this.worker.onmessage = (event) => this.settle(event.data)
    this.worker.onerror = () => this.fail()
    this.worker.postMessage({ base })
  }

  /** Ends the worker and forgets every opened vault; calls under way are rejected. */
  close(): void {
    this.worker.terminate()
    this.fail()
  }

  /** Name and version of the sealer, as envelopes carry it. */
  version(): Promise<string> {
    return this.call('version', [])
  }

  generateKeys(count: number): Promise<t.KeyPair[]> {
    return this.call('generateKeys', [count])
  }

  publicKey(privateKey: string): Promise<string> {
    return this.call('publicKey', [privateKey])
  }

  /** Signs and seals a bid. Files are read twice and must not change meanwhile. */
  sealBid(input: t.BidInput, progress?: Progress): Promise<t.SealedEnvelope> {
    return this.call('sealBid', [input], progress)
  }

  /** Seals a withdrawal (撤回); to a stranger it looks like a bid. */
  sealWithdrawal(input: t.WithdrawalInput, progress?: Progress): Promise<t.SealedEnvelope> {
    return this.call('sealWithdrawal', [input], progress)
  }

  /** Encrypts as sealing does and nothing else, on one worker: how fast this machine is (测速). */
  encryptOnly(blob: Blob): Promise<number> {
    return this.call('encryptOnly', [blob])
  }

  /** The digest of a whole envelope: what a receipt and the cut-off record name. */
  digest(blob: Blob, progress?: Progress): Promise<string> {
    return this.call('digest', [blob], progress)
  }

  /** The bidder's part of a section's key, checked against its commitment. */
  unwrapPart(bidderKey: string, header: t.EnvelopeHeader, section: string): Promise<string> {
    return this.call('unwrapPart', [bidderKey, header, section])
  }

  /** Whether a part is the one committed to. */
  checkPart(header: t.EnvelopeHeader, section: string, role: t.Role, part: string): Promise<boolean> {
    return this.call('checkPart', [header, section, role, part])
  }

  /** The bidder's parts by section: of those that are opened now in the hall, all in the local test before the day (解密自测). */
  async unwrapAll(bidderKey: string, header: t.EnvelopeHeader, opens: (section: string) => boolean = () => true): Promise<Record<string, string>> {
    const parts: Record<string, string> = {}
    for (const section of header.sections) {
      if (section.parts === 'both' && opens(section.name)) parts[section.name] = await this.unwrapPart(bidderKey, header, section.name)
    }
    return parts
  }

  /** Resolves if both signatures hold under these keys and the receipt covers this envelope. */
  verifyReceipt(receipt: t.Receipt, keys: t.PlatformKeys, header: t.EnvelopeHeader, digest: string, size: number): Promise<undefined> {
    return this.call('verifyReceipt', [receipt, keys, header, digest, size])
  }

  /** Resolves if the owner's signatures hold and sign this envelope. */
  verifyOwner(header: t.EnvelopeHeader, owner: t.Owner): Promise<undefined> {
    return this.call('verifyOwner', [header, owner])
  }

  /** Checks a random draw (随机系数) and gives its output and the choice of n it stands for; all base64url. */
  verifyVrf(publicKey: string, alpha: string, proof: string, n: number): Promise<t.VrfResult> {
    return this.call('verifyVrf', [publicKey, alpha, proof, n])
  }

  signOneTime(privateKey: string, tag: string, message: Uint8Array): Promise<string> {
    return this.call('signOneTime', [privateKey, tag, message])
  }

  verifySignature(publicKey: string, tag: string, message: Uint8Array, signature: string): Promise<boolean> {
    return this.call('verifySignature', [publicKey, tag, message, signature])
  }

  /** Canonical JSON (RFC 8785, integers only), for what is signed. */
  canonical(value: t.Json): Promise<string> {
    return this.call('canonical', [JSON.stringify(value)])
  }

  /** Rejects with vault.weak_passphrase and the reason. */
  checkPassphrase(passphrase: string): Promise<undefined> {
    return this.call('checkPassphrase', [passphrase])
  }

  /** Completes a bid (capital figures, amounts of the bill) and says what it lacks of the document's form. */
  bidPrepare(terms: f.Terms, bid: f.PlainBid): Promise<{ bid: f.PlainBid; problems: f.FormProblem[] }> {
    return this.call('bidPrepare', [terms, bid])
  }

  /** Reads the prices of a bill of quantities from an .xlsx file, and what is wrong in it line by line. */
  billRead(bill: f.Bill, workbook: Blob): Promise<f.ImportedBill> {
    return this.call('billRead', [bill, workbook])
  }

  /** An .xlsx file with the bill's items, for the bidder to price. */
  billTemplate(bill: f.Bill, lines: f.BillLine[]): Promise<Uint8Array<ArrayBuffer>> {
    return this.call('billTemplate', [bill, lines])
  }

  vaultCreate(passphrase: string): Promise<t.OpenedVault> {
    return this.call('vaultCreate', [passphrase])
  }

  /** Rejects with vault.wrong_passphrase, vault.damaged or vault.not_vault. */
  vaultOpen(blob: Uint8Array, passphrase: string): Promise<t.OpenedVault> {
    return this.call('vaultOpen', [blob, passphrase])
  }

  /** The vault with a new document, encrypted: to be stored and exported as it is. */
  vaultSeal(handle: number, document: t.VaultDocument, now: Date): Promise<Uint8Array> {
    return this.call('vaultSeal', [handle, document, now.toISOString()])
  }

  /** Takes effect with the next vaultSeal. */
  vaultChange(handle: number, old: string, next: string): Promise<undefined> {
    return this.call('vaultChange', [handle, old, next])
  }

  /** Forgets the vault's key. */
  vaultClose(handle: number): Promise<undefined> {
    return this.call('vaultClose', [handle])
  }

  /** Opens a certificate with its key (演练证书文件). Rejects with keyfile.* or certificate.encryption. */
  certificateOpen(file: Uint8Array, passphrase: string): Promise<t.OpenedCertificate> {
    return this.call('certificateOpen', [file, passphrase])
  }

  certificateSign(handle: number, tag: string, message: Uint8Array): Promise<string> {
    return this.call('certificateSign', [handle, tag, message])
  }

  /** Forgets the certificate's key. */
  certificateClose(handle: number): Promise<undefined> {
    return this.call('certificateClose', [handle])
  }

  private call<M extends MethodName>(method: M, args: Methods[M]['args'], progress?: Progress): Promise<Methods[M]['result']> {
    return new Promise<Methods[M]['result']>((resolve, reject) => {
      if (this.dead) {
        reject(new SealerError(broken))
        return
      }
      const id = ++this.last
      this.waiting.set(id, { resolve: (value) => resolve(value as Methods[M]['result']), reject, progress })
      this.worker.postMessage({ id, method, args: plain(args) })
    })
  }

  private settle(reply: Reply): void {
    const waiting = this.waiting.get(reply.id)
    if (waiting === undefined) return
    if (reply.type === 'progress') {
      waiting.progress?.(reply.done, reply.total)
      return
    }
    this.waiting.delete(reply.id)
    if (reply.type === 'result') waiting.resolve(reply.value)
    else waiting.reject(new SealerError(reply.fault))
  }

  private fail(): void {
    this.dead = true
    for (const waiting of this.waiting.values()) waiting.reject(new SealerError(broken))
    this.waiting.clear()
  }
}
