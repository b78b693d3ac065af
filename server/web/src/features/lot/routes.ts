import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/lots/:id', component: () => import('./LotPage.vue'), props: true, meta: { title: '标段' } }]
