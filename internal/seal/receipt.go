package seal

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"jianbiao/internal/canon"
)

// Commitment is what a receipt holds of one section.
type Commitment struct {
	Section      string `json:"section"`
	CommitTender string `json:"commitTender"`
	CommitBidder string `json:"commitBidder"`
	Digest       string `json:"digest"`
}

// ReceiptEvent is the event that a receipt promises a leaf for, with the values
// and salts (openings) of its fields, which stand nowhere else until the roster.
type ReceiptEvent struct {
	Stream   string          `json:"stream"`
	ID       string          `json:"id"`
	Seq      int64           `json:"seq"`
	Openings json.RawMessage `json:"openings"`
}

// Receipt (回执) says that the platform has an envelope, since when, and what is
// committed to in it. It is proof against the platform.
type Receipt struct {
	V                int          `json:"v"`
	Lot              string       `json:"lot"`
	DocumentVersion  string       `json:"documentVersion"`
	Kind             Kind         `json:"kind"`
	Number           int          `json:"number"`
	Replaces         string       `json:"replaces"`
	Digest           string       `json:"digest"`       // of the whole file
	HeaderDigest     string       `json:"headerDigest"` // Header.Digest
	Size             int64        `json:"size"`
	OneTimeKey       PublicKey    `json:"oneTimeKey"`
	ReceivedAt       string       `json:"receivedAt"` // RFC 3339, the database's clock when the last byte was there
	Promise          string       `json:"promise"`    // RFC 3339: the leaf is in the log by then
	Event            ReceiptEvent `json:"event"`
	Commitments      []Commitment `json:"commitments"`
	PlatformEd25519  string       `json:"platformEd25519"` // names the key; verifiers bring their own
	PlatformSM2      PublicKey    `json:"platformSM2"`
	SignatureEd25519 string       `json:"signatureEd25519"`
	SignatureSM2     string       `json:"signatureSM2"`
}

// LeafWithin is the promise of a receipt: its leaf is in the log after at most
// this time (回执承诺).
const LeafWithin = 10 * time.Minute

// NewReceipt fills in a receipt for an envelope received at a time of the
// database's clock. It still lacks its signatures.
func NewReceipt(h Header, digest string, size int64, receivedAt time.Time, event ReceiptEvent) (Receipt, error) {
	sum, err := h.Digest()
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{
		V: Version, Lot: h.Lot, DocumentVersion: h.DocumentVersion, Kind: h.Kind, Number: h.Number, Replaces: h.Replaces,
		Digest: digest, HeaderDigest: sum, Size: size, OneTimeKey: h.OneTimeKey,
		ReceivedAt: receivedAt.UTC().Format(time.RFC3339Nano), Promise: receivedAt.UTC().Add(LeafWithin).Format(time.RFC3339Nano),
		Event: event, Commitments: h.Commitments(),
	}, nil
}

// signed is what both signatures are over.
func (r Receipt) signed() ([]byte, error) {
	r.SignatureEd25519, r.SignatureSM2 = "", ""
	if len(r.Event.Openings) == 0 {
		r.Event.Openings = json.RawMessage("null")
	}
	raw, err := canon.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w: %w", ErrReceipt, err)
	}
	return raw, nil
}

// SignReceipt returns the receipt signed with both platform keys.
func SignReceipt(r Receipt, ed ed25519.PrivateKey, sm Signer) (Receipt, error) {
	if len(ed) != ed25519.PrivateKeySize || sm == nil || sm.Public().IsZero() {
		return Receipt{}, fmt.Errorf("platform keys: %w", ErrInput)
	}
	r.PlatformEd25519, r.PlatformSM2 = b64.EncodeToString(ed[ed25519.SeedSize:]), sm.Public()
	msg, err := r.signed()
	if err != nil {
		return Receipt{}, err
	}
	r.SignatureEd25519 = b64.EncodeToString(ed25519.Sign(ed, message(TagReceipt, msg)))
	if r.SignatureSM2, err = sm.Sign(TagReceipt, msg); err != nil {
		return Receipt{}, err
	}
	return r, nil
}

// VerifyReceipt checks both signatures with the platform keys that the verifier
// already has; the keys named inside are only compared. ErrReceipt.
func VerifyReceipt(r Receipt, ed ed25519.PublicKey, sm PublicKey) error {
	if r.V != Version || len(ed) != ed25519.PublicKeySize || r.PlatformEd25519 != b64.EncodeToString(ed) || r.PlatformSM2 != sm {
		return fmt.Errorf("version, or keys other than the platform's: %w", ErrReceipt)
	}
	msg, err := r.signed()
	if err != nil {
		return err
	}
	sig, err := b64.DecodeString(r.SignatureEd25519)
	if err != nil || !ed25519.Verify(ed, message(TagReceipt, msg), sig) {
		return fmt.Errorf("Ed25519 signature: %w", ErrReceipt)
	}
	if err := sm.Verify(TagReceipt, msg, r.SignatureSM2); err != nil {
		return fmt.Errorf("SM2 signature: %w: %w", ErrReceipt, err)
	}
	return nil
}

// Covers says whether the receipt speaks of this envelope and commits to all of
// its sections: what a client checks before it tells its user that the bid is
// in. ErrReceipt if not.
func (r Receipt) Covers(h Header, digest string, size int64) error {
	sum, err := h.Digest()
	if err != nil {
		return err
	}
	same := r.Lot == h.Lot && r.DocumentVersion == h.DocumentVersion && r.Kind == h.Kind && r.Number == h.Number &&
		r.Replaces == h.Replaces && r.Digest == digest && r.HeaderDigest == sum && r.Size == size &&
		r.OneTimeKey == h.OneTimeKey && slices.Equal(r.Commitments, h.Commitments())
	if !same {
		return fmt.Errorf("receipt of another envelope: %w", ErrReceipt)
	}
	return nil
}

// CheckPart says whether a part fits the receipt's commitments. The nonce is the
// header's: the receipt binds the header by its digest.
func (r Receipt) CheckPart(h Header, section string, role Role, part []byte) bool {
	return slices.Equal(r.Commitments, h.Commitments()) && h.CheckPart(section, role, part)
}
