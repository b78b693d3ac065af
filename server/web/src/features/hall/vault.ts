/** What the hall needs of the bidder's vault (保险箱). Keys stay behind this interface, on the bidder's machine. */

/** A bid of this lot that stands in the vault. */
export interface MyBid {
  digest: string
  /** When the platform received it, RFC 3339. */
  receivedAt?: string
  /** The signed receipt (回执) as it was issued; shown to the platform when the bid is missing in the record. */
  receipt: unknown
}

/** The key parts of a bid by section, base64url; the only secret that leaves the machine, and only by release_part. */
export type KeyParts = Record<string, string>

/** Why something in the vault did not work; the codes are those of a failed decryption. */
export type VaultFailure = 'wrong_passphrase' | 'key_missing' | 'key_damaged' | 'browser_unsupported' | 'envelope_unreadable' | 'network' | 'other'

/** A failure in the vault; `detail` is one Chinese sentence. */
export class VaultError extends Error {
  constructor(
    readonly reason: VaultFailure,
    readonly detail: string,
  ) {
    super(detail)
    this.name = 'VaultError'
  }
}

/** What a signed command says besides lot and bid. */
export type CommandInput = Readonly<Record<string, string | KeyParts>>

export interface HallVault {
  /** Opens the vault with the passphrase and returns the bids of the lot, newest version only. Throws VaultError. */
  unlock(passphrase: string, lot: string): Promise<MyBid[]>
  /** Checks the receipt's signatures and that it speaks of this bid; without a receipt there is nothing to check. Throws VaultError. */
  verify(lot: string, digest: string): Promise<void>
  /** Signs a command with the one-time key of the bid; base64url. Throws VaultError. */
  sign(lot: string, digest: string, command: string, input: CommandInput): Promise<string>
  /** Unwraps our half of the keys of the sections that are opened now; the others are not touched. Throws VaultError. */
  parts(lot: string, digest: string, opens: (section: string) => boolean): Promise<KeyParts>
  /** Forgets the opened vault. */
  lock(): void
}
