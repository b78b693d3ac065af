package lot

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
)

// Filter narrows a list of lots. After is the id of the last lot of the page
// before; Limit is at most 100.
type Filter struct {
	State  State
	Region string
	Query  string
	After  string
	Limit  int
}

// List returns published lots, newest notice first, and to a host his own
// drafts as well.
func (s *Service) List(ctx context.Context, who actor.Actor, f Filter) ([]Lot, error) {
	if f.Limit <= 0 || f.Limit > 100 {
		f.Limit = 50
	}
	if id, err := uuid.Parse(f.After); err != nil {
		f.After = ""
	} else {
		f.After = id.String() // Parse takes forms that PostgreSQL does not
	}
	mine := ""
	if who.In(actor.Buyer, actor.Agency) {
		mine = who.OrganisationID
	}
	lots := []Lot{}
	err := s.store.DB().SelectContext(ctx, &lots, `SELECT `+columns+from+`
		WHERE (l.published_at IS NOT NULL OR ($1 <> '' AND ($1 IN (CAST(p.buyer_id AS text), CAST(p.agency_id AS text)))))
		  AND ($2 = '' OR l.state = $2)
		  AND ($3 = '' OR p.region LIKE $3 || '%')
		  AND ($4 = '' OR l.name ILIKE '%' || $4 || '%' OR l.code ILIKE '%' || $4 || '%' OR p.name ILIKE '%' || $4 || '%' OR b.name ILIKE '%' || $4 || '%')
		  AND ($5 = '' OR (COALESCE(l.published_at, l.created_at), l.id) <
		       (SELECT COALESCE(x.published_at, x.created_at), x.id FROM lot x WHERE x.id = CAST(NULLIF($5, '') AS uuid)))
		ORDER BY COALESCE(l.published_at, l.created_at) DESC, l.id DESC LIMIT $6`,
		mine, f.State, trimRegion(f.Region), like(f.Query), f.After, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("list lots: %w", err)
	}
	return lots, nil
}

func trimRegion(scope string) string {
	for len(scope) >= 2 && scope[len(scope)-2:] == "00" {
		scope = scope[:len(scope)-2]
	}
	return scope
}

// like escapes the wildcards of LIKE.
func like(q string) string {
	out := make([]rune, 0, len(q))
	for _, r := range q {
		if r == '%' || r == '_' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

// Notice is a published notice (公告) of a lot.
type Notice struct {
	Number      int       `db:"number" json:"number"`
	Kind        string    `db:"kind" json:"kind"`
	Title       string    `db:"title" json:"title"`
	Body        string    `db:"body" json:"body"`
	Digest      string    `db:"digest" json:"digest"`
	PublishedAt time.Time `db:"published_at" json:"publishedAt"`

	PeriodEnd     *time.Time `db:"period_end" json:"-"`     // 公告期限届满, GOV
	Canonical     []byte     `db:"canonical" json:"-"`      // the bytes that Digest and Signature are of
	ContentDigest *string    `db:"content_digest" json:"-"` // of what a reader reads, the same in all media
	Signature     []byte     `db:"signature" json:"-"`      // seal.PlatformSignature
}

const noticeColumns = `number, kind, title, body, digest, published_at, period_end, canonical, content_digest, signature`

// Notices returns the lot's notices in order.
func (s *Service) Notices(ctx context.Context, lotID string) ([]Notice, error) {
	out := []Notice{}
	err := s.store.DB().SelectContext(ctx, &out, `SELECT `+noticeColumns+` FROM notice WHERE lot_id = $1 ORDER BY number`, lotID)
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return out, nil
}

// Projects lists the projects of the actor's organisation, newest first.
func (s *Service) Projects(ctx context.Context, who actor.Actor) ([]Project, error) {
	out := []Project{}
	if !who.In(actor.Buyer, actor.Agency) {
		return out, nil
	}
	err := s.store.DB().SelectContext(ctx, &out, `SELECT p.id, p.code, p.name, p.kind, p.compulsory, p.region, p.buyer_id, b.name AS buyer,
			p.agency_id, a.name AS agency, p.approval_number, p.approval_authority, p.created_at,
			p.method, p.method_basis, p.plan_filing, p.intention_at
		FROM project p JOIN organisation b ON b.id = p.buyer_id LEFT JOIN organisation a ON a.id = p.agency_id
		WHERE p.buyer_id = $1 OR p.agency_id = $1 ORDER BY p.created_at DESC LIMIT 200`, who.OrganisationID)
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	return out, nil
}

// Due lists the published lots whose deadline has come and that are not
// suspended: what the clock has to cut off.
func (s *Service) Due(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.store.DB().SelectContext(ctx, &ids, `SELECT id FROM lot
		WHERE state = 'published' AND bid_deadline <= legal_now() AND suspended_since IS NULL ORDER BY bid_deadline LIMIT 100`)
	if err != nil {
		return nil, fmt.Errorf("list lots that are due: %w", err)
	}
	return ids, nil
}
