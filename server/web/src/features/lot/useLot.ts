import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { useRouter } from 'vue-router'
import { asProblem, isAborted, type Problem } from '@/api/client'
import { retender } from '@/api/documents'
import { commandLot, loadEvents, loadLot, type EventView, type LotPage } from '@/api/lots'

/** One lot on the screen: its page, its events, whether it is busy, and what went wrong. */
export function useLot(id: Ref<string>) {
  const router = useRouter()
  const page = shallowRef<LotPage>()
  const events = shallowRef<EventView[]>([])
  const problem = shallowRef<Problem>()
  const busy = ref(true)
  let abort: AbortController | undefined

  async function load() {
    abort?.abort()
    const mine = (abort = new AbortController())
    busy.value = true
    try {
      page.value = await loadLot(id.value, mine.signal)
      problem.value = undefined
      events.value = await allEvents(id.value)
    } catch (cause) {
      if (isAborted(cause)) return
      problem.value = asProblem(cause)
    }
    if (abort === mine) busy.value = false
  }

  /** Runs a command and reads the lot anew; resolves with true when it went through. */
  async function act(command: string, input: unknown): Promise<boolean> {
    busy.value = true
    try {
      // A re-tender makes another lot; whoever makes it goes on there.
      if (command === 'retender') {
        await router.push(`/desk/new?lot=${(await retender(id.value)).lot.id}`)
        return true
      }
      await commandLot(id.value, command, input)
    } catch (cause) {
      problem.value = asProblem(cause)
      busy.value = false
      return false
    }
    await load()
    return true
  }

  watch(
    id,
    () => {
      page.value = undefined
      events.value = []
      void load()
    },
    { immediate: true },
  )
  onScopeDispose(() => abort?.abort())
  return { page, events, problem, busy, load, act }
}

async function allEvents(id: string): Promise<EventView[]> {
  const all: EventView[] = []
  let after = 0
  // The list is paged; 20 pages of 200 are far more than one lot ever has.
  for (let round = 0; round < 20; round++) {
    const answer = await loadEvents(id, after)
    all.push(...answer.items)
    const last = answer.items.at(-1)?.seq
    if (!answer.next || last === undefined || last <= after) break
    after = last
  }
  return all
}
