import { shallowRef } from 'vue'
import { call } from './client'

/** Labels of everything the server names by code; the web application has none of its own. */
export interface Meta {
  roles: Record<string, string>
  lotStates: Record<string, string>
  openingStates: { code: string; label: string; step: number }[]
  events: Record<string, { label: string; audience?: string }>
  commands: Record<string, { label: string; confirm?: string; irreversible?: boolean }>
  /** What the law of each kind of project calls things. */
  projectKinds: Record<string, Wording>
  /** Methods of procurement （采购方式）; one with a refusal is not carried out here. */
  methods: { code: string; label: string; kinds: string[]; refusal?: string; basis?: string }[]
  /** Reasons of a failed decryption that a bidder may report. */
  reasons: Record<string, string>
}

export interface Wording {
  label: string
  buyer: string
  bidder: string
  document: string
  estimate: string
  ceiling: string
  approval: string
}

const ENGINEERING: Wording = { label: '工程建设', buyer: '招标人', bidder: '投标人', document: '招标文件', estimate: '估算价', ceiling: '最高投标限价', approval: '立项批复文号' }

const meta = shallowRef<Meta>()
let pending: Promise<void> | undefined

/** Loads the labels once; later calls wait for the same answer, a failed one is tried again. */
export function loadMeta(): Promise<void> {
  pending ??= call<Meta>('GET', '/api/meta').then(
    (answer) => {
      meta.value = answer
    },
    (cause: unknown) => {
      pending = undefined
      throw cause
    },
  )
  return pending
}

/** The labels, undefined until `loadMeta` has resolved. */
export function useMeta() {
  return meta
}

/** The wording of a kind of project; engineering's until the labels are there. */
export const wording = (kind: string | undefined): Wording => meta.value?.projectKinds[kind ?? ''] ?? ENGINEERING
export const methodLabel = (code: string): string => meta.value?.methods.find((m) => m.code === code)?.label ?? ''
export const roleLabel = (code: string): string => meta.value?.roles[code] ?? ''
export const lotStateLabel = (code: string): string => meta.value?.lotStates[code] ?? ''
export const openingStateLabel = (code: string): string => meta.value?.openingStates.find((s) => s.code === code)?.label ?? ''
export const openingStep = (code: string): number => meta.value?.openingStates.find((s) => s.code === code)?.step ?? 0
export const eventLabel = (kind: string): string => meta.value?.events[kind]?.label ?? ''
export const commandLabel = (code: string): string => meta.value?.commands[code]?.label ?? ''
export const reasonLabel = (code: string): string => meta.value?.reasons[code] ?? code
