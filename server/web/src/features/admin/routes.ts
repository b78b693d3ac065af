import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/admin', component: () => import('./AdminHome.vue'), meta: { title: '管理', login: true } },
  { path: '/admin/organisations', component: () => import('./OrganisationsPage.vue'), meta: { title: '单位', login: true } },
  { path: '/admin/organisations/import', component: () => import('./ImportPage.vue'), meta: { title: '导入单位名录', login: true } },
  { path: '/admin/people', component: () => import('./PeoplePage.vue'), meta: { title: '人员', login: true } },
  { path: '/admin/grants', component: () => import('./GrantsPage.vue'), meta: { title: '角色申请', login: true } },
  { path: '/admin/holidays', component: () => import('./HolidaysPage.vue'), meta: { title: '放假安排', login: true } },
  { path: '/admin/audit', component: () => import('./AuditPage.vue'), meta: { title: '审计记录', login: true } },
  { path: '/password', component: () => import('./PasswordPage.vue'), meta: { title: '修改口令', login: true } },
]
