import { call, ProblemError } from './client'

/** The platform's keys that sign receipts, read apart from any receipt. */
export interface PlatformKeys {
  ed25519: string
  sm2: string
}

export const loadPlatformKeys = (): Promise<PlatformKeys> => call('GET', '/api/keys')

/**
 * Uploads a sealed envelope; resolves with the receipt. The address names neither lot nor owner. XMLHttpRequest, because
 * fetch still tells nobody how far an upload is.
 */
export function uploadEnvelope<R>(envelope: Blob, progress: (done: number, total: number) => void): Promise<R> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', '/api/bids')
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.setRequestHeader('accept', 'application/json')
    request.setRequestHeader('x-requested-with', 'jianbiao')
    request.upload.onprogress = (e) => progress(e.loaded, e.total || envelope.size)
    request.onerror = () =>
      reject(new ProblemError({ status: 0, title: '连接不上', code: 'web.offline', detail: '上传中断了，平台没有收到完整的文件。密封好的文件还在本页，请检查网络后再次递交。' }))
    request.onload = () => {
      const body = parse(request.responseText)
      if (request.status === 201 || request.status === 200) return resolve(body as R)
      const problem = body as { code?: string; detail?: string; basis?: string; trace?: string } | undefined
      reject(
        new ProblemError({
          status: request.status,
          title: '没有收下',
          code: problem?.code ?? 'web.server_error',
          detail: problem?.detail ?? '平台暂时不能接收这份文件，请稍后再试。',
          ...(problem?.basis ? { basis: problem.basis } : {}),
          ...(problem?.trace ? { trace: problem.trace } : {}),
        }),
      )
    }
    request.send(envelope)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
