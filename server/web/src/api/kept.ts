/**
 * Sealed envelopes that are on their way, kept in this browser (IndexedDB, which puts Blobs on disk) until their receipt is
 * in the vault: a closed browser or an empty battery costs nothing. What is kept is sealed; it names nobody.
 */
export interface Kept {
  /** Of the whole envelope; the vault's entry has the same. */
  digest: string
  blob: Blob
  /** The id of the upload that was begun, known here and nowhere else. */
  upload?: string
  /** Milliseconds since 1970. */
  keptAt: number
}

/** No deadline is so far off; what is older was given up. */
const FORGET = 90 * 24 * 3600 * 1000

const STORE = 'envelopes'

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('jianbiao-uploads', 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'digest' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB'))
  })
}

async function run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open()
  try {
    return await new Promise((resolve, reject) => {
      const tx = db.transaction(STORE, mode)
      const request = act(tx.objectStore(STORE))
      tx.oncomplete = () => resolve(request.result)
      tx.onerror = tx.onabort = () => reject(tx.error ?? new Error('IndexedDB'))
    })
  } finally {
    db.close()
  }
}

/** Whether the browser could keep it; without room or in a private window it cannot, and the upload goes on all the same. */
export const keepEnvelope = (kept: Kept): Promise<boolean> => run('readwrite', (s) => s.put(kept)).then(() => true, () => false)

export async function keptEnvelopes(): Promise<Kept[]> {
  const all = await run<Kept[]>('readonly', (s) => s.getAll()).catch(() => [])
  const old = all.filter((k) => Date.now() - k.keptAt > FORGET)
  await Promise.all(old.map((k) => forgetEnvelope(k.digest)))
  return all.filter((k) => !old.includes(k))
}

export const forgetEnvelope = (digest: string): Promise<void> => run('readwrite', (s) => s.delete(digest)).then(() => undefined, () => undefined)
