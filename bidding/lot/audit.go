package lot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/internal/lifecycle"
)

// Acts are the events of a lot's stream as a state table sees them.
func Acts(events []evidence.Event) []lifecycle.Act {
	acts := make([]lifecycle.Act, len(events))
	for i := range events {
		acts[i] = lifecycle.Act{Kind: events[i].Kind, Role: actor.Role(events[i].Text("actor.role")), At: fmt.Sprintf("event %d", events[i].Seq)}
	}
	return acts
}

// Audit derives from a lot's events what its rows must say, and gives every
// difference, in English for the operator's report. q SHOULD be a transaction of
// one snapshot, from which the events were read too.
func Audit(ctx context.Context, q sqlx.QueryerContext, l *Lot, events []evidence.Event) ([]string, error) {
	state, faults := Table.Replay(Acts(events))
	a := audit{faults: faults}
	a.want("lot.state", string(l.State), string(state))
	suspended := false
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case "lot.created":
			a.text(e, "code", "lot.code", l.Code)
			a.text(e, "project", "lot.project_id", l.Project.ID)
		case "lot.suspended":
			suspended = true
		case "lot.resumed":
			suspended = false
		case "tender.doc_issued":
			a.text(e, "cutoffKey", "lot.cutoff_key", or(l.CutoffKey))
			a.text(e, "openingKey", "lot.opening_key", or(l.OpeningKey))
			a.text(e, "vrfKey", "lot.vrf_key", or(l.VRFKey))
		}
	}
	a.want("lot.suspended_since is set", fmt.Sprint(l.SuspendedSince != nil), fmt.Sprint(suspended))
	if due := lastDeadline(events); due != "" && l.BidDeadline != nil {
		at, err := time.Parse(time.RFC3339, due)
		if err != nil || !at.Equal(*l.BidDeadline) {
			a.want("lot.bid_deadline", stamp(*l.BidDeadline), due)
		}
	}
	if err := a.documents(ctx, q, l, events); err != nil {
		return nil, err
	}
	err := a.notices(ctx, q, l, events)
	return a.faults, err
}

type audit struct{ faults []string }

func (a *audit) want(what, got, want string) {
	if got != want {
		a.faults = append(a.faults, fmt.Sprintf("%s is %q, the events say %q", what, got, want))
	}
}

// text compares a field of an event with what a row has; an event without the
// field says nothing.
func (a *audit) text(e *evidence.Event, field, what, got string) {
	if want := e.Text(field); want != "" {
		a.want(what, got, want)
	}
}

func or(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// lastDeadline is the bid deadline that the events leave standing, RFC 3339.
func lastDeadline(events []evidence.Event) (due string) {
	for i := range events {
		e := &events[i]
		field := "bidDeadline"
		if e.Kind == "lot.deadline_postponed" {
			field = "to"
		}
		if at := e.Text(field); at != "" {
			due = at
		}
	}
	return due
}

// documents compares the digest of every version with its bytes and with the
// event that fixed it, and the list of its files with the rows.
func (a *audit) documents(ctx context.Context, q sqlx.QueryerContext, l *Lot, events []evidence.Event) error {
	var rows []struct {
		Version int    `db:"version"`
		Body    []byte `db:"body"`
		Digest  string `db:"digest"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT version, body, digest FROM document WHERE lot_id = $1 ORDER BY version`, l.ID); err != nil {
		return fmt.Errorf("read documents: %w", err)
	}
	fixed := map[int64]string{}
	for i := range events {
		var version int64
		if ok, err := events[i].Get("version", &version); ok && err == nil && events[i].Text("digest") != "" {
			fixed[version] = events[i].Text("digest")
		}
	}
	var files []File
	if err := sqlx.SelectContext(ctx, q, &files, `SELECT id, name, media, size, sm3 FROM document_file WHERE lot_id = $1`, l.ID); err != nil {
		return fmt.Errorf("read files of documents: %w", err)
	}
	known := map[string]File{}
	for _, f := range files {
		known[f.ID] = f
	}
	for _, r := range rows {
		what := fmt.Sprintf("digest of document version %d", r.Version)
		a.want(what, r.Digest, Digest(r.Body))
		if want, ok := fixed[int64(r.Version)]; ok {
			a.want(what, r.Digest, want)
		}
		delete(fixed, int64(r.Version))
		var body documentBody
		if err := json.Unmarshal(r.Body, &body); err != nil {
			a.faults = append(a.faults, fmt.Sprintf("document version %d cannot be read", r.Version))
			continue
		}
		for _, f := range body.Files {
			if known[f.ID] != f {
				a.faults = append(a.faults, fmt.Sprintf("file %s of document version %d is not what its row says", f.ID, r.Version))
			}
		}
	}
	for version := range fixed {
		a.faults = append(a.faults, fmt.Sprintf("document version %d is missing", version))
	}
	a.files(events, known)
	return nil
}

func (a *audit) files(events []evidence.Event, known map[string]File) {
	for i := range events {
		e := &events[i]
		id := e.Text("file")
		if e.Kind != "document.file_added" || id == "" {
			continue
		}
		f, ok := known[id]
		if !ok {
			a.faults = append(a.faults, fmt.Sprintf("the row of file %s of the document is missing", id))
			continue
		}
		a.text(e, "sm3", "digest of file "+id, f.SM3)
		a.text(e, "name", "name of file "+id, f.Name)
	}
}

// notices compares every published notice with the event that published it.
func (a *audit) notices(ctx context.Context, q sqlx.QueryerContext, l *Lot, events []evidence.Event) error {
	var rows []struct {
		Number int    `db:"number"`
		Title  string `db:"title"`
		Digest string `db:"digest"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT number, title, digest FROM notice WHERE lot_id = $1`, l.ID); err != nil {
		return fmt.Errorf("read notices: %w", err)
	}
	digests, titles := map[int]string{}, map[int]string{}
	for _, r := range rows {
		digests[r.Number], titles[r.Number] = r.Digest, r.Title
	}
	published := map[string]string{"notice.published": "digest", "tender.clarified": "noticeDigest", "lot.deadline_postponed": "digest", "termination.published": "digest"}
	for i := range events {
		e := &events[i]
		var number int
		digest, ok := published[e.Kind]
		if has, err := e.Get("number", &number); !ok || !has || err != nil {
			continue
		}
		a.text(e, digest, fmt.Sprintf("digest of notice %d", number), digests[number])
		a.text(e, "title", fmt.Sprintf("title of notice %d", number), titles[number])
	}
	return nil
}
