import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'
import { loadSession, useSession } from '@/api/session'

/** Sends a person who is not logged in to the login page and remembers where they wanted to go. */
export async function guard(to: RouteLocationNormalized): Promise<true | RouteLocationRaw> {
  const { session, known } = useSession()
  if (!to.meta.login) return true
  if (!known.value) await loadSession().catch(() => undefined)
  return session.value ? true : { path: '/login', query: { next: to.fullPath } }
}
