import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/rehearsal', component: () => import('./RehearsalPage.vue'), meta: { title: '演练' } }]
