import { computed, shallowRef } from 'vue'
import { call, ProblemError } from './client'

/** A role the person may take in an organisation. */
export interface Membership {
  organisation: { id: string; name: string; uscc?: string }
  role: string
  label: string
}

/** Who is at this browser, and in which role. */
export interface Session {
  person: { id: string; name: string; login: string }
  organisation: { id: string; name: string; uscc: string }
  role: string
  region: string
  /** Somebody else chose the password; it must be changed before anything else. */
  passwordOnce?: boolean
  memberships: Membership[]
}

const session = shallowRef<Session>()
const known = shallowRef(false)

/** Asks the server who we are; a missing session is an answer, not an error. */
export async function loadSession(): Promise<Session | undefined> {
  try {
    session.value = await call<Session>('GET', '/api/session')
  } catch (cause) {
    if (!(cause instanceof ProblemError) || cause.problem.status !== 401) throw cause
    session.value = undefined
  } finally {
    known.value = true
  }
  return session.value
}

/** Logs in; throws a ProblemError with the reason when refused. */
export async function login(input: { login: string; password: string; membership?: { organisation: string; role: string } }): Promise<Session> {
  await call('POST', '/api/session', { body: input })
  const answer = await loadSession()
  if (!answer) throw new ProblemError({ status: 401, title: '没有登录', code: 'web.no_cookie', detail: '登录没有保留下来，请允许浏览器保存本站的登录信息后再试。' })
  return answer
}

/** Logs in by the answer of a certificate to a challenge (certificate/prove.ts makes it). */
export async function loginByCertificate(proof: { challenge: string; certificate: string; signature: string }): Promise<Session> {
  await call('POST', '/api/session/certificate', { body: proof })
  const answer = await loadSession()
  if (!answer) throw new ProblemError({ status: 401, title: '没有登录', code: 'web.no_cookie', detail: '登录没有保留下来，请允许浏览器保存本站的登录信息后再试。' })
  return answer
}

/** Gives oneself a new password. */
export const changePassword = (old: string, fresh: string): Promise<void> => call('PUT', '/api/session/password', { body: { old, new: fresh } })

export async function logout(): Promise<void> {
  await call('DELETE', '/api/session')
  session.value = undefined
}

/** Takes another of the person's roles. */
export async function switchMembership(organisation: string, role: string): Promise<void> {
  await call('POST', '/api/session/membership', { body: { organisation, role } })
  await loadSession()
}

/** The session of this browser (undefined: nobody), and whether the server has been asked yet. */
export function useSession() {
  return { session: computed(() => session.value), known: computed(() => known.value) }
}
