import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/measure', component: () => import('./MeasurePage.vue'), meta: { title: '本机测速' } }]
