import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/operate', component: () => import('./HealthPage.vue'), meta: { title: '平台运行状况', login: true } }]
