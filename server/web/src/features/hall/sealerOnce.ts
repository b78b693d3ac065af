/** The sealer's worker, started when it is first needed and shared by the page; the program itself is large. */
import type { Sealer } from '@/sealer/sealer'

let started: Promise<Sealer> | undefined

/** The running sealer. A failed start is tried again at the next call. */
export function sealer(): Promise<Sealer> {
  started ??= import('@/sealer/sealer').then(
    (module) => new module.Sealer(),
    (cause: unknown) => {
      started = undefined
      throw cause
    },
  )
  return started
}

/** Ends the worker and with it every opened vault; the next call starts a new one. */
export async function endSealer(): Promise<void> {
  const running = started
  started = undefined
  await running?.then(
    (s) => s.close(),
    () => undefined,
  )
}
