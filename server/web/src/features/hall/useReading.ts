/** The reading-out (唱标): rows appear one after another for those who are present, at once for those who come later. */
import { computed, onScopeDispose, ref, watch, type Ref } from 'vue'
import { capital, formatAmount } from '@/domain/money'
import type { HallSnapshot, ReadingRow } from '@/live/messages'

/** States in which prices have been or are being read out. */
const READ = new Set(['announcing', 'objection_window', 'record_confirming', 'between_sessions', 'closed'])

/** Speaks one sentence; resolves when it has been said. */
export type Speaker = (text: string) => Promise<void>

/** Rows in the order in which they are read. */
export function inReadingOrder(rows: readonly ReadingRow[]): ReadingRow[] {
  return [...rows].sort((a, b) => (a.revealed ?? a.no) - (b.revealed ?? b.no))
}

/** What the loudspeaker says of a row. */
export function sentence(row: ReadingRow): string {
  const parts = [row.organisation]
  if (row.price) parts.push(`投标报价，${row.priceCapital ?? capital(row.price) ?? `${formatAmount(row.price)}元`}`)
  if (row.duration) parts.push(`工期，${String(row.duration)}${/^\d+$/.test(String(row.duration)) ? '日历天' : ''}`)
  if (row.quality) parts.push(`质量目标，${row.quality}`)
  if (row.manager) parts.push(`项目负责人，${row.manager}`)
  return `${parts.join('。')}。`
}

/** `paceMs`: pause between two rows while nobody speaks. */
export function useReading(hall: Ref<HallSnapshot | undefined>, paceMs: number, speak: Speaker = browserSpeaker) {
  const voice = ref(false)
  const shown = ref(Number.POSITIVE_INFINITY)
  const rows = computed(() => inReadingOrder(hall.value?.table ?? []))
  const read = computed(() => READ.has(hall.value?.state ?? ''))
  const visible = computed(() => (read.value ? rows.value.slice(0, shown.value) : []))
  let turn = 0

  async function begin(): Promise<void> {
    const mine = ++turn
    shown.value = 0
    while (mine === turn && shown.value < rows.value.length) {
      shown.value += 1
      const row = rows.value[shown.value - 1]
      if (voice.value && row) await Promise.race([speak(sentence(row)), wait(20_000)])
      else await wait(paceMs)
    }
    if (mine === turn) shown.value = Number.POSITIVE_INFINITY
  }

  watch(
    () => [hall.value?.state, rows.value.length > 0] as const,
    ([state, filled], [before, wasFilled]) => {
      const arrived = state === 'announcing' && filled && (before !== state || !wasFilled) && before !== undefined
      if (arrived) void begin()
    },
  )
  onScopeDispose(() => {
    turn += 1
    if (voice.value) silence()
  })

  /** Turns the loudspeaker on or off; switched on while prices are read, it begins from the first row. */
  function toggleVoice(): void {
    voice.value = !voice.value
    if (!voice.value) return silence()
    if (hall.value?.state === 'announcing') void begin()
  }
  return { visible, rows, read, voice, toggleVoice, canSpeak: 'speechSynthesis' in globalThis }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function silence(): void {
  if ('speechSynthesis' in globalThis) speechSynthesis.cancel()
}

function browserSpeaker(text: string): Promise<void> {
  return new Promise((resolve) => {
    const utterance = new SpeechSynthesisUtterance(text)
    utterance.lang = 'zh-CN'
    utterance.rate = 0.95
    const chinese = speechSynthesis.getVoices().find((v) => v.lang.replace('_', '-').startsWith('zh'))
    if (chinese) utterance.voice = chinese
    utterance.onend = () => resolve()
    utterance.onerror = () => void wait(2500).then(resolve)
    speechSynthesis.speak(utterance)
  })
}
