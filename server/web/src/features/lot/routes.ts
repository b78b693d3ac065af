import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/lots/:id', component: () => import('./LotPage.vue'), props: true, meta: { title: '标段' } },
  { path: '/lots/:id/notices/:number', component: () => import('./NoticePage.vue'), props: true, meta: { title: '公告' } },
]
