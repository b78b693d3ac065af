package opening

import (
	"context"
	"encoding/json"
	"fmt"

	"jianbiao/bidding/lot"
	"jianbiao/internal/evidence"
)

// entersSecond says whether the event began the second session (双信封).
func (a *audit) entersSecond(e *evidence.Event) bool {
	session := 0
	if e.Kind == "opening.lobby_opened" {
		if _, err := e.Get("session", &session); err != nil {
			a.fault("field session of event %d cannot be read", e.Seq)
		}
	}
	return session == lot.SecondSession
}

// enterSecond looks at the events of the second session alone.
func (a *audit) enterSecond() {
	for i := range a.events {
		if a.entersSecond(&a.events[i]) {
			a.session = a.events[i:]
			return
		}
	}
	a.fault("opening.session is 2, no event began a second session")
}

// reviewed is what the last review of the first envelope found, by digest.
func (a *audit) reviewed() map[string]string {
	out := map[string]string{}
	e := a.last("opening.reviewed")
	if e == nil {
		return out
	}
	for field, result := range map[string]string{"passed": ReviewPassed, "failed": ReviewFailed} {
		var list []ReviewedBid
		a.get(e, field, &list)
		for _, b := range list {
			out[b.Digest] = result
		}
	}
	return out
}

// sessions: what the first of two sessions left is what was confirmed at its
// end, and the bids' reviews are those of the record.
func (a *audit) sessions(ctx context.Context, q reader) error {
	want := a.reviewed()
	for i := range a.h.bids {
		a.want("review of bid "+a.h.bids[i].Digest, text(a.h.bids[i].Review), want[a.h.bids[i].Digest])
	}
	var kept []struct {
		Record []byte `db:"record"`
		Digest string `db:"record_digest"`
		Hall   []byte `db:"hall"`
	}
	if err := q.SelectContext(ctx, &kept, `SELECT record, record_digest, hall FROM opening_session WHERE lot_id = $1 ORDER BY session`, a.h.lot.ID); err != nil {
		return fmt.Errorf("read sessions: %w", err)
	}
	e := a.last("opening.first_closed")
	if (e != nil) != (len(kept) == 1) {
		a.fault("%d sessions are kept, the events say otherwise", len(kept))
		return nil
	}
	for _, k := range kept {
		a.want("digest of the first session's record", k.Digest, e.Text("recordDigest"))
		a.want("digest of the first session's record", k.Digest, lot.Digest(k.Record))
		var hall Snapshot
		if err := json.Unmarshal(k.Hall, &hall); err != nil || hall.RecordDigest != k.Digest {
			a.fault("the hall that was kept of the first session is not that of its record")
		}
	}
	return nil
}
