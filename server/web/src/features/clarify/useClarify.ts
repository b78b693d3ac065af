import { computed, onScopeDispose, reactive, ref, shallowRef, watch, type Ref } from 'vue'
import { asProblem, type Problem } from '@/api/client'
import { clarify, listObjections, listQuestions, planClarification, type ClarificationPlan, type Objection, type Question } from '@/api/documents'
import { loadLot, type DocParams, type DocumentFile, type LotPage } from '@/api/lots'
import { addFile } from '@/api/projects'

/** What the host writes: answers by question, what changes, whether it affects bids, and the deadline that moves with it. */
export interface ClarifyForm {
  answers: Record<string, string>
  changes: string
  affects: '' | 'yes' | 'no'
  to: string
  removed: string[]
  params: Partial<Pick<DocParams, 'priceCeiling' | 'durationDays' | 'quality' | 'qualification' | 'scope'>>
}

/** A lot, what waits in it for an answer, and the clarification being written, held against the law while it is written. */
export function useClarify(id: Ref<string>) {
  const page = shallowRef<LotPage>()
  const questions = shallowRef<Question[]>([])
  const objections = shallowRef<Objection[]>([])
  const plan = shallowRef<ClarificationPlan>()
  const problem = shallowRef<Problem>()
  const planProblem = shallowRef<Problem>()
  const busy = ref(false)
  const added = shallowRef<DocumentFile[]>([])
  const form = reactive<ClarifyForm>({ answers: {}, changes: '', affects: '', to: '', removed: [], params: {} })
  let asked = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function attempt(act: () => Promise<void>): Promise<boolean> {
    busy.value = true
    problem.value = undefined
    try {
      await act()
      return true
    } catch (cause) {
      problem.value = asProblem(cause)
      return false
    } finally {
      busy.value = false
    }
  }

  const load = () =>
    attempt(async () => {
      const [p, q, o] = await Promise.all([loadLot(id.value), listQuestions(id.value), listObjections(id.value)])
      page.value = p
      questions.value = q
      objections.value = o
    })

  /** Asks the server what the law says of the clarification as it stands; the newest answer counts. */
  async function check() {
    const mine = ++asked
    try {
      const got = await planClarification(id.value, form.affects === 'yes', form.to)
      if (mine !== asked) return
      plan.value = got
      planProblem.value = undefined
    } catch (cause) {
      if (mine !== asked) return
      plan.value = undefined
      planProblem.value = asProblem(cause)
    }
  }

  const open = computed(() => questions.value.filter((q) => !q.answer))
  const waiting = computed(() => objections.value.filter((o) => !o.answer))
  const answers = computed(() => open.value.flatMap((q) => ((form.answers[q.id] ?? '').trim() ? [{ question: q.id, answer: form.answers[q.id] ?? '' }] : [])))
  /** The whole parameters if one of them was changed. */
  const params = computed<DocParams | undefined>(() => {
    const now = page.value?.document?.params
    if (!now) return undefined
    const changed = Object.entries(form.params).filter(([name, v]) => v !== undefined && String(v) !== String(now[name as keyof DocParams] ?? ''))
    return changed.length > 0 ? { ...now, ...Object.fromEntries(changed) } : undefined
  })

  const send = () =>
    attempt(() =>
      clarify(id.value, {
        answers: answers.value, changes: form.changes, removeFiles: form.removed, affectsPreparation: form.affects === 'yes',
        ...(params.value ? { params: params.value } : {}), ...(form.to ? { to: form.to } : {}),
      }),
    )

  const add = (files: File[]) =>
    attempt(async () => {
      for (const f of files) added.value = [...added.value, await addFile(id.value, f)]
    })

  watch(id, load, { immediate: true })
  watch(
    () => [form.affects, form.to, page.value?.lot.bidDeadline].join(),
    () => {
      clearTimeout(timer)
      if (page.value) timer = setTimeout(check, 250)
    },
  )
  onScopeDispose(() => clearTimeout(timer))
  return { page, open, waiting, plan, planProblem, problem, busy, form, answers, params, added, load, send, add }
}
