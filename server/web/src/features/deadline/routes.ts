import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/deadline', component: () => import('./DeadlinePage.vue'), meta: { title: '期限计算器' } }]
