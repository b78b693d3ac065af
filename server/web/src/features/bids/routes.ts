import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/bids/new/:lot', component: () => import('./BidPage.vue'), props: true, meta: { title: '编制投标文件', login: true } }]
