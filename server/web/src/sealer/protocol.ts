import type * as f from '@/domain/bidForm'
import type * as t from './types'

/** Every method of the worker, with its arguments and its result. */
export interface Methods {
  version: { args: []; result: string }
  generateKeys: { args: [count: number]; result: t.KeyPair[] }
  publicKey: { args: [privateKey: string]; result: string }
  sealBid: { args: [input: t.BidInput]; result: t.SealedEnvelope }
  sealWithdrawal: { args: [input: t.WithdrawalInput]; result: t.SealedEnvelope }
  /** One chunk, for another worker that seals. */
  encryptChunk: { args: [key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array]; result: Uint8Array }
  encryptOnly: { args: [blob: Blob]; result: number }
  digest: { args: [blob: Blob]; result: string }
  unwrapPart: { args: [bidderKey: string, header: t.EnvelopeHeader, section: string]; result: string }
  checkPart: { args: [header: t.EnvelopeHeader, section: string, role: t.Role, part: string]; result: boolean }
  verifyReceipt: {
    args: [receipt: t.Receipt, keys: t.PlatformKeys, header: t.EnvelopeHeader, digest: string, size: number]
    result: undefined
  }
  verifyOwner: { args: [header: t.EnvelopeHeader, owner: t.Owner]; result: undefined }
  verifyVrf: { args: [publicKey: string, alpha: string, proof: string, n: number]; result: t.VrfResult }
  signOneTime: { args: [privateKey: string, tag: string, message: Uint8Array]; result: string }
  verifySignature: { args: [publicKey: string, tag: string, message: Uint8Array, signature: string]; result: boolean }
  canonical: { args: [json: string]; result: string }
  vaultCreate: { args: [passphrase: string]; result: t.OpenedVault }
  vaultOpen: { args: [blob: Uint8Array, passphrase: string]; result: t.OpenedVault }
  vaultSeal: { args: [handle: number, document: t.VaultDocument, now: string]; result: Uint8Array }
  vaultChange: { args: [handle: number, old: string, next: string]; result: undefined }
  vaultClose: { args: [handle: number]; result: undefined }
  checkPassphrase: { args: [passphrase: string]; result: undefined }
  bidPrepare: { args: [terms: f.Terms, bid: f.PlainBid]; result: { bid: f.PlainBid; problems: f.FormProblem[] } }
  billRead: { args: [bill: f.Bill, workbook: Blob]; result: f.ImportedBill }
  billTemplate: { args: [bill: f.Bill, lines: f.BillLine[]]; result: Uint8Array<ArrayBuffer> }
  certificateOpen: { args: [file: Uint8Array, passphrase: string]; result: t.OpenedCertificate }
  certificateSign: { args: [handle: number, tag: string, message: Uint8Array]; result: string }
  certificateClose: { args: [handle: number]; result: undefined }
}

export type MethodName = keyof Methods

/** A call sent to the worker. */
export type Request = { [M in MethodName]: { id: number; method: M; args: Methods[M]['args'] } }[MethodName]

/** What went wrong, in words for people (detail) and for machines (code). */
export interface Fault {
  readonly code: string
  readonly detail: string
}

/** What the worker sends back: progress any number of times, then one answer. */
export type Reply =
  | { readonly id: number; readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly id: number; readonly type: 'result'; readonly value: unknown }
  | { readonly id: number; readonly type: 'fault'; readonly fault: Fault }

/** The first message to the worker: where sealer.wasm and wasm_exec.js are. */
export interface Start {
  readonly base: string
}
