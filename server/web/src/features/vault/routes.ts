import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/vault', component: () => import('./VaultPage.vue'), meta: { title: '保险箱', login: true } }]
