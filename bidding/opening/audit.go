package opening

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"jianbiao/bidding/lot"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
	"jianbiao/internal/vrf"
)

// audit compares one opening with its events.
type audit struct {
	h       *hall
	events  []evidence.Event
	session []evidence.Event // those of the session that is or was last
	faults  []string
}

// Audit derives from a lot's events what the rows of its opening must say
// (state, cut-off record, roster, released parts, table, coefficient, record,
// confirmations), and gives every difference, in English for the operator's
// report. q SHOULD be a transaction of one snapshot.
func Audit(ctx context.Context, q reader, l *lot.Lot, events []evidence.Event) ([]string, error) {
	h, err := readHall(ctx, q, l)
	if err != nil {
		return nil, err
	}
	a := &audit{h: h, events: events, session: events}
	if h.second() {
		a.enterSecond()
	}
	state, faults := Table.Replay(lot.Acts(events))
	a.faults = faults
	a.want("opening.state", string(h.o.State), string(state))
	a.cutoff()
	a.roster()
	a.parts()
	a.outcomes()
	a.readOut()
	a.coefficient()
	a.record()
	err = errors.Join(a.rows(ctx, q), a.sessions(ctx, q))
	return a.faults, err
}

func (a *audit) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

func (a *audit) want(what, got, want string) {
	if got != want {
		a.fault("%s is %q, the evidence says %q", what, got, want)
	}
}

// last is the last event of a kind, nil when there is none.
func (a *audit) last(kind string) *evidence.Event { return lastOf(a.events, kind) }

func lastOf(events []evidence.Event, kind string) *evidence.Event {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Kind == kind {
			return &events[i]
		}
	}
	return nil
}

// get decodes a field of an event; what cannot be read is a fault.
func (a *audit) get(e *evidence.Event, field string, v any) {
	if ok, err := e.Get(field, v); !ok || err != nil {
		a.fault("field %s of event %d cannot be read", field, e.Seq)
	}
}

// cutoff: the bids of a lot are those of its cut-off record, and none before it.
func (a *audit) cutoff() {
	e := a.last("cutoff.recorded")
	if e == nil {
		if len(a.h.bids) > 0 || a.h.o.CutoffDigest != nil {
			a.fault("there are bids and no cut-off record")
		}
		return
	}
	var rows []CutoffRow
	a.get(e, "rows", &rows)
	digest, err := cutoffDigest(a.h.lot.ID, rows)
	if err != nil {
		a.fault("the cut-off record cannot be hashed")
	}
	a.want("digest of the cut-off record", e.Text("digest"), digest)
	a.want("opening.cutoff_digest", text(a.h.o.CutoffDigest), digest)
	if a.h.o.CutoffCount == nil || *a.h.o.CutoffCount != len(rows) || len(a.h.bids) != len(rows) {
		a.fault("%d bids are stored, the cut-off record has %d", len(a.h.bids), len(rows))
	}
	for i, r := range rows {
		b := a.h.bid(r.Digest)
		if b == nil {
			a.fault("bid %s of the cut-off record is missing", r.Digest)
			continue
		}
		if b.Number != r.Number || b.Size != r.Size || b.RowNo != i+1 {
			a.fault("bid %s is not what the cut-off record says", r.Digest)
		}
		a.header(b, r.Header)
	}
}

// header: the stored header is canonical and names this lot and the bid's key.
func (a *audit) header(b *Bid, digest string) {
	head, err := b.Header()
	if err != nil {
		a.fault("header of bid %s cannot be read", b.Digest)
		return
	}
	a.want("one-time key of bid "+b.Digest, b.OneTimeKey, head.OneTimeKey.Text())
	a.want("lot of bid "+b.Digest, head.Lot, a.h.lot.ID)
	if now, err := head.Digest(); digest != "" && (err != nil || now != digest) {
		a.fault("header of bid %s is not the one of the cut-off record", b.Digest)
	}
}

