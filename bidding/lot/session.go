package lot

import (
	"context"
	"fmt"

	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
)

// Two-envelope tenders (双信封): the sections of a bid are opened in two
// sessions. The first envelope (第一信封, 商务及技术文件) is opened at the
// deadline; the second (第二信封, 报价文件) in a later session, and only those of
// the bids that passed the review of the first.

// The sessions of an opening.
const (
	FirstSession  = 1
	SecondSession = 2
)

// TwoSessions says whether the document asks for two envelopes (双信封).
func (p *Params) TwoSessions() bool {
	for _, s := range p.Sections {
		if s.Session == SecondSession {
			return true
		}
	}
	return false
}

// SessionOf is the session in which a section of a bid is opened. In a document
// of two envelopes a section that it does not name stays sealed until the second.
func (p *Params) SessionOf(section string) int {
	if !p.TwoSessions() {
		return FirstSession
	}
	for _, s := range p.Sections {
		if s.Name == section && s.Session != SecondSession {
			return FirstSession
		}
	}
	return SecondSession
}

// SectionsOf lists the document's sections of one session, in its order.
func (p *Params) SectionsOf(session int) []Section {
	out := []Section{}
	for _, s := range p.Sections {
		if p.SessionOf(s.Name) == session {
			out = append(out, s)
		}
	}
	return out
}

// sessionFault says what is wrong with the sections' sessions; "" for nothing.
func (p *Params) sessionFault() string {
	for _, s := range p.Sections {
		if s.Session < 0 || s.Session > SecondSession {
			return "开启场次只能是第一次或第二次开标。"
		}
	}
	switch {
	case !p.TwoSessions():
		return ""
	case p.SessionOf("price") != SecondSession:
		return "采用双信封时，报价部分应在第二次开标开启。"
	case len(p.SectionsOf(FirstSession)) == 0:
		return "采用双信封时，至少要有一个部分在第一次开标开启。"
	default:
		return ""
	}
}

// AddNotice publishes one more notice (公告) of a lot in the transaction of the
// command that causes it, and answers its number and digest for the event.
func AddNotice(ctx context.Context, tx *evidence.Tx, l *Lot, kind, title, body string) (number int, digest string, err error) {
	raw, err := canon.Marshal(map[string]string{"lot": l.ID, "title": title, "body": body})
	if err != nil {
		return 0, "", err
	}
	digest = Digest(raw)
	if err := tx.GetContext(ctx, &number, `INSERT INTO notice (lot_id, number, kind, title, body, digest, published_at)
		VALUES ($1, (SELECT COALESCE(max(number), 0) + 1 FROM notice WHERE lot_id = $1), $2, $3, $4, $5, $6) RETURNING number`,
		l.ID, kind, title, body, digest, tx.Now()); err != nil {
		return 0, "", fmt.Errorf("write notice: %w", err)
	}
	return number, digest, nil
}
