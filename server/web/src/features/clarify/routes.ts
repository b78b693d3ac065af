import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [{ path: '/lots/:id/clarify', component: () => import('./ClarifyPage.vue'), props: true, meta: { title: '答疑、澄清', login: true } }]
