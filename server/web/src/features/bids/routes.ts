import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/bids/new/:lot', component: () => import('./BidPage.vue'), props: true, meta: { title: '编制投标文件', login: true } },
  { path: '/bids/offline/:lot', component: () => import('./OfflinePage.vue'), props: true, meta: { title: '提交离线制作的投标文件', login: true } },
]
