package vault

import (
	"encoding/json"
	"slices"

	"jianbiao/internal/seal"
)

// Version is the version of the document inside.
const Version = 1

// Document is what a vault holds. Times are RFC 3339.
type Document struct {
	V        int               `json:"v"`
	Revision int64             `json:"revision"` // one more at each save: an older copy is noticed
	SavedAt  string            `json:"savedAt"`
	Signing  []SigningKey      `json:"signing"`
	Bids     []Bid             `json:"bids"`
	Followed []Followed        `json:"followed"`
	Drafts   []Draft           `json:"drafts"`
	Settings map[string]string `json:"settings"` // the client's own, e.g. "lastBackup"
}

// SigningKey is a key that signs for a firm or a person (签名私钥).
type SigningKey struct {
	Use  string          `json:"use"`  // "firm", "legalRepresentative", "agent"
	Name string          `json:"name"` // whose
	USCC string          `json:"uscc"`
	Key  seal.PrivateKey `json:"key"`
}

// Bid is one envelope that this machine made, and all that opens it from the
// bidder's side (解密私钥). Replacements are entries of their own.
type Bid struct {
	Lot      string          `json:"lot"`
	Title    string          `json:"title"`
	Digest   string          `json:"digest"` // of the envelope
	Size     int64           `json:"size"`
	Header   seal.Header     `json:"header"`
	Bidder   seal.PrivateKey `json:"bidder"`
	OneTime  seal.PrivateKey `json:"oneTime"`
	SealedAt string          `json:"sealedAt"`
	Receipt  *seal.Receipt   `json:"receipt"` // null until the platform has answered
}

// Followed is a lot that its owner watches; the platform has no such list.
type Followed struct {
	Lot   string `json:"lot"`
	Title string `json:"title"`
	Since string `json:"since"`
}

// Draft is a bid form in the making (投标函草稿).
type Draft struct {
	Lot     string          `json:"lot"`
	Form    json.RawMessage `json:"form"`
	SavedAt string          `json:"savedAt"`
}

func (d *Document) fill() {
	d.V = Version
	d.Signing = orEmpty(d.Signing)
	d.Bids = orEmpty(d.Bids)
	d.Followed = orEmpty(d.Followed)
	d.Drafts = orEmpty(d.Drafts)
	if d.Settings == nil {
		d.Settings = map[string]string{}
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Bid finds a bid by the digest of its envelope; ok is false if there is none.
func (d Document) Bid(digest string) (b Bid, ok bool) {
	i := slices.IndexFunc(d.Bids, func(b Bid) bool { return b.Digest == digest })
	if i < 0 {
		return Bid{}, false
	}
	return d.Bids[i], true
}

// Current is the last envelope made for a lot, bid or withdrawal; ok is false if
// there is none. Entries stand in the order in which they were made.
func (d Document) Current(lot string) (current Bid, ok bool) {
	for _, b := range d.Bids {
		if b.Lot == lot {
			current, ok = b, true
		}
	}
	return current, ok
}

// Keep adds a bid, or replaces the entry with the same digest.
func (d *Document) Keep(b Bid) {
	i := slices.IndexFunc(d.Bids, func(have Bid) bool { return have.Digest == b.Digest })
	if i < 0 {
		d.Bids = append(d.Bids, b)
		return
	}
	d.Bids[i] = b
}
