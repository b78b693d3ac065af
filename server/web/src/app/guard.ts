import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'
import { loadSession, useSession } from '@/api/session'

/** Sends a person who is not logged in to the login page and remembers where they wanted to go. */
export async function guard(to: RouteLocationNormalized): Promise<true | RouteLocationRaw> {
  const { session, known } = useSession()
  if (!to.meta.login) return true
  if (!known.value) await loadSession().catch(() => undefined)
  if (!session.value) return { path: '/login', query: { next: to.fullPath } }
  if (to.path === '/desk' && session.value.role.endsWith('_admin')) return '/admin'
  return session.value.passwordOnce && to.path !== '/password' ? '/password' : true
}
