import { ref, watch, type Ref } from 'vue'
import { useSession } from '@/api/session'

const PREFIX = 'jianbiao-draft:'

/** A form that survives a reload: kept in this browser under the person's own name until it is done with. What is kept
 * is laid over `initial`, so that a field which came later has its first value. */
export function useDraft<T extends object>(key: string, initial: T): { form: Ref<T>; restored: boolean; done: () => void } {
  const { session } = useSession()
  const place = `${PREFIX}${session.value?.person.id ?? ''}:${key}`
  const kept = read<T>(place)
  const form = ref({ ...initial, ...kept }) as Ref<T>
  const stop = watch(form, (value) => keep(place, value), { deep: true })
  return {
    form,
    restored: kept !== undefined,
    done: () => {
      stop()
      localStorage.removeItem(place)
    },
  }
}

function read<T>(place: string): Partial<T> | undefined {
  try {
    const text = localStorage.getItem(place)
    return text ? (JSON.parse(text) as Partial<T>) : undefined
  } catch {
    return undefined // another program's words, or no storage at all: begin afresh
  }
}

function keep(place: string, value: unknown) {
  try {
    localStorage.setItem(place, JSON.stringify(value))
  } catch {
    // a full or forbidden storage keeps nothing; the form itself goes on
  }
}
