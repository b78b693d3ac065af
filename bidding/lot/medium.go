package lot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/rule"
)

// Medium is a medium (发布媒介) that carries a notice besides the platform.
type Medium struct {
	Number      int        `db:"number"` // of the notice
	Medium      string     `db:"medium"`
	URL         string     `db:"url"`
	Digest      string     `db:"digest"` // of the content as it stands there
	Equal       bool       `db:"equal"`
	SentAt      *time.Time `db:"sent_at"`
	VerifiedAt  *time.Time `db:"verified_at"`
	PublishedAt time.Time  `db:"published_at"`
	RecordedAt  time.Time  `db:"recorded_at"`
}

// MediumInput says what stands in a medium: its text, or the digest that the
// medium gives for it. VerifiedAt is when a medium that is fed by hand finished
// its verification (核验).
type MediumInput struct {
	Number      int // of the notice; 0: the first
	Medium      string
	URL         string
	Text        string
	Digest      string
	SentAt      *time.Time
	VerifiedAt  *time.Time
	PublishedAt time.Time
}

var digestForm = regexp.MustCompile(`^sm3:[0-9a-f]{64}$`)

func (in *MediumInput) check(now time.Time) error {
	e := apperr.New(apperr.Invalid, "medium.invalid", "媒介的登记不完整：请按每一项下面的提示改正。")
	in.Medium, in.URL, in.Digest = strings.TrimSpace(in.Medium), strings.TrimSpace(in.URL), strings.TrimSpace(in.Digest)
	if in.Medium == "" || !plausible(in.Medium, 100) {
		e = e.With("medium", "请写明媒介的名称，不超过 100 个字。")
	}
	if u, err := url.Parse(in.URL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(in.URL) > 500 {
		e = e.With("url", "请填写公告在该媒介上的网址，以 http 或 https 开头。")
	}
	if (strings.TrimSpace(in.Text) == "") == (in.Digest == "") || len(in.Text) > 400_000 {
		e = e.With("text", "请粘贴该媒介上的公告全文，或者填写内容摘要，二者选一。")
	}
	if in.Digest != "" && !digestForm.MatchString(in.Digest) {
		e = e.With("digest", "内容摘要以“sm3:”开头，后面是 64 位十六进制数字。")
	}
	for name, late := range map[string]bool{"publishedAt": in.PublishedAt.IsZero() || in.PublishedAt.After(now),
		"sentAt": in.SentAt != nil && in.SentAt.After(in.PublishedAt), "verifiedAt": in.VerifiedAt != nil && in.VerifiedAt.After(in.PublishedAt)} {
		if late {
			e = e.With(name, "时间的先后不对：依次是送达、核验、发布，都不晚于现在。")
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// RecordMedium records that a medium carries a notice, and whether what it
// carries is what was signed (招标投标法实施条例 15, 63). Recorded again, a medium's
// entry is renewed; the record keeps both. Errors: medium.invalid,
// notice.not_found, lot.state, lot.not_yours.
func (s *Service) RecordMedium(ctx context.Context, who actor.Actor, id string, in MediumInput) (*Medium, error) {
	if in.Number == 0 {
		in.Number = 1
	}
	if in.Number < 0 || in.Number > MaxNotices {
		return nil, errNoNotice()
	}
	var m *Medium
	err := s.store.Change(ctx, func(tx *evidence.Tx) (err error) {
		l, row, err := s.lock(ctx, tx, who, id, "record_medium")
		if err != nil {
			return err
		}
		if err := in.check(tx.Now()); err != nil {
			return err
		}
		n, err := readNotice(ctx, tx, l.ID, in.Number)
		if err != nil {
			return err
		}
		m = in.compared(n, tx.Now())
		if _, err := tx.ExecContext(ctx, `INSERT INTO notice_medium (lot_id, number, medium, url, digest, equal, sent_at, verified_at, published_at, recorded_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (lot_id, number, medium) DO UPDATE SET url = excluded.url, digest = excluded.digest, equal = excluded.equal, sent_at = excluded.sent_at,
				verified_at = excluded.verified_at, published_at = excluded.published_at, recorded_at = excluded.recorded_at`,
			l.ID, m.Number, m.Medium, m.URL, m.Digest, m.Equal, m.SentAt, m.VerifiedAt, m.PublishedAt, m.RecordedAt); err != nil {
			return fmt.Errorf("record medium: %w", err)
		}
		tx.Record(evidence.Draft{Stream: l.Stream(), Kind: row.Emit, Actor: who, Fields: map[string]any{
			"number": m.Number, "medium": m.Medium, "url": m.URL, "digest": m.Digest, "equal": fmt.Sprint(m.Equal),
			"sentAt": stampPtr(m.SentAt), "verifiedAt": stampPtr(m.VerifiedAt), "publishedAt": stamp(m.PublishedAt)}})
		return nil
	})
	return m, err
}

// compared holds the medium's content against the notice. A copy may leave out
// the title, which pages of media set apart.
func (in *MediumInput) compared(n *Notice, now time.Time) *Medium {
	m := &Medium{Number: n.Number, Medium: in.Medium, URL: in.URL, Digest: in.Digest, SentAt: in.SentAt, VerifiedAt: in.VerifiedAt,
		PublishedAt: in.PublishedAt, RecordedAt: now}
	signed := ContentDigest(n.Title, n.Body)
	if in.Text != "" {
		m.Digest = digestOfContent(in.Text)
		if plain(in.Text) == plain(n.Body) {
			m.Digest = signed
		}
	}
	m.Equal = m.Digest == signed
	return m
}

// mediumTerms are the periods of media that carry a notice of engineering
// (招标公告和公示信息发布管理办法): fed by data, or verified by hand.
var mediumTerms = []struct {
	rule        string
	from, until func(*Medium) *time.Time
	binds       func(*Medium) bool
}{
	{"R06-1", sentAt, shownAt, func(m *Medium) bool { return m.VerifiedAt == nil }},
	{"R06-3", sentAt, verifiedAt, func(m *Medium) bool { return m.VerifiedAt != nil }},
	{"R06-2", verifiedAt, shownAt, func(m *Medium) bool { return m.VerifiedAt != nil }},
}

func sentAt(m *Medium) *time.Time     { return m.SentAt }
func verifiedAt(m *Medium) *time.Time { return m.VerifiedAt }
func shownAt(m *Medium) *time.Time    { return &m.PublishedAt }

// MediumChecks judges a medium's periods and the sameness of its content; they
// are shown, and stop nothing.
func (s *Service) MediumChecks(l *Lot, m *Medium) ([]Check, error) {
	c := Check{Name: "不同媒介公告内容一致", Severity: Warn, OK: m.Equal, Message: "与签名的公告内容一致。"}
	if !m.Equal {
		c.Message = "与签名的公告内容不一致：请更正该媒介上的公告，或者发布变更公告。"
	}
	if l.Project.Kind != string(rule.Engineering) {
		return []Check{c}, nil
	}
	r, err := s.periods.Row("R06-5", m.PublishedAt)
	if err != nil {
		return nil, err
	}
	c.Rule, c.Name, c.Basis, c.Kind = r.Code, r.Name, r.Article(), r.Kind
	out := []Check{c}
	for _, t := range mediumTerms {
		from, until := t.from(m), t.until(m)
		if !t.binds(m) || from == nil {
			continue
		}
		r, res, err := s.periods.Bound(t.rule, *from)
		if err != nil {
			return nil, err
		}
		c := Check{Rule: r.Code, Name: r.Name, Basis: r.Article(), Kind: r.Kind, From: from, Until: until, Due: &res.At, Bound: res.Bound, Severity: Warn,
			OK: !until.After(res.At), Message: fmt.Sprintf("应在%s内：%s，符合。", r.Length(), res.Bound), Days: days(res.Days)}
		if !c.OK {
			c.Message = fmt.Sprintf("应在%s内：%s，已经超过。", r.Length(), res.Bound)
		}
		out = append(out, c)
	}
	return out, nil
}

// Media are the media that carry a notice, in the order of their publication.
func (s *Service) Media(ctx context.Context, lotID string, number int) ([]Medium, error) {
	out := []Medium{}
	err := s.store.DB().SelectContext(ctx, &out, `SELECT number, medium, url, digest, equal, sent_at, verified_at, published_at, recorded_at
		FROM notice_medium WHERE lot_id = $1 AND number = $2 ORDER BY published_at, medium`, lotID, number)
	if err != nil {
		return nil, fmt.Errorf("read media: %w", err)
	}
	return out, nil
}

// Notice reads one notice. Error: notice.not_found.
func (s *Service) Notice(ctx context.Context, lotID string, number int) (*Notice, error) {
	return readNotice(ctx, s.store.DB(), lotID, number)
}

// MaxNotices is the greatest number that a notice of a lot may have.
const MaxNotices = 100_000

func errNoNotice() error {
	return apperr.New(apperr.NotFound, "notice.not_found", "没有找到这份公告：请回到标段页面查看。")
}

func readNotice(ctx context.Context, q queryer, lotID string, number int) (*Notice, error) {
	var n Notice
	err := q.GetContext(ctx, &n, `SELECT `+noticeColumns+` FROM notice WHERE lot_id = $1 AND number = $2`, lotID, number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoNotice()
	}
	if err != nil {
		return nil, fmt.Errorf("read notice: %w", err)
	}
	return &n, nil
}
