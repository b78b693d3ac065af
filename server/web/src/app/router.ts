import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { guard } from './guard'

declare module 'vue-router' {
  interface RouteMeta {
    /** Page title, shown before " · 见标". */
    title?: string
    /** The page needs a logged-in person. */
    login?: boolean
    /** No top bar of the shell (the public wall has its own head). */
    bare?: boolean
  }
}

/** Every feature brings its own routes.ts; the shell knows none of them by name. */
const modules = import.meta.glob<{ routes: RouteRecordRaw[] }>('../features/*/routes.ts', { eager: true })

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    ...Object.values(modules).flatMap((m) => m.routes),
    { path: '/refused', component: () => import('./RefusedPage.vue'), meta: { title: '不能进入' } },
    { path: '/:rest(.*)*', component: () => import('./NotFoundPage.vue'), meta: { title: '没有这个页面' } },
  ],
  scrollBehavior: (to, _from, saved) => saved ?? (to.hash ? { el: to.hash } : { top: 0 }),
})

router.beforeEach(guard)
router.afterEach((to) => {
  document.title = to.meta.title ? `${to.meta.title} · 见标` : '见标'
})
