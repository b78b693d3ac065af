import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/desk', component: () => import('./DeskPage.vue'), meta: { title: '我的工作台', login: true } },
  { path: '/desk/new', component: () => import('./NewLotPage.vue'), meta: { title: '新建招标', login: true } },
]
