import { call, callRaw } from './client'

/** What a certificate is asked to sign. */
export interface Challenge {
  challenge: string
  expires: string
  site: string
  tag: string
  message: string
}

/** A certificate with its signature over a challenge. */
export interface Proof {
  challenge: string
  certificate: string
  signature: string
}

export type Purpose = 'login' | 'bind' | 'factor'

export interface BoundCertificate {
  id: string
  kind: 'organisation' | 'person'
  kindLabel: string
  algorithm: string
  organisation: string
  subject: string
  issuer: string
  serial: string
  fingerprint: string
  notAfter: string
  boundAt: string
}

export interface OwnSession {
  id: string
  organisation: string
  role: string
  roleLabel: string
  expires: string
  current: boolean
}

/** What one's account is secured with. */
export interface Account {
  totp: { enrolledAt?: string; recovery: number }
  policy: 'off' | 'enrolled' | 'required'
  /** Certificates may be used on this platform. */
  trusted: boolean
  certificates: BoundCertificate[]
  sessions: OwnSession[]
}

export const loadAccount = () => call<Account>('GET', '/api/account')
export const askChallenge = (certificate: string, purpose: Purpose) => call<Challenge>('POST', '/api/session/challenge', { body: { certificate, purpose } })
export const bindCertificate = (proof: Proof) => call<BoundCertificate>('POST', '/api/account/certificates', { body: proof })
export const unbindCertificate = (id: string) => call<undefined>('DELETE', `/api/account/certificates/${id}`)
export const newSecret = () => call<{ secret: string; uri: string }>('POST', '/api/account/totp')
export const enrol = (secret: string, code: string) => call<{ recoveryCodes: string[] }>('PUT', '/api/account/totp', { body: { secret, code } })
export const removeFactor = (code: string) => call<undefined>('POST', '/api/account/totp/removal', { body: { code } })
export const renewCodes = (code: string) => call<{ recoveryCodes: string[] }>('POST', '/api/account/recovery-codes', { body: { code } })
export const endSession = (id: string) => call<undefined>('DELETE', `/api/account/sessions/${id}`)
export const giveFactor = (factor: { code: string } | Proof) => call<undefined>('POST', '/api/session/factor', { body: factor })

/** The demo certificate of a rehearsal, as a file. */
export const demoCertificate = (kind: 'organisation' | 'person') => callRaw('GET', `/api/rehearsal/certificates/${kind}`)
