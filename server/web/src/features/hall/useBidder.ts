/** The bidder's side of the hall: vault, passphrase, the big button, and what happens when it fails. */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { bidderStep, type BidderAct, type BidderStep } from './bidderStep'
import { opens } from './sessions'
import type { Command, Hall } from './useHall'
import { VaultError, type CommandInput, type HallVault, type MyBid, type VaultFailure } from './vault'

/** A failure on this machine, as the card explains it. */
export interface LocalFailure {
  reason: VaultFailure
  detail: string
  /** How many times in a row. */
  count: number
  /** The host has been told (report_failure was accepted). */
  reported: boolean
}

const remembered = (lot: string): string => `jianbiao.hall.mine.${lot}`

export function useBidder(lot: string, hall: Hall, command: Command, vault: HallVault, organisation: Readonly<Ref<string>>) {
  const bids = shallowRef<readonly MyBid[]>()
  const open = ref(false)
  const working = ref('')
  const failure = shallowRef<LocalFailure>()
  const recalled = recall(lot)

  /** Digests of our bids: from the opened vault, from earlier in this tab, or from the roster by our name. */
  const mine = computed<readonly string[] | undefined>(() => {
    if (bids.value) return bids.value.map((b) => b.digest)
    if (recalled) return recalled
    const ours = hall.hall.value?.bids.filter((b) => b.organisation !== undefined && b.organisation === organisation.value)
    return ours && ours.length > 0 ? ours.map((b) => b.digest) : undefined
  })
  const bid = computed(() => hall.hall.value?.bids.find((b) => mine.value?.includes(b.digest)))
  const step = computed<BidderStep | undefined>(() =>
    hall.hall.value ? bidderStep({ hall: hall.hall.value, mine: mine.value, open: open.value }) : undefined,
  )

  async function unlock(passphrase: string): Promise<boolean> {
    if (open.value) return true
    working.value = '正在打开保险箱（约几秒）'
    bids.value = await vault.unlock(passphrase, lot)
    open.value = true
    remember(lot, bids.value)
    return true
  }

  /** Does the act of the big button; resolves true when it was accepted. The passphrase is only needed while locked. */
  async function perform(act: BidderAct, passphrase: string): Promise<boolean> {
    if (working.value || command.busy.value) return false
    command.problem.value = undefined
    try {
      await unlock(passphrase)
      const done = await ACTS[act]()
      if (done) failure.value = undefined
      return done
    } catch (cause) {
      await failed(cause)
      return false
    } finally {
      working.value = ''
    }
  }

  const ACTS: Record<BidderAct, () => Promise<boolean>> = {
    unlock: async () => true,
    check_seal: checkSeal,
    report_missing: async () => {
      const receipt = bids.value?.[0]?.receipt
      return receipt === undefined ? false : command.send('report_missing', { receipt })
    },
    release_part: release,
    no_objection: () => signed('no_objection', {}),
    confirm_record: () => signed('confirm_record', { recordDigest: hall.hall.value?.recordDigest ?? '' }),
    download: async () => true,
  }

  /** Not found in the record is no failure here: the card turns to the alarm by itself. */
  async function checkSeal(): Promise<boolean> {
    if (!bid.value) return true
    working.value = '正在核对截止记录和回执'
    await vault.verify(lot, bid.value.digest)
    return signed('check_seal', {})
  }

  async function release(): Promise<boolean> {
    const digest = bid.value?.digest
    if (digest === undefined) throw new VaultError('key_missing', '保险箱里没有本标段的投标文件。')
    working.value = '正在取出解密份额'
    const parts = await vault.parts(lot, digest, (section) => !!hall.hall.value && opens(hall.hall.value, section))
    const done = await signed('release_part', { parts })
    if (!done) failure.value = { reason: 'other', detail: command.problem.value?.detail ?? '', count: (failure.value?.count ?? 0) + 1, reported: true }
    return done
  }

  async function signed(name: string, input: CommandInput): Promise<boolean> {
    const digest = bid.value?.digest
    if (digest === undefined) return false
    working.value = '正在签名并发送'
    const signature = await vault.sign(lot, digest, name, input)
    return command.send(name, { digest, ...input, signature })
  }

  /** An objection needs words besides the signature. */
  async function object(text: string, passphrase: string): Promise<boolean> {
    if (working.value || command.busy.value) return false
    try {
      await unlock(passphrase)
      return await signed('raise_objection', { text })
    } catch (cause) {
      await failed(cause)
      return false
    } finally {
      working.value = ''
    }
  }

  /** Keeps the reason for the card, and during the window tells the hall, so that the host can help while there is time. */
  async function failed(cause: unknown): Promise<void> {
    if (!(cause instanceof VaultError)) console.error(cause)
    const { reason, detail } = cause instanceof VaultError ? cause : { reason: 'other' as const, detail: '本机在取出份额时遇到意外情况。' }
    const count = (failure.value?.count ?? 0) + 1
    failure.value = { reason, detail, count, reported: false }
    working.value = ''
    const digest = bid.value?.digest
    if (digest === undefined || hall.hall.value?.state !== 'decrypting') return
    const reported = await command.send('report_failure', { digest, reason, detail })
    if (!reported) command.problem.value = undefined // the failure itself matters here, not that telling it failed too
    failure.value = { reason, detail, count, reported }
  }

  // A failure is explained while something can be done about it, and not after.
  watch(() => hall.hall.value?.state, () => (failure.value = undefined))
  onScopeDispose(() => vault.lock())
  return { bids, bid, mine, open, working, failure, step, perform, object }
}

export type Bidder = ReturnType<typeof useBidder>

function recall(lot: string): string[] | undefined {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(remembered(lot)) ?? 'null')
    return Array.isArray(kept) && kept.length > 0 ? kept.filter((d): d is string => typeof d === 'string') : undefined
  } catch {
    return undefined
  }
}

/** Only the digests are kept, only in this tab: they are public from the cut-off on. */
function remember(lot: string, bids: readonly MyBid[]): void {
  try {
    sessionStorage.setItem(remembered(lot), JSON.stringify(bids.map((b) => b.digest)))
  } catch {
    // a browser that keeps nothing asks for the passphrase again, no more
  }
}

