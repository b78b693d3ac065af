import { call } from './client'

/** The page of the platform's health (平台运行状况), for whoever looks after the machine. */
export interface Health {
  at: string
  version: string
  started: string
  memoryMiB: number
  readiness: { ready: boolean; checks: Record<string, string> }
  database: { ok: boolean; own: boolean; version: string; milliseconds: number; schema: number; sizeGiB: number; open: number; most: number; waited: number }
  disk: { totalGiB: number; freeGiB: number }
  clock: { legal: string; real: string; rate: number; offsetSeconds: number; behindSeconds: number }
  /** Rounded up to tens. */
  sockets: number
  requests: number
  jobs: { name: string; label: string; spec: string; last: string | null; next: string | null; failed: boolean; error: string }[] | null
  outages: { from: string; until: string; seconds: number }[] | null
  backup: { at: string | null; failed: string | null; error: string }
  warnings: { code: string; detail: string }[] | null
}

export const health = (signal?: AbortSignal): Promise<Health> => call('GET', '/api/operate/health', signal ? { signal } : {})
