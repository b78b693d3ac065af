import { call, query } from './client'

export interface Place { code: string; name: string; fullName: string; level: number }

export interface Organisation {
  id: string
  uscc: string
  name: string
  region: string
  regionName: string
  certifiedAt?: string
  suspendedAt?: string
  suspension?: string
  createdAt: string
}

export interface Role { organisation: { id: string; name: string; uscc: string }; role: string; label: string }

export interface Person {
  id: string
  login: string
  name: string
  disabledAt?: string
  passwordOnce: boolean
  memberships: Role[]
  createdAt: string
}

/** A role that one administrator asked for and another grants （角色申请）. */
export interface Grant {
  id: string
  person: { id: string; name: string; login: string; new: boolean }
  organisation: { id: string; name: string }
  role: string
  label: string
  regionName: string
  state: 'pending' | 'approved' | 'rejected'
  requestedBy: string
  requestedAt: string
  decidedBy?: string
  decidedAt?: string
  reason?: string
}

export interface ImportPreview {
  rows: number
  good: number
  bad: number
  errors: { line: number; column: string; code: string; message: string }[]
  sample: { line: number; uscc: string; name: string; region: string }[]
}

export interface Imported { id: string; name: string; rows: number; entered: number; refused: number; createdAt: string }

export interface AuditEntry {
  id: string
  at: string
  kind: string
  label: string
  actor?: string
  role?: string
  organisation?: string
  address?: string
  subject: string
  subjectName?: string
  fields: { name: string; value: string }[]
}

export interface Holiday {
  id: string
  year: number
  version: number
  title: string
  number: string
  digest: string
  state: 'pending' | 'approved' | 'rejected'
  inForce: boolean
  proposedBy: string
  proposedAt: string
  decidedBy?: string
  decidedAt?: string
  reason?: string
}

export interface LotRef { id: string; code: string; title: string }

/** What a holiday notice says and what it would change （放假安排预览）. */
export interface HolidayPreview {
  notice?: Holiday
  year: number
  title: string
  number: string
  text?: string
  faults: { sentence: number; text: string; message: string }[]
  warnings: string[]
  days: { date: string; name: string; off: boolean }[]
  calendar: { date: string; off: boolean; why?: string; worked?: boolean }[]
  off: number
  worked: number
  workdays: number
  moved: { lot: LotRef; rule: string; name: string; basis: string; from: string; beforeBound: string; afterBound: string; earlier: boolean }[]
  unlawful: { lot: LotRef; rule?: string; detail: string; basis?: string }[]
}

export interface HolidayText { text: string; table?: boolean; year?: number; number?: string }

export interface PageOf<T> { items: T[]; next?: string }

export const searchRegions = (q: string) => call<{ items: Place[] }>('GET', `/api/regions${query({ q, limit: 40 })}`).then((a) => a.items)
export const listOrganisations = (o: { q?: string; state?: string; after?: string; limit?: number }) => call<PageOf<Organisation>>('GET', `/api/organisations${query(o)}`)
export const createOrganisation = (body: { uscc: string; name: string; region: string }) => call<Organisation>('POST', '/api/organisations', { body })
export const certify = (id: string) => call<void>('POST', `/api/organisations/${id}/certification`)
export const suspend = (id: string, reason: string) => call<void>('POST', `/api/organisations/${id}/suspension`, { body: { reason } })
export const resume = (id: string) => call<void>('DELETE', `/api/organisations/${id}/suspension`)
const raw = (file: Blob) => ({ raw: file, headers: { 'content-type': 'application/octet-stream' } })
export const previewImport = (file: Blob) => call<ImportPreview>('POST', '/api/organisations/imports/preview', raw(file))
export const applyImport = (file: Blob, name: string, mode: 'all' | 'good') => call<Imported>('POST', `/api/organisations/imports${query({ name, mode })}`, raw(file))
export const listImports = () => call<PageOf<Imported>>('GET', '/api/organisations/imports')
export const listPeople = (o: { q?: string; after?: string; limit?: number }) => call<PageOf<Person>>('GET', `/api/people${query(o)}`)
export const createPerson = (body: { login: string; name: string; password: string }) => call<Person>('POST', '/api/people', { body })
export const requestRole = (person: string, body: { organisation: string; role: string; region: string }) => call<Grant>('POST', `/api/people/${person}/memberships`, { body })
export const removeRole = (person: string, body: { organisation: string; role: string; reason: string }) => call<void>('POST', `/api/people/${person}/memberships/removal`, { body })
export const resetPassword = (person: string, password: string) => call<void>('PUT', `/api/people/${person}/password`, { body: { password } })
export const disablePerson = (person: string, reason: string) => call<void>('POST', `/api/people/${person}/disable`, { body: { reason } })
export const listGrants = (state: string) => call<PageOf<Grant>>('GET', `/api/grants${query({ state })}`)
export const decideGrant = (id: string, approve: boolean, reason = '') => call<Grant>('POST', `/api/grants/${id}/decision`, { body: { approve, reason } })
export const listAudit = (o: { kind?: string; from?: string; until?: string; subject?: string; after?: string; limit?: number }) => call<PageOf<AuditEntry>>('GET', `/api/audit${query(o)}`)
export const listHolidays = () => call<{ items: Holiday[]; years: { year: number; notice: boolean; papers: string[]; workdays: number }[] }>('GET', '/api/holidays')
export const previewHoliday = (body: HolidayText) => call<HolidayPreview>('POST', '/api/holidays/preview', { body })
export const proposeHoliday = (body: HolidayText) => call<Holiday>('POST', '/api/holidays', { body })
export const showHoliday = (id: string) => call<HolidayPreview>('GET', `/api/holidays/${id}/preview`)
export const decideHoliday = (id: string, approve: boolean, reason = '') => call<Holiday>('POST', `/api/holidays/${id}/decision`, { body: { approve, reason } })
