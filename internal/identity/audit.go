package identity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
)

// AuditFilter narrows the audit. Zero values narrow nothing.
type AuditFilter struct {
	Kind     string    // of the event
	PersonID string    // who acted
	Subject  string    // the stream: person/<id>, organisation/<id>
	From     time.Time // legal time
	Until    time.Time
	Before   string // id of the last event of the page before
	Limit    int    // at most 200
}

// Names are the names of organisations and people by their ids; ids of neither
// are left out.
func (s *Service) Names(ctx context.Context, ids []string) (map[string]string, error) {
	var rows []struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	if err := s.store.DB().SelectContext(ctx, &rows, `SELECT CAST(id AS text) AS id, name FROM organisation WHERE CAST(id AS text) = ANY ($1)
		UNION ALL SELECT CAST(id AS text), name FROM person WHERE CAST(id AS text) = ANY ($1)`, pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r.ID] = r.Name
	}
	return out, nil
}

// administration are the streams that the three administrators write. The
// partial index event_administration has the same condition.
const administration = `(stream LIKE 'person/%' OR stream LIKE 'organisation/%' OR stream LIKE 'import/%' OR stream LIKE 'holidays/%' OR stream LIKE 'platform/%')
	AND kind <> 'person.password_rehashed'` // that one would say when somebody logged in

// Audit lists the acts on people, organisations and the calendar, and the
// logins of the administrators, newest first. For the audit administrator alone.
// Code: identity.not_admin.
func (s *Service) Audit(ctx context.Context, who actor.Actor, f AuditFilter) ([]evidence.Event, error) {
	if who.Role != actor.AuditAdmin || who.PersonID == "" {
		return nil, errNotAdmin(actor.AuditAdmin)
	}
	where, args := []string{administration}, []any{}
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if f.Kind != "" {
		add("kind = $%d", f.Kind)
	}
	if f.Subject != "" {
		add("stream = $%d", f.Subject)
	}
	if f.PersonID != "" {
		add(`EXISTS (SELECT FROM event_opening o WHERE o.event_id = event.id AND o.name = 'actor.person' AND o.value = convert_to(to_json(CAST($%d AS text))::text, 'UTF8'))`, f.PersonID)
	}
	if !f.From.IsZero() {
		add("at >= $%d", f.From)
	}
	if !f.Until.IsZero() {
		add("at < $%d", f.Until)
	}
	if f.Before != "" {
		add("(at, id) < (SELECT at, id FROM event WHERE CAST(id AS text) = $%d)", f.Before)
	}
	add(`TRUE ORDER BY at DESC, id DESC LIMIT $%d`, min(max(f.Limit, 1), 201))
	return s.store.Select(ctx, strings.Join(where, " AND "), args...)
}
