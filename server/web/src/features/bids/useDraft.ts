import { computed, inject, onScopeDispose, reactive, ref, shallowRef, watch, type InjectionKey } from 'vue'
import { legalTime } from '@/api/clock'
import { asProblem, type Problem } from '@/api/client'
import type { DocParams } from '@/api/lots'
import { anchorOf, type FormProblem, type PlainBid } from '@/domain/bidForm'
import { change, sealer, useVault } from '@/vault/vault'
import { AGREEMENT, ATTORNEY, keptDraft, OTHER, pick, plainBid, restoreDraft, termsOf, type Chosen, type Draft } from './draft'
import { legalRepresentative } from './signers'

const CHECK_AFTER = 250
const SAVE_AFTER = 4000

/**
 * The bid in the making of one lot: restored from the vault, checked after every change with the code that the offline
 * program and the opening run, and kept in the vault a few seconds after the last change.
 */
export function useDraft(lot: string, params: DocParams, organisation: { name: string; uscc: string }) {
  const { document: held } = useVault()
  const kept = held.value?.drafts.find((d) => d.lot === lot)
  const draft = reactive<Draft>(restoreDraft(kept?.form, params))
  const problems = shallowRef<FormProblem[]>([])
  const prepared = shallowRef<PlainBid>()
  const saved = ref(kept?.savedAt ?? '')
  const saving = ref(false)
  const failure = shallowRef<Problem>()
  const notes = ref<Record<string, string>>({})
  const terms = termsOf(params)
  let checking: ReturnType<typeof setTimeout> | undefined
  let keeping: ReturnType<typeof setTimeout> | undefined
  let last = JSON.stringify(keptDraft(draft))

  const owner = () => ({ name: organisation.name, uscc: organisation.uscc, legalRepresentative: legalRepresentative() })

  async function check(): Promise<void> {
    const result = await sealer().bidPrepare(terms, plainBid(draft, params, owner()))
    prepared.value = result.bid
    problems.value = [...result.problems, ...unpicked(result.problems)]
  }

  /** Files that only the draft knows: left out silently they would be missed. */
  function unpicked(found: readonly FormProblem[]): FormProblem[] {
    return Object.entries(draft.files).flatMap(([section, list]) =>
      list
        .filter((c) => !c.file)
        .map((c) => ({ field: pathOf(section, c.role), code: 'file_unpicked', message: `草稿里的“${c.name}”要在这台电脑上重新选择，或者移去。`, block: true }))
        .filter((p) => !found.some((x) => x.block && anchorOf(x.field) === anchorOf(p.field))),
    )
  }

  async function save(): Promise<void> {
    clearTimeout(keeping)
    const form = keptDraft(draft)
    const text = JSON.stringify(form)
    if (text === last) return
    saving.value = true
    try {
      const entry = { lot, form, savedAt: new Date(legalTime()).toISOString() }
      await change((d) => ({ ...d, drafts: [...d.drafts.filter((x) => x.lot !== lot), entry] }))
      last = text
      saved.value = entry.savedAt
      failure.value = undefined
    } catch (cause) {
      failure.value = asProblem(cause)
    }
    saving.value = false
  }

  watch(
    draft,
    () => {
      clearTimeout(checking)
      clearTimeout(keeping)
      checking = setTimeout(() => void check().catch((cause: unknown) => (failure.value = asProblem(cause))), CHECK_AFTER)
      keeping = setTimeout(() => void save(), SAVE_AFTER)
    },
    { deep: true },
  )
  void check().catch((cause: unknown) => (failure.value = asProblem(cause)))
  onScopeDispose(() => {
    clearTimeout(checking)
    if (keeping) void save()
  })

  /** Takes newly picked files, computes their digests, and says where one is not that of the draft. */
  function choose(section: string, role: string, picked: readonly File[], single = false): void {
    const list = pick(draft.files[section] ?? [], role, picked, single)
    draft.files = { ...draft.files, [section]: list }
    for (const c of list) if (c.file && picked.some((f) => c.file === f || c.name === f.name)) void compare(section, c)
  }

  async function compare(section: string, chosen: Chosen): Promise<void> {
    if (!chosen.file) return
    const digest = await sealer().digest(chosen.file)
    const key = `${section}/${chosen.name}`
    const { [key]: _, ...rest } = notes.value
    notes.value = chosen.digest && chosen.digest !== digest ? { ...rest, [key]: '与草稿里记下的不是同一份文件，以现在选的为准。' } : rest
    draft.files = { ...draft.files, [section]: (draft.files[section] ?? []).map((c) => (c.name === chosen.name && c.role === chosen.role ? { ...c, digest } : c)) }
  }

  function remove(section: string, chosen: Chosen): void {
    draft.files = { ...draft.files, [section]: (draft.files[section] ?? []).filter((c) => c.name !== chosen.name || c.role !== chosen.role) }
  }

  const byAnchor = computed(() => {
    const out = new Map<string, FormProblem>()
    for (const p of problems.value) {
      const at = anchorOf(p.field)
      if (!out.get(at)?.block) out.set(at, p)
    }
    return out
  })
  const blocking = computed(() => problems.value.filter((p) => p.block))

  return { draft, problems, blocking, byAnchor, prepared, saved, saving, failure, notes, check, save, choose, remove }
}

function pathOf(section: string, role: string): string {
  if (role === OTHER) return `${section}.files`
  if (role === ATTORNEY) return `${section}.attorney`
  return role === AGREEMENT ? `${section}.consortium.agreement` : `${section}.attachments.${role}`
}

/** All that a part of the form needs: the draft and what is wrong with it. */
export type DraftDesk = ReturnType<typeof useDraft>

export const DESK: InjectionKey<DraftDesk> = Symbol('desk')

/** The desk of the editor around a part of the form. */
export function useDesk(): DraftDesk {
  const desk = inject(DESK)
  if (!desk) throw new Error('no draft around this part')
  return desk
}
