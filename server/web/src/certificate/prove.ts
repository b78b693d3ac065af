import { askChallenge, type Proof, type Purpose } from '@/api/account'
import { ProblemError } from '@/api/client'
import type { Signer } from './signer'

const refused = (): ProblemError =>
  new ProblemError({ status: 0, title: '没有签名', code: 'certificate.site', detail: '平台要求签名的内容与本页面不符，没有签名。请核对浏览器地址栏里的网址，再重新登录。' })

/**
 * Answers a challenge of this site for this purpose. What is signed is looked at first: a page that passes on the
 * challenge of another site gets no signature.
 */
export async function prove(signer: Signer, purpose: Purpose, site: string = globalThis.location.origin): Promise<Proof> {
  const c = await askChallenge(signer.certificate, purpose)
  const said = JSON.parse(c.message) as Record<string, unknown>
  if (said['site'] !== site || said['purpose'] !== purpose || said['challenge'] !== c.challenge || c.tag !== 'jianbiao/session/certificate/v1') throw refused()
  const signature = await signer.sign(c.tag, new TextEncoder().encode(c.message))
  return { challenge: c.challenge, certificate: signer.certificate, signature }
}
