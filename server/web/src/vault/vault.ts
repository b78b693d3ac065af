import { computed, shallowRef } from 'vue'
import { ProblemError } from '@/api/client'
import { loadVaultBlob, registerFirmKey, saveVaultBlob } from '@/api/vault'
import { Sealer, SealerError, type Json, type VaultBid, type VaultDocument } from '@/sealer/sealer'

/** unknown: not read yet; absent: this bidder has never saved one; locked: there, passphrase needed; open: usable in this tab. */
export type VaultState = 'unknown' | 'absent' | 'locked' | 'open'

const MAGIC = 'JBVLT1\r\n'

const state = shallowRef<VaultState>('unknown')
const doc = shallowRef<VaultDocument>()
/** Whose vault this is; another login forgets it. */
let owner: string | undefined
let handle: number | undefined
let blob: Uint8Array<ArrayBuffer> | undefined
let etag: string | undefined
let worker: Sealer | undefined

/** The sealer of this tab, started when first needed. */
export function sealer(): Sealer {
  worker ??= new Sealer()
  return worker
}

/** The vault （投标保险箱） of this tab: its state and, while it is open, what it holds. */
export function useVault() {
  return { state: computed(() => state.value), document: computed(() => doc.value) }
}

/** Reads the stored blob of the person logged in; says whether there is a vault in it. An open vault stays open. */
export async function loadVault(person: string): Promise<VaultState> {
  if (owner !== person) forget()
  owner = person
  if (state.value === 'open') return 'open'
  const stored = await loadVaultBlob()
  blob = stored.bytes
  etag = stored.etag
  state.value = isVault(stored.bytes) ? 'locked' : 'absent'
  return state.value
}

/** Whether bytes begin as a vault does. */
export function isVault(bytes: Uint8Array): boolean {
  return bytes.length > MAGIC.length && [...MAGIC].every((c, i) => bytes[i] === c.charCodeAt(0))
}

/** Opens the stored vault. SealerError vault.wrong_passphrase, vault.damaged. */
export async function unlock(passphrase: string): Promise<void> {
  if (state.value === 'open') return
  if (!blob || state.value !== 'locked') throw new SealerError({ code: 'vault.absent', detail: '平台上还没有您的保险箱，请先新建，或者从备份文件恢复。' })
  await take(blob, passphrase)
}

async function take(bytes: Uint8Array, passphrase: string): Promise<void> {
  const opened = await sealer().vaultOpen(bytes, passphrase)
  handle = opened.handle
  doc.value = opened.document
  state.value = 'open'
}

/** Who signs: the firm and its legal representative, as the vault's keys name them. */
export interface Signatories {
  firm: string
  uscc: string
  legalRepresentative: string
}

/** Makes a new vault with the firm's signing keys in it and saves it. SealerError vault.weak_passphrase. */
export async function createVault(passphrase: string, who: Signatories): Promise<void> {
  const opened = await sealer().vaultCreate(passphrase)
  const [firm, legal] = await sealer().generateKeys(2)
  if (!firm || !legal) throw new SealerError({ code: 'seal.unavailable', detail: '没有生成密钥，请刷新页面后重试。' })
  handle = opened.handle
  doc.value = {
    ...opened.document,
    signing: [
      { use: 'firm', name: who.firm, uscc: who.uscc, key: firm.private },
      { use: 'legalRepresentative', name: who.legalRepresentative, uscc: who.uscc, key: legal.private },
    ],
  }
  await store(doc.value)
  state.value = 'open'
  await registerFirmKey(firm.public)
}

/** Takes a backup file in the place of what the platform stores. */
export async function restoreVault(bytes: Uint8Array, passphrase: string): Promise<void> {
  await take(bytes, passphrase)
  if (doc.value) await store(doc.value)
}

/** The last change under way: they are saved one after another, so that this tab never overtakes itself. */
let last: Promise<void> = Promise.resolve()

/** Changes the document and saves it; resolves when the platform has stored it. */
export function change(edit: (document: VaultDocument) => VaultDocument): Promise<void> {
  const next = last.then(() => changeNow(edit))
  last = next.catch(() => undefined)
  return next
}

async function changeNow(edit: (document: VaultDocument) => VaultDocument): Promise<void> {
  if (!doc.value || handle === undefined) throw new SealerError({ code: 'vault.locked', detail: '保险箱已锁上，请重新输入口令。' })
  await store(edit(doc.value))
}

async function store(next: VaultDocument): Promise<void> {
  if (handle === undefined) throw new SealerError({ code: 'vault.locked', detail: '保险箱已锁上，请重新输入口令。' })
  const sealed = new Uint8Array(await sealer().vaultSeal(handle, next, new Date()))
  try {
    etag = await saveVaultBlob(sealed, etag)
  } catch (cause) {
    // Another computer saved first: what is open here is old, and must be opened anew before it may be changed.
    if (cause instanceof ProblemError && cause.problem.status === 412) {
      lock()
      if (owner !== undefined) await loadVault(owner)
    }
    throw cause
  }
  blob = sealed
  doc.value = { ...next, revision: next.revision + 1 }
}

/** The encrypted vault as a file, for a backup on a disk of the bidder's own. */
export function exportVault(): Blob | undefined {
  return blob ? new Blob([blob], { type: 'application/octet-stream' }) : undefined
}

/** Changes the passphrase and saves; older copies still open with the old one. */
export async function changePassphrase(old: string, next: string): Promise<void> {
  if (!doc.value || handle === undefined) return
  await sealer().vaultChange(handle, old, next)
  await store(doc.value)
}

/** Forgets the keys of this tab; the blob on the platform stays. */
export function lock(): void {
  if (handle !== undefined) void sealer().vaultClose(handle).catch(() => undefined)
  handle = undefined
  doc.value = undefined
  if (state.value === 'open') state.value = blob ? 'locked' : 'unknown'
}

function forget(): void {
  lock()
  blob = undefined
  etag = undefined
  state.value = 'unknown'
}

/** All envelopes of a lot that this vault made, oldest first. */
export function bidsOf(lot: string): VaultBid[] {
  return (doc.value?.bids ?? []).filter((b) => b.lot === lot)
}

/** The newest envelope of a lot that the platform gave a receipt for. */
export function newestBid(lot: string): VaultBid | undefined {
  return bidsOf(lot).filter((b) => b.receipt !== null).at(-1)
}

/** Signs a hall command with the one-time key of the bid, as the hall verifies it; base64url. */
export async function signCommand(digest: string, lot: string, command: string, input: object): Promise<string> {
  const bid = doc.value?.bids.find((b) => b.digest === digest)
  if (!bid) throw new SealerError({ code: 'vault.no_bid', detail: '保险箱里没有这份投标文件的密钥。' })
  const message = await sealer().canonical({ lot, digest, ...(input as Record<string, Json>) })
  return sealer().signOneTime(bid.oneTime, `jianbiao/${command}/v1`, new TextEncoder().encode(message))
}

/** The bidder's half of every section key of a bid: the only secret that leaves the machine, in the hall. */
export async function releaseParts(digest: string): Promise<Record<string, string>> {
  const bid = doc.value?.bids.find((b) => b.digest === digest)
  if (!bid) throw new SealerError({ code: 'vault.no_bid', detail: '保险箱里没有这份投标文件的密钥。' })
  return sealer().unwrapAll(bid.bidder, bid.header)
}
