import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/', component: () => import('./PortalPage.vue'), meta: { title: '招标公告' } }]