// roster: the names are those that were published.
func (a *audit) roster() {
	e := a.last("opening.roster_published")
	if e == nil {
		for i := range a.h.bids {
			if a.h.bids[i].Organisation != nil {
				a.fault("bid %s has a name before the roster", a.h.bids[i].Digest)
			}
		}
		return
	}
	var entries []RosterEntry
	a.get(e, "bidders", &entries)
	for _, r := range entries {
		if b := a.h.bid(r.Digest); b != nil {
			a.want("bidder of "+r.Digest, text(b.Organisation), r.Organisation)
			a.want("code of the bidder of "+r.Digest, text(b.USCC), r.USCC)
		}
	}
}

// parts: what was released is what the events hold, opens the commitments of the
// header, and is what was fixed when the window closed.
func (a *audit) parts() {
	for i := range a.h.bids {
		b := &a.h.bids[i]
		var released map[string]string
		for j := range a.session {
			e := &a.session[j]
			if e.Kind == "part.released" && e.Text("digest") == b.Digest {
				released = nil
				a.get(e, "parts", &released)
			}
		}
		if (released != nil) != (b.PartState == PartReleased) {
			a.fault("part of bid %s is %s, the events say otherwise", b.Digest, b.PartState)
			continue
		}
		if released == nil {
			continue
		}
		raw, err := canon.Marshal(released)
		if err != nil || string(raw) != string(b.Parts) {
			a.fault("parts of bid %s are not those of the event", b.Digest)
		}
		if a.h.checkParts(b, released) != nil {
			a.fault("parts of bid %s do not open the commitments of its header", b.Digest)
		}
	}
	if e := lastOf(a.session, "decrypt.window_closed"); e != nil {
		var rows []PartsRow
		a.get(e, "parts", &rows)
		if !slices.Equal(rows, a.h.partsRows()) {
			a.fault("the parts are not those that were fixed when the window closed")
		}
	}
}

// outcomes: each bid ended as its last event says.
func (a *audit) outcomes() {
	ends := map[string]string{"decrypt.completed": OutcomeOpened, "bid.revoked": OutcomeRevoked, "bid.withdrawn": OutcomeWithdrawn, "bid.undecided": OutcomeUndecided}
	want := map[string]string{}
	for i := range a.events {
		e := &a.events[i]
		if outcome, ok := ends[e.Kind]; ok {
			want[e.Text("digest")] = outcome
		}
		if e.Kind == "bid.decided" {
			want[e.Text("digest")] = e.Text("outcome")
		}
		if a.entersSecond(e) {
			for digest, result := range a.reviewed() {
				want[digest] = map[string]string{ReviewFailed: OutcomeRejected}[result]
			}
		}
	}
	for i := range a.h.bids {
		a.want("outcome of bid "+a.h.bids[i].Digest, text(a.h.bids[i].Outcome), want[a.h.bids[i].Digest])
	}
}

// readOut: the table made again from forms and prices is the one read out. A
// later decision of the buyer changes outcome and reason of its bid alone.
func (a *audit) readOut() {
	e := lastOf(a.session, "opening.announced")
	if e == nil {
		return
	}
	var announced []Reading
	a.get(e, "table", &announced)
	table, err := a.h.table()
	if err != nil || len(table) != len(announced) {
		a.fault("the table cannot be made again from the rows")
		return
	}
	decided := map[string]bool{}
	for i := range a.events {
		if a.events[i].Kind == "bid.decided" {
			decided[a.events[i].Text("digest")] = true
		}
	}
	for i := range table {
		now, then := table[i], announced[i]
		if decided[now.Digest] {
			now.Outcome, now.Reason = then.Outcome, then.Reason
		}
		if !same(now, then) {
			a.fault("bid %s in the table is not what was read out (price now %s, then %s)", now.Digest, now.Price, then.Price)
		}
	}
}

// same compares two values by their canonical bytes.
func same(x, y any) bool {
	a, err1 := canon.Marshal(x)
	b, err2 := canon.Marshal(y)
	return err1 == nil && err2 == nil && string(a) == string(b)
}

