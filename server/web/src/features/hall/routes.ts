import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/lots/:id/hall', component: () => import('./HallPage.vue'), meta: { title: '开标大厅' } },
  { path: '/lots/:id/screen', component: () => import('./ScreenPage.vue'), meta: { title: '开标大屏', bare: true } },
]
