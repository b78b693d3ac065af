import { call, query } from './client'
import type { DocParams, DocumentFile, LotPage, TenderDocument } from './lots'
import { sendUpload } from './upload'

export interface Project {
  id: string
  code: string
  name: string
  /** ENG 工程建设, GOV 政府采购. */
  kind: string
  method: string
  region: { code: string; name: string }
  compulsory: boolean
  buyer: string
  agency?: string
}

export interface ProjectInput {
  kind: string
  method: string
  methodBasis?: string
  code: string
  name: string
  compulsory: boolean
  region: string
  agency?: string
  approvalNumber?: string
  approvalAuthority?: string
  planFiling?: string
  intentionAt?: string
}

export interface PublishInput {
  saleEnd: string
  bidDeadline: string
  noticeEnd?: string
  noticeTitle: string
  noticeBody: string
}

const lot = (id: string): string => `/api/lots/${encodeURIComponent(id)}`

/** Projects of the viewer's organisation. */
export const listProjects = async (): Promise<Project[]> => (await call<{ items: Project[] | null }>('GET', '/api/projects')).items ?? []

/** Agencies （代理机构） that a buyer may mandate. */
export const listAgencies = async (): Promise<{ id: string; name: string }[]> => (await call<{ items: { id: string; name: string }[] | null }>('GET', '/api/agencies')).items ?? []

export const createProject = (input: ProjectInput): Promise<Project> => call('POST', '/api/projects', { body: input })
export const createLot = (project: string, input: { name: string; estimate: string }): Promise<LotPage> =>
  call('POST', `/api/projects/${encodeURIComponent(project)}/lots`, { body: input })
export const setDocument = (id: string, params: DocParams): Promise<TenderDocument> => call('PUT', `${lot(id)}/document`, { body: params })
export const publish = (id: string, input: PublishInput): Promise<void> => call('POST', `${lot(id)}/commands/publish`, { body: input })

/** Uploads a file of the tender document, in chunks. */
export const addFile = (id: string, file: File): Promise<DocumentFile> =>
  sendUpload({ blob: file, purpose: 'file', finish: (upload) => call('POST', `${lot(id)}/document/files${query({ name: file.name, upload })}`) })