// coefficient: it is the output of the lot's function over cut-off and parts.
func (a *audit) coefficient() {
	e := a.last("coefficient.drawn")
	if e == nil {
		if len(a.h.o.Coefficient) > 0 {
			a.fault("there is a coefficient and no event of its draw")
		}
		return
	}
	var c Coefficient
	if err := canon.Unmarshal(a.h.o.Coefficient, &c); err != nil {
		a.fault("the coefficient cannot be read")
		return
	}
	a.want("coefficient", c.Value, e.Text("value"))
	a.want("proof of the coefficient", c.Proof, e.Text("proof"))
	alpha, err1 := a.h.alpha()
	public, err2 := base64.RawURLEncoding.DecodeString(text(a.h.lot.VRFKey))
	proof, err3 := hex.DecodeString(c.Proof)
	if err1 != nil || err2 != nil || err3 != nil {
		a.fault("the draw of the coefficient cannot be read")
		return
	}
	beta, err := vrf.Verify(public, alpha, proof)
	if err != nil || hex.EncodeToString(beta) != c.Beta {
		a.fault("the proof of the coefficient is false")
		return
	}
	if i := vrf.Choose(beta, len(c.Values)); i < 0 || c.Values[i] != c.Value {
		a.fault("the coefficient %s is not what its proof gives", c.Value)
	}
}

// record: its bytes have the digest that was confirmed and signed.
func (a *audit) record() {
	e := lastOf(a.session, "opening.confirmation_started")
	if e == nil {
		return
	}
	digest := lot.Digest(a.h.o.Record)
	a.want("digest of the opening record", text(a.h.o.RecordDigest), digest)
	a.want("digest of the opening record", e.Text("recordDigest"), digest)
	var body RecordBody
	if err := canon.Unmarshal(a.h.o.Record, &body); err != nil {
		a.fault("the opening record cannot be read")
	}
	a.want("cut-off in the opening record", body.Cutoff, text(a.h.o.CutoffDigest))
	for i := range a.h.bids {
		if b := &a.h.bids[i]; b.Confirmation != nil {
			a.confirmation(b, digest)
		}
	}
}

func (a *audit) confirmation(b *Bid, digest string) {
	key, err := seal.ParsePublicKey(b.OneTimeKey)
	if err == nil {
		var msg []byte
		if msg, err = SignedMessage(a.h.lot.ID, b.Digest, map[string]any{"recordDigest": digest}); err == nil {
			err = seal.VerifyOneTime(key, Tag("confirm_record"), msg, *b.Confirmation)
		}
	}
	if err != nil {
		a.fault("the signature of bid %s under the opening record is false", b.Digest)
	}
}

// rows: objections, remarks and pauses are as many as their events, with the
// same words.
func (a *audit) rows(ctx context.Context, q reader) error {
	var objections []struct {
		ID     string  `db:"id"`
		Text   string  `db:"text"`
		Answer *string `db:"answer"`
	}
	if err := q.SelectContext(ctx, &objections, `SELECT id, text, answer FROM opening_objection WHERE lot_id = $1`, a.h.lot.ID); err != nil {
		return fmt.Errorf("read objections: %w", err)
	}
	texts, answers := map[string]string{}, map[string]string{}
	remarks, pauses := 0, 0
	for i := range a.events {
		switch e := &a.events[i]; e.Kind {
		case "opening.objection_raised":
			texts[e.Text("objection")] = e.Text("text")
		case "opening.objection_answered":
			answers[e.Text("objection")] = e.Text("text")
		case "supervisor.remarked":
			remarks++
		case "opening.paused":
			pauses++
		}
	}
	for _, o := range objections {
		a.want("text of objection "+o.ID, o.Text, texts[o.ID])
		a.want("answer to objection "+o.ID, text(o.Answer), answers[o.ID])
		delete(texts, o.ID)
	}
	for id := range texts {
		a.fault("objection %s is missing", id)
	}
	var n struct {
		Remarks int `db:"remarks"`
		Pauses  int `db:"pauses"`
	}
	if err := q.GetContext(ctx, &n, `SELECT (SELECT count(*) FROM opening_remark WHERE lot_id = $1) AS remarks,
		(SELECT count(*) FROM opening_pause WHERE lot_id = $1 AND (NOT outage OR reason <> '平台中断服务')) AS pauses`, a.h.lot.ID); err != nil {
		return fmt.Errorf("count remarks: %w", err)
	}
	if n.Remarks != remarks || n.Pauses != pauses {
		a.fault("%d remarks and %d pauses are stored, the events have %d and %d", n.Remarks, n.Pauses, remarks, pauses)
	}
	return nil
}
