/**
 * What the sealer (投标工具) takes and gives, as docs/spec/bid-envelope.md writes it.
 * Keys, capsules, parts and signatures are unpadded base64url; digests and
 * commitments are "sm3:" and 64 hexadecimal digits; sizes are bytes.
 */

export type EnvelopeKind = 'bid' | 'withdrawal'
export type Role = 'tender' | 'bidder'

export interface KeyPair {
  readonly private: string
  readonly public: string
}

/** JSON without floating point numbers: amounts and rates are strings. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

export interface SealedSection {
  readonly name: string
  readonly parts: 'tender' | 'both'
  readonly wrapTender: string
  readonly proofTender: string
  readonly wrapBidder: string
  readonly commitTender: string
  readonly commitBidder: string
  readonly digest: string
  readonly offset: number
  readonly size: number
  readonly stored: number
}

export interface EnvelopeHeader {
  readonly v: number
  readonly kind: EnvelopeKind
  readonly lot: string
  readonly documentVersion: string
  readonly openingKey: string
  readonly deadline: string
  readonly suite: string
  readonly sealer: string
  readonly nonce: string
  readonly number: number
  readonly replaces: string
  readonly oneTimeKey: string
  readonly previousSignature: string
  readonly sections: readonly SealedSection[]
}

/** Who bids. The sealer fills in the rest and signs. */
export interface OwnerInput {
  readonly name: string
  readonly uscc: string
  readonly legalRepresentative: string
  /** '' if the legal representative signs himself. */
  readonly agent: string
  readonly contact: string
  readonly capacity: 'legalRepresentative' | 'agent'
  /** RFC 3339 */
  readonly signedAt: string
}

/** The owner section as it comes out of an opened envelope. */
export interface Owner extends OwnerInput {
  readonly v: number
  readonly lot: string
  readonly documentVersion: string
  readonly nonce: string
  readonly number: number
  readonly sections: Readonly<Record<string, string>>
  readonly firmKey: string
  readonly signerKey: string
  readonly firmSignature: string
  readonly signerSignature: string
}

export interface FileInput {
  readonly name: string
  readonly media: string
  readonly blob: Blob
}

export interface SectionInput {
  readonly name: string
  readonly form: Json
  readonly files: readonly FileInput[]
}

interface EnvelopeInput {
  readonly lot: string
  readonly documentVersion: string
  /** The lot's cut-off key (截标密钥). */
  readonly cutoffKey: string
  /** The tender's opening key (开标密钥). */
  readonly openingKey: string
  /** RFC 3339, whole seconds */
  readonly deadline: string
  /** 1 for the first envelope, one more for each that follows. */
  readonly number: number
  /** Digest of the envelope replaced or withdrawn, '' for the first. */
  readonly replaces: string
  /** Private one-time key: made with the first envelope, kept for its successors. */
  readonly oneTime: string
}

export interface BidInput extends EnvelopeInput {
  readonly owner: OwnerInput
  /** Private keys: the one that opens the bid, the firm's and the signer's. */
  readonly bidder: string
  readonly firm: string
  readonly signatory: string
  /** Handles of opened certificates that sign instead of the two. */
  readonly firmFile?: number
  readonly signatoryFile?: number
  readonly sections: readonly SectionInput[]
}

export interface WithdrawalInput extends EnvelopeInput {
  /** Size of the bid withdrawn: the withdrawal is padded to look like it. */
  readonly minSize: number
}

export interface SealedEnvelope {
  readonly digest: string
  readonly headerDigest: string
  readonly size: number
  readonly header: EnvelopeHeader
  /** The envelope itself, ready to be uploaded or saved. */
  readonly blob: Blob
}

export interface Commitment {
  readonly section: string
  readonly commitTender: string
  readonly commitBidder: string
  readonly digest: string
}

export interface Receipt {
  readonly v: number
  readonly lot: string
  readonly documentVersion: string
  readonly kind: EnvelopeKind
  readonly number: number
  readonly replaces: string
  readonly digest: string
  readonly headerDigest: string
  readonly size: number
  readonly oneTimeKey: string
  readonly receivedAt: string
  readonly promise: string
  readonly event: { readonly stream: string; readonly id: string; readonly seq: number; readonly openings: Json }
  readonly commitments: readonly Commitment[]
  readonly platformEd25519: string
  readonly platformSM2: string
  readonly signatureEd25519: string
  readonly signatureSM2: string
}

/** The platform's keys, which the page has from elsewhere than the receipt. */
export interface PlatformKeys {
  readonly ed25519: string
  readonly sm2: string
}

export interface VaultSigningKey {
  readonly use: 'firm' | 'legalRepresentative' | 'agent'
  readonly name: string
  readonly uscc: string
  readonly key: string
}

export interface VaultBid {
  readonly lot: string
  readonly title: string
  readonly digest: string
  readonly size: number
  readonly header: EnvelopeHeader
  readonly bidder: string
  readonly oneTime: string
  readonly sealedAt: string
  readonly receipt: Receipt | null
}

export interface VaultDocument {
  readonly v: number
  readonly revision: number
  readonly savedAt: string
  readonly signing: readonly VaultSigningKey[]
  readonly bids: readonly VaultBid[]
  readonly followed: readonly { readonly lot: string; readonly title: string; readonly since: string }[]
  readonly drafts: readonly { readonly lot: string; readonly form: Json; readonly savedAt: string }[]
  readonly settings: Readonly<Record<string, string>>
}

/** An opened vault: its key stays in the worker under this number. */
export interface OpenedVault {
  readonly handle: number
  readonly document: VaultDocument
}

/** A key file whose key stays in the worker. */
export interface OpenedCertificate {
  readonly handle: number
  /** DER as base64url. */
  readonly certificate: string
  readonly publicKey: string
}

export interface VrfResult {
  readonly output: string
  readonly choice: number
}
