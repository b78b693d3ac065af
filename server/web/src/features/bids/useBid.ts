import { computed, ref, shallowRef, type Ref } from 'vue'
import { loadPlatformKeys, uploadEnvelope } from '@/api/bids'
import { legalTime } from '@/api/clock'
import { asProblem, type Problem } from '@/api/client'
import { forgetEnvelope } from '@/api/kept'
import type { LotPage } from '@/api/lots'
import type { Session } from '@/api/session'
import { lotTitle } from '@/domain/lotLabels'
import { capital } from '@/domain/money'
import { isoDate, clock, toInstant } from '@/domain/time'
import type { Json, Receipt, SealedEnvelope, SectionInput, VaultBid } from '@/sealer/sealer'
import { bidsOf, change, newestBid, sealer, useVault } from '@/vault/vault'

/** What a bidder fills in （投标函）; `files` by section. */
export interface BidForm {
  price: string
  durationDays: string
  quality: string
  manager: string
  depositForm: string
  depositAmount: string
  contact: string
}

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

  const submit = (form: BidForm, files: Readonly<Record<string, File[]>>) =>
    attempt(async () => {
      const envelope = await seal(form, files)
      if (envelope) await deliver(envelope)
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

  async function seal(form: BidForm, files: Readonly<Record<string, File[]>>) {
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
    const firm = vault.signing.find((k) => k.use === 'firm')
    const legal = vault.signing.find((k) => k.use === 'legalRepresentative')
    if (!bidder || !fresh || !firm || !legal) return undefined
    const oneTime = earlier?.oneTime ?? fresh.private
    phase.value = { text: '正在密封', percent: 0 }
    const now = legalTime()
    const envelope = await sealer().sealBid(
      {
        lot: lot.id, documentVersion: String(lot.documentVersion), cutoffKey: keys.cutoff, openingKey: keys.opening, deadline: seconds(p.lot.bidDeadline),
        number: (last?.header.number ?? 0) + 1, replaces: last?.digest ?? '', oneTime, bidder: bidder.private, firm: firm.key, signatory: legal.key,
        owner: {
          name: who.organisation.name, uscc: who.organisation.uscc, legalRepresentative: legal.name, agent: '', contact: form.contact,
          capacity: 'legalRepresentative', signedAt: toInstant(isoDate(now), clock(now)),
        },
        sections: sectionsOf(p, form, files),
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
      drafts: d.drafts.filter((x) => x.lot !== entry.lot),
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

  return { phase, problem, busy, done, waiting, newest, past, submit, again, withdraw }
}

/** RFC 3339 in whole seconds, as the envelope's header wants it. */
function seconds(instant: string): string {
  return toInstant(isoDate(instant), clock(instant))
}

/** The form goes into the price section; a section without a form of its own carries an empty one. */
function sectionsOf(page: LotPage, form: BidForm, files: Readonly<Record<string, File[]>>): SectionInput[] {
  const params = page.document?.params
  const priced: Json = {
    price: form.price, capital: capital(form.price) ?? '', durationDays: Number(form.durationDays), quality: form.quality, manager: form.manager,
    deposit: { form: form.depositForm, amount: form.depositAmount },
  }
  const wanted = (params?.sections ?? []).filter((s) => s.required || s.name === 'price' || (files[s.name]?.length ?? 0) > 0)
  return wanted.map((s) => ({
    name: s.name,
    form: s.name === 'price' ? priced : {},
    files: (files[s.name] ?? []).map((f) => ({ name: f.name, media: f.type || 'application/octet-stream', blob: f })),
  }))
}
