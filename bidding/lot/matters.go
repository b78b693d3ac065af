package lot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"jianbiao/internal/actor"
)

// MatterKinds are the Chinese names of what waits for the host's answer.
var MatterKinds = map[string]string{"question": "提问", kindObjection: "异议", kindChallenge: "质疑"}

// Matter is a question or an objection that waits for the host's answer. Of a
// question's time there is the day.
type Matter struct {
	LotID    string     `db:"lot_id"`
	LotName  string     `db:"lot_name"`
	LotCode  string     `db:"lot_code"`
	Project  string     `db:"project_kind"`
	Kind     string     `db:"kind"`
	Text     string     `db:"text"`
	Received time.Time  `db:"received"`
	DueAt    *time.Time `db:"due_at"`
	Basis    string     `db:"-"`
}

// Matters are all that wait for an answer of the actor's organisation, the most
// urgent first.
func (s *Service) Matters(ctx context.Context, who actor.Actor) ([]Matter, error) {
	out := []Matter{}
	if !who.In(actor.Buyer, actor.Agency) {
		return out, nil
	}
	if err := s.store.DB().SelectContext(ctx, &out, `
		SELECT l.id AS lot_id, p.name || ' ' || l.name AS lot_name, l.code AS lot_code, p.kind AS project_kind, m.kind, m.text, m.received, m.due_at
		FROM (SELECT lot_id, 'question' AS kind, text, asked_on AS received, CAST(NULL AS timestamptz) AS due_at FROM question WHERE answer IS NULL
			UNION ALL
			SELECT lot_id, kind, subject, CAST(received_at AT TIME ZONE 'Asia/Shanghai' AS date), due_at FROM document_objection WHERE answer IS NULL) m
		JOIN lot l ON l.id = m.lot_id JOIN project p ON p.id = l.project_id
		WHERE $1 IN (p.buyer_id, p.agency_id) AND l.state IN ('published', 'cut_off', 'opened')
		ORDER BY m.received, l.code LIMIT 500`, who.OrganisationID); err != nil {
		return nil, fmt.Errorf("list matters: %w", err)
	}
	for i := range out {
		m := &out[i]
		code := laws[m.Project].Answer
		if m.Kind == "question" {
			code = laws[m.Project].Ask
		}
		if code == "" {
			continue
		}
		due, err := s.periods.Due(code, startOfDay(m.Received))
		if err != nil {
			return nil, err
		}
		m.Basis = due.Rule.Article()
		if m.DueAt == nil {
			m.DueAt = &due.At
		}
	}
	slices.SortStableFunc(out, func(a, b Matter) int {
		switch {
		case a.DueAt == nil || b.DueAt == nil:
			return cmp.Compare(boolInt(a.DueAt == nil), boolInt(b.DueAt == nil))
		default:
			return a.DueAt.Compare(*b.DueAt)
		}
	})
	return out, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
