import { computed, ref, shallowRef, type Ref } from 'vue'
import { loadPlatformKeys, uploadEnvelope } from '@/api/bids'
import { legalTime } from '@/api/clock'
import { asProblem, type Problem } from '@/api/client'
import { forgetEnvelope } from '@/api/kept'
import type { LotPage } from '@/api/lots'
import type { Session } from '@/api/session'
import { lotTitle } from '@/domain/lotLabels'
import { isoDate, clock, toInstant } from '@/domain/time'
import { SealerError, type Json, type Receipt, type SealedEnvelope, type SectionInput, type VaultBid } from '@/sealer/sealer'
import type { PlainBid } from '@/domain/bidForm'
import { signerHandles } from '@/vault/certificateSigners'
import { bidsOf, change, newestBid, sealer, useVault } from '@/vault/vault'
import type { Draft } from './draft'
import { signersOf } from './signers'

/** What is happening, in words, and how far. */
export interface Phase {
  text: string
  percent?: number
}

/** Seals, keeps the keys, uploads, checks the receipt: in this order, so that nothing is ever sent whose key is not saved. */
export function useBid(page: Ref<LotPage | undefined>, session: Ref<Session | undefined>) {
  const phase = shallowRef<Phase>()
  const problem = shallowRef<Problem>()
  const done = shallowRef<VaultBid>()
  /** Sealed and in the vault, not yet received: the same envelope is sent again, not a second one. */
  const waiting = shallowRef<{ envelope: SealedEnvelope; entry: VaultBid }>()
  const { document: held } = useVault()
  const newest = computed(() => (held.value && page.value ? newestBid(page.value.lot.id) : undefined))
  const past = computed(() => (held.value && page.value ? bidsOf(page.value.lot.id) : []))
  const busy = ref(false)

  async function attempt(act: () => Promise<void>) {
    busy.value = true
    problem.value = undefined
    try {
      await act()
    } catch (cause) {
      problem.value = asProblem(cause)
    }
    phase.value = undefined
    busy.value = false
  }

  const submit = (bid: PlainBid, draft: Draft) =>
    attempt(async () => {
      const envelope = await seal(bid, draft)
      if (envelope) await deliver(envelope)
    })

  /** Takes over what the offline program made: its keys into this vault first, then the envelope to the platform. */
  const submitOffline = (envelope: File, vault: File, passphrase: string) =>
    attempt(async () => {
      phase.value = { text: '正在打开离线用的保险箱' }
      const opened = await sealer().vaultOpen(new Uint8Array(await vault.arrayBuffer()), passphrase)
      await sealer().vaultClose(opened.handle)
      phase.value = { text: '正在核对加密文件', percent: 0 }
      const digest = await sealer().digest(envelope, (n, total) => (phase.value = { text: '正在核对加密文件', percent: (100 * n) / Math.max(total, 1) }))
      const made = opened.document.bids.find((b) => b.digest === digest)
      const lot = page.value?.lot.id
      if (!made) throw new SealerError({ code: 'vault.no_bid', detail: '这个保险箱里没有这份加密文件的密钥：请选封装时用的那个保险箱（封装之后的），不要用封装之前的备份。' })
      if (made.lot !== lot) throw new SealerError({ code: 'seal.other_lot', detail: `这份加密文件是为“${made.title}”制作的，不是本标段。` })
      const newer = newest.value
      if (newer && newer.digest !== made.digest && (newer.header.number >= made.header.number || newer.digest !== made.header.replaces))
        throw new SealerError({ code: 'seal.not_next', detail: `保险箱里已有本标段第 ${newer.header.number} 版：离线制作时请用最新的保险箱，并加 --replace。` })
      const signing = opened.document.signing.filter((k) => !held.value?.signing.some((x) => x.use === k.use && x.name === k.name && x.uscc === k.uscc))
      if (signing.length > 0) await change((d) => ({ ...d, signing: [...d.signing, ...signing] }))
      await deliver(await keep({ digest, headerDigest: '', size: made.size, header: made.header, blob: envelope }, made.bidder, made.oneTime))
    })

  const again = () => attempt(async () => waiting.value && deliver(waiting.value))

  const withdraw = () =>
    attempt(async () => {
      const lot = page.value?.lot
      const last = newest.value
      if (!lot?.keys || !lot.bidDeadline || !last) return
      phase.value = { text: '正在密封撤回通知', percent: 0 }
      const envelope = await sealer().sealWithdrawal(
        {
          lot: lot.id, documentVersion: String(lot.documentVersion), cutoffKey: lot.keys.cutoff, openingKey: lot.keys.opening, deadline: seconds(lot.bidDeadline),
          number: last.header.number + 1, replaces: last.digest, oneTime: last.oneTime, minSize: last.size,
        },
        showSealing,
      )
      await deliver(await keep(envelope, last.bidder, last.oneTime))
    })

  async function seal(bid: PlainBid, draft: Draft) {
    const p = page.value
    const vault = held.value
    const who = session.value
    if (!p?.document || !p.lot.keys || !p.lot.bidDeadline || !vault || !who) return undefined
    const { lot } = p
    const keys = p.lot.keys
    // Nothing follows a withdrawal: who bids again begins anew, with a new one-time key.
    const ended = newest.value?.header.kind === 'withdrawal'
    const earlier = ended ? undefined : past.value.at(-1)
    const last = ended ? undefined : newest.value
    const [bidder, fresh] = await sealer().generateKeys(2)
    const signers = await signersOf(bid.owner, draft.byAgent)
    if (!bidder || !fresh || !signers) return undefined
    const oneTime = earlier?.oneTime ?? fresh.private
    phase.value = { text: '正在密封', percent: 0 }
    const now = legalTime()
    const envelope = await sealer().sealBid(
      {
        lot: lot.id, documentVersion: String(lot.documentVersion), cutoffKey: keys.cutoff, openingKey: keys.opening, deadline: seconds(p.lot.bidDeadline),
        number: (last?.header.number ?? 0) + 1, replaces: last?.digest ?? '', oneTime, bidder: bidder.private, firm: signers.firm, signatory: signers.signatory, ...signerHandles(),
        owner: { ...bid.owner, contact: draft.contact, capacity: draft.byAgent ? 'agent' : 'legalRepresentative', signedAt: toInstant(isoDate(now), clock(now)) },
        sections: sectionsOf(p, bid, draft),
      },
      showSealing,
    )
    return keep(envelope, bidder.private, oneTime)
  }

  /** The keys of what was sealed are saved before anything is sent. */
  async function keep(envelope: SealedEnvelope, bidder: string, oneTime: string) {
    phase.value = { text: '正在把密钥存入保险箱' }
    const lot = page.value?.lot
    const entry: VaultBid = {
      lot: lot?.id ?? '', title: lot ? lotTitle(lot) : '', digest: envelope.digest, size: envelope.size, header: envelope.header, bidder, oneTime,
      sealedAt: new Date().toISOString(), receipt: null,
    }
    await change((d) => ({
      ...d,
      // What was sealed before and never received by the platform opens nothing any more.
      bids: [...d.bids.filter((b) => b.lot !== entry.lot || b.receipt !== null), entry],
      followed: d.followed.some((f) => f.lot === entry.lot) ? d.followed : [...d.followed, { lot: entry.lot, title: entry.title, since: entry.sealedAt }],
    }))
    waiting.value = { envelope, entry }
    return waiting.value
  }

  async function deliver(sent: { envelope: SealedEnvelope; entry: VaultBid }) {
    phase.value = { text: '正在上传', percent: 0 }
    const receipt = await uploadEnvelope<Receipt>(sent.envelope.blob, (n, total) => {
      phase.value = n >= total ? { text: '已全部上传，等待平台签发回执' } : { text: '正在上传', percent: (100 * n) / total }
    }, sent.entry.digest)
    phase.value = { text: '正在核对回执并存入保险箱' }
    const entry = { ...sent.entry, receipt }
    await change((d) => ({ ...d, bids: d.bids.map((b) => (b.digest === entry.digest ? entry : b)) }))
    await sealer().verifyReceipt(receipt, await loadPlatformKeys(), sent.envelope.header, sent.envelope.digest, sent.envelope.size)
    await forgetEnvelope(entry.digest)
    waiting.value = undefined
    done.value = entry
  }

  function showSealing(n: number, total: number) {
    phase.value = { text: '正在密封', percent: total > 0 ? (100 * n) / total : 0 }
  }

  return { phase, problem, busy, done, waiting, newest, past, submit, submitOffline, again, withdraw }
}

/** RFC 3339 in whole seconds, as the envelope's header wants it. */
function seconds(instant: string): string {
  return toInstant(isoDate(instant), clock(instant))
}

/** The sections in the order of the document, with the completed forms and the files that were picked. */
function sectionsOf(page: LotPage, bid: PlainBid, draft: Draft): SectionInput[] {
  return (page.document?.params.sections ?? [])
    .filter((s) => bid.forms[s.name])
    .map((s) => ({
      name: s.name,
      form: bid.forms[s.name] as unknown as Json,
      files: (draft.files[s.name] ?? []).flatMap((c) => (c.file ? [{ name: c.name, media: c.file.type || 'application/octet-stream', blob: c.file }] : [])),
    }))
}
