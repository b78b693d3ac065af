import { computed, ref, shallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/client'
import { useSession } from '@/api/session'

/** The three administrators （三员分立） and the pages of each, the one for every day first. */
export const ADMINISTRATORS = ['system_admin', 'security_admin', 'audit_admin'] as const
export type Administrator = (typeof ADMINISTRATORS)[number]

const ORGANISATIONS = { to: '/admin/organisations', label: '单位' }
const PEOPLE = { to: '/admin/people', label: '人员' }
const GRANTS = { to: '/admin/grants', label: '角色申请' }
const HOLIDAYS = { to: '/admin/holidays', label: '放假安排' }
const AUDIT = { to: '/admin/audit', label: '审计记录' }

export const PAGES: Record<Administrator, { to: string; label: string }[]> = {
  system_admin: [ORGANISATIONS, PEOPLE, GRANTS, HOLIDAYS],
  security_admin: [GRANTS, PEOPLE, ORGANISATIONS, HOLIDAYS],
  audit_admin: [AUDIT, PEOPLE, ORGANISATIONS, GRANTS, HOLIDAYS],
}

/** Which of the three is at this browser; undefined for everybody else. */
export function useAdministrator() {
  const { session } = useSession()
  return computed(() => ADMINISTRATORS.find((r) => r === session.value?.role))
}

/** Runs one act at a time and keeps its refusal for the page. */
export function useAct() {
  const problem = shallowRef<Problem>()
  const busy = ref('')
  async function act<T>(name: string, f: () => Promise<T>): Promise<T | undefined> {
    problem.value = undefined
    busy.value = name
    try {
      return await f()
    } catch (cause) {
      problem.value = asProblem(cause)
      return undefined
    } finally {
      busy.value = ''
    }
  }
  return { problem, busy, act }
}

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789'

/** A one-time password （一次性口令）: 15 characters that are not mistaken for each other, in groups of five. */
export function oncePassword(): string {
  const out: string[] = []
  while (out.length < 15) {
    const [n = 255] = crypto.getRandomValues(new Uint8Array(1))
    if (n < LETTERS.length * 4) out.push(LETTERS[n % LETTERS.length] ?? '')
  }
  return [out.slice(0, 5), out.slice(5, 10), out.slice(10)].map((g) => g.join('')).join('-')
}
