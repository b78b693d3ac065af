import { shallowRef } from 'vue'
import { call } from './client'

/** Labels of everything the server names by code; the web application has none of its own. */
export interface Meta {
  roles: Record<string, string>
  lotStates: Record<string, string>
  openingStates: { code: string; label: string; step: number }[]
  events: Record<string, { label: string; audience?: string }>
  commands: Record<string, { label: string; confirm?: string; irreversible?: boolean }>
  /** Reasons of a failed decryption that a bidder may report. */
  reasons: Record<string, string>
}

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

export const roleLabel = (code: string): string => meta.value?.roles[code] ?? ''
export const lotStateLabel = (code: string): string => meta.value?.lotStates[code] ?? ''
export const openingStateLabel = (code: string): string => meta.value?.openingStates.find((s) => s.code === code)?.label ?? ''
export const openingStep = (code: string): number => meta.value?.openingStates.find((s) => s.code === code)?.step ?? 0
export const eventLabel = (kind: string): string => meta.value?.events[kind]?.label ?? ''
export const commandLabel = (code: string): string => meta.value?.commands[code]?.label ?? ''
export const reasonLabel = (code: string): string => meta.value?.reasons[code] ?? code
