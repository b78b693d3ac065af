package lot

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
)

// TenderNotice is the kind of a tender's first notice (招标公告).
const TenderNotice = "tender"

// noticePaper is what the platform signs: everything that a reader of the
// notice relies on, as canonical JSON.
type noticePaper struct {
	V             int    `json:"v"`
	Lot           string `json:"lot"`
	LotCode       string `json:"lotCode"`
	LotName       string `json:"lotName"`
	Project       string `json:"project"`
	ProjectCode   string `json:"projectCode"`
	Domain        string `json:"domain"`
	Method        string `json:"method"`
	Region        string `json:"region"`
	Buyer         string `json:"buyer"`
	Agency        string `json:"agency"`
	Number        int    `json:"number"`
	Kind          string `json:"kind"`
	Title         string `json:"title"`
	Body          string `json:"body"`
	ContentDigest string `json:"contentDigest"`
	PublishedAt   string `json:"publishedAt"`
	PeriodEnd     string `json:"periodEnd"`
	SaleEnd       string `json:"saleEnd"`
	BidDeadline   string `json:"bidDeadline"`
}

// NoticeText is a notice to be published; PeriodEnd is nil where the law gives
// it no period.
type NoticeText struct {
	Kind, Title, Body string
	PeriodEnd         *time.Time
}

// PublishNotice signs the next notice of a locked lot and writes it; l carries
// the dates that hold from now on. The caller records it: the fields to put on
// the record are number, title, digest and contentDigest.
func (s *Service) PublishNotice(ctx context.Context, tx *evidence.Tx, l *Lot, text NoticeText) (*Notice, error) {
	n := &Notice{Kind: text.Kind, Title: text.Title, Body: text.Body, PublishedAt: tx.Now(), PeriodEnd: text.PeriodEnd}
	if err := tx.GetContext(ctx, &n.Number, `SELECT count(*) + 1 FROM notice WHERE lot_id = $1`, l.ID); err != nil {
		return nil, fmt.Errorf("number the notice: %w", err)
	}
	content := ContentDigest(n.Title, n.Body)
	n.ContentDigest = &content
	paper, err := canon.Marshal(noticePaper{V: 1, Lot: l.ID, LotCode: l.Code, LotName: l.Name, Project: l.Project.Name, ProjectCode: l.Project.Code,
		Domain: l.Project.Kind, Method: l.Project.Method, Region: l.Project.Region, Buyer: l.Project.Buyer, Agency: text0(l.Project.Agency),
		Number: n.Number, Kind: n.Kind, Title: n.Title, Body: n.Body, ContentDigest: content, PublishedAt: stamp(n.PublishedAt),
		PeriodEnd: stampPtr(n.PeriodEnd), SaleEnd: stampPtr(l.SaleEnd), BidDeadline: stampPtr(l.BidDeadline)})
	if err != nil {
		return nil, err
	}
	keys := s.keys.Platform()
	signature, err := seal.SignNotice(paper, keys.Ed25519, keys.SM2)
	if err != nil {
		return nil, fmt.Errorf("sign the notice: %w", err)
	}
	n.Canonical, n.Digest = paper, Digest(paper)
	if n.Signature, err = json.Marshal(signature); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO notice (lot_id, number, kind, title, body, digest, published_at, canonical, content_digest, signature, period_end)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, l.ID, n.Number, n.Kind, n.Title, n.Body, n.Digest, n.PublishedAt,
		n.Canonical, n.ContentDigest, n.Signature, n.PeriodEnd); err != nil {
		return nil, fmt.Errorf("write notice: %w", err)
	}
	return n, nil
}

func text0(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ContentDigest is the digest of what a reader of a notice reads, the same in
// all media: title and body without white space, marks of zero width and the
// difference between full-width and half-width characters.
func ContentDigest(title, body string) string { return digestOfContent(title + body) }

func digestOfContent(text string) string {
	return Digest([]byte("jianbiao/notice-content/v1\x00" + plain(text)))
}

// plain is a text as it is compared: media set their own spaces, line breaks
// and widths.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r):
			return -1
		case r >= '\uff01' && r <= '\uff5e':
			return r - 0xfee0
		}
		return r
	}, text)
}

// VerifyNotice checks a notice as it was published against the platform's keys
// that the verifier already has. Errors: seal.ErrNotice.
func VerifyNotice(n *Notice, ed ed25519.PublicKey, sm seal.PublicKey) error {
	var sig seal.PlatformSignature
	if err := json.Unmarshal(n.Signature, &sig); err != nil {
		return fmt.Errorf("%w: %w", seal.ErrNotice, err)
	}
	var paper noticePaper
	if err := canon.Unmarshal(n.Canonical, &paper); err != nil {
		return fmt.Errorf("%w: %w", seal.ErrNotice, err)
	}
	if paper.Title != n.Title || paper.Body != n.Body || paper.Number != n.Number || Digest(n.Canonical) != n.Digest {
		return fmt.Errorf("what is shown is not what was signed: %w", seal.ErrNotice)
	}
	return seal.VerifyNotice(n.Canonical, sig, ed, sm)
}
