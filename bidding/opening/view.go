package opening

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/lifecycle"
)

// Window is a span of time that runs in the hall.
type Window struct {
	From  *time.Time `json:"from,omitempty"`
	Until time.Time  `json:"until"`
}

// HallBid is a bid as everybody in the hall may see it: before the roster a
// digest without a name.
type HallBid struct {
	No            int        `json:"no"`
	Digest        string     `json:"digest"`
	Number        int        `json:"number"`
	Size          int64      `json:"size"`
	SealChecked   *time.Time `json:"sealChecked,omitempty"`
	Organisation  string     `json:"organisation,omitempty"`
	USCC          string     `json:"uscc,omitempty"`
	Part          HallPart   `json:"part"`
	Outcome       string     `json:"outcome,omitempty"`
	OutcomeReason string     `json:"outcomeReason,omitempty"`
	Flags         []string   `json:"flags"`
	NoObjection   *time.Time `json:"noObjection,omitempty"`
	Confirmed     *time.Time `json:"confirmed,omitempty"`
	Review        string     `json:"review,omitempty"` // of the first envelope: passed, failed
	ReviewReason  string     `json:"reviewReason,omitempty"`
}

// HallPart is how far a bidder's part has come.
type HallPart struct {
	State    string     `json:"state"`
	At       *time.Time `json:"at,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Attempts int        `json:"attempts"`
}

// Objection is an objection raised in the hall.
type Objection struct {
	ID           string     `db:"id" json:"id"`
	Digest       string     `db:"digest" json:"digest"`
	Organisation string     `db:"organisation" json:"organisation"`
	Text         string     `db:"text" json:"text"`
	At           time.Time  `db:"raised_at" json:"at"`
	Answer       *string    `db:"answer" json:"answer,omitempty"`
	AnsweredBy   *string    `db:"answered_by" json:"answeredBy,omitempty"`
	AnsweredAt   *time.Time `db:"answered_at" json:"answeredAt,omitempty"`
}

// Remark is a remark of an authority or a witness.
type Remark struct {
	At           time.Time  `db:"at" json:"at"`
	Person       string     `db:"person" json:"-"`
	Organisation string     `db:"organisation" json:"by"`
	Role         actor.Role `db:"role" json:"role"`
	Text         string     `db:"text" json:"text"`
}

// Pause is one interruption of the session.
type Pause struct {
	From   time.Time  `db:"from_at" json:"from"`
	Until  *time.Time `db:"until_at" json:"until,omitempty"`
	Reason string     `db:"reason" json:"reason"`
	Outage bool       `db:"outage" json:"outage"`
}

// Snapshot is the hall at one moment. Seq is the last event of the lot's stream
// that it takes in, so that events after Seq are exactly what it lacks.
type Snapshot struct {
	Seq          int64             `json:"seq"`
	Lot          HallLot           `json:"lot"`
	State        State             `json:"state"`
	StateLabel   string            `json:"stateLabel"`
	Step         int               `json:"step"`
	Session      int               `json:"session"`  // 1, or 2 for the second envelopes (第二信封)
	Sessions     int               `json:"sessions"` // how many the document asks for
	Review       *HallReview       `json:"review,omitempty"`
	SecondAt     *time.Time        `json:"secondAt,omitempty"` // when the second session is held, once announced
	Past         []Past            `json:"past"`
	ScheduledAt  time.Time         `json:"scheduledAt"`
	Paused       *HallHold         `json:"paused,omitempty"`
	Suspended    *HallHold         `json:"suspended,omitempty"`
	Windows      map[string]Window `json:"windows"`
	Cutoff       *HallCutoff       `json:"cutoff,omitempty"`
	Bids         []HallBid         `json:"bids"`
	Table        []Reading         `json:"table"`
	Coefficient  *Coefficient      `json:"coefficient,omitempty"`
	Objections   []Objection       `json:"objections"`
	Remarks      []Remark          `json:"remarks"`
	Pauses       []Pause           `json:"pauses"`
	HostSigned   *time.Time        `json:"hostSigned,omitempty"`
	RecordDigest string            `json:"recordDigest,omitempty"`
	ClosedAt     *time.Time        `json:"closedAt,omitempty"`
	Params       lot.Params        `json:"params"`
}

// Opens says whether a section of a bid is opened in the session that is on.
func (s *Snapshot) Opens(section string) bool { return s.Params.SessionOf(section) == s.Session }

// HallReview is the result of the review of the first envelope (第一信封评审). Few
// says that fewer bids passed than must have been handed in: whether there is
// still competition is for the evaluation committee to say.
type HallReview struct {
	At           time.Time `json:"at"`
	Report       string    `json:"report"`
	ReportDigest string    `json:"reportDigest,omitempty"`
	Passed       int       `json:"passed"`
	Of           int       `json:"of"`
	Few          bool      `json:"few"`
}

// HallLot names the lot.
type HallLot struct {
	ID           string     `json:"id"`
	Code         string     `json:"code"`
	Name         string     `json:"name"`
	State        lot.State  `json:"state"`
	Project      string     `json:"project"`
	Buyer        string     `json:"buyer"`
	Agency       string     `json:"agency,omitempty"`
	Region       string     `json:"region"`
	BidDeadline  *time.Time `json:"bidDeadline"`
	PriceCeiling string     `json:"priceCeiling,omitempty"`
	VRFKey       string     `json:"vrfKey"`
}

// HallHold is a pause or a suspension that stands.
type HallHold struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

// HallCutoff is the head of the cut-off record.
type HallCutoff struct {
	Count      int       `json:"count"`
	Digest     string    `json:"digest"`
	RecordedAt time.Time `json:"recordedAt"`
}

// Snapshot reads the hall in one snapshot of the database.
func (s *Service) Snapshot(ctx context.Context, lotID string) (*Snapshot, error) {
	var snap *Snapshot
	err := s.store.Look(ctx, func(q *sqlx.Tx) error {
		var err error
		snap, err = readSnapshot(ctx, q, lotID)
		return err
	})
	return snap, err
}

func readSnapshot(ctx context.Context, q reader, lotID string) (*Snapshot, error) {
	l, err := lot.Read(ctx, q, lotID)
	if err != nil {
		return nil, err
	}
	h, err := readHall(ctx, q, l)
	if err != nil {
		return nil, err
	}
	snap, err := h.snapshot()
	if err != nil {
		return nil, err
	}
	if err := q.GetContext(ctx, &snap.Seq, `SELECT seq FROM stream_head WHERE stream = $1`, l.Stream()); err != nil {
		return nil, fmt.Errorf("head of the lot's stream: %w", err)
	}
	return snap, errors.Join(
		q.SelectContext(ctx, &snap.Objections, `SELECT o.id, o.digest, COALESCE(b.organisation, '') AS organisation, o.text, o.raised_at, o.answer,
			o.answered_by, o.answered_at FROM opening_objection o JOIN bid b ON b.lot_id = o.lot_id AND b.digest = o.digest
			WHERE o.lot_id = $1 AND o.session = $2 ORDER BY o.raised_at, o.id`, l.ID, h.o.Session),
		q.SelectContext(ctx, &snap.Remarks, `SELECT at, person, organisation, role, text FROM opening_remark WHERE lot_id = $1 AND session = $2
			ORDER BY at, id`, l.ID, h.o.Session),
		q.SelectContext(ctx, &snap.Pauses, `SELECT from_at, until_at, reason, outage FROM opening_pause WHERE lot_id = $1 AND session = $2
			ORDER BY from_at`, l.ID, h.o.Session),
		q.SelectContext(ctx, &snap.Past, `SELECT session, scheduled_at, closed_at, record_digest FROM opening_session WHERE lot_id = $1 ORDER BY session`, l.ID))
}

func (h *hall) snapshot() (*Snapshot, error) {
	o, l := h.o, h.lot
	snap := &Snapshot{State: o.State, StateLabel: Table.Labels[o.State], Step: Step(o.State), ScheduledAt: o.ScheduledAt,
		Session: o.Session, Sessions: lot.FirstSession, Past: []Past{}, Windows: map[string]Window{}, Bids: []HallBid{}, Table: []Reading{}, Objections: []Objection{}, Remarks: []Remark{}, Pauses: []Pause{},
		HostSigned: o.HostConfirmedAt, RecordDigest: text(o.RecordDigest), ClosedAt: o.ClosedAt, Params: h.params,
		Lot: HallLot{ID: l.ID, Code: l.Code, Name: l.Name, State: l.State, Project: l.Project.Name, Buyer: l.Project.Buyer, Agency: text(l.Project.Agency),
			Region: l.Project.Region, BidDeadline: l.BidDeadline, VRFKey: text(l.VRFKey)}}
	h.addSessions(snap)
	if l.PriceCeiling != nil {
		snap.Lot.PriceCeiling = l.PriceCeiling.StringFixed(2)
	}
	for name, w := range map[string]Window{"sealCheck": {o.StartedAt, or(o.SealCheckUntil)}, "decrypt": {o.DecryptFrom, or(o.DecryptUntil)},
		"objection": {o.ObjectionFrom, or(o.ObjectionUntil)}, "confirm": {o.ConfirmFrom, or(o.ConfirmUntil)}} {
		if !w.Until.IsZero() {
			snap.Windows[name] = w
		}
	}
	if o.PausedSince != nil {
		snap.Paused = &HallHold{*o.PausedSince, text(o.PauseReason)}
	}
	if l.SuspendedSince != nil {
		snap.Suspended = &HallHold{*l.SuspendedSince, text(l.SuspendedReason)}
	}
	if o.CutoffAt != nil {
		snap.Cutoff = &HallCutoff{*o.CutoffCount, *o.CutoffDigest, *o.CutoffAt}
	}
	for i := range h.bids {
		snap.Bids = append(snap.Bids, h.hallBid(&h.bids[i]))
	}
	return snap, h.addTable(snap)
}

func (h *hall) addSessions(snap *Snapshot) {
	if !h.params.TwoSessions() {
		return
	}
	snap.Sessions = lot.SecondSession
	if h.o.SecondNoticedAt != nil {
		snap.SecondAt = &h.o.ScheduledAt
	}
	if h.o.ReviewedAt != nil {
		passed := count(h.bids, (*Bid).passed)
		snap.Review = &HallReview{At: *h.o.ReviewedAt, Report: text(h.o.ReviewReport), ReportDigest: text(h.o.ReviewDigest), Passed: passed,
			Of: count(h.bids, func(b *Bid) bool { return b.Review != nil }), Few: passed < MinBids}
	}
}

// readOut says whether prices are public: once the reading has begun.
func (h *hall) readOut() bool {
	switch h.o.State {
	case Announcing, ObjectionWindow, RecordConfirming, BetweenSessions, Closed:
		return true
	default:
		return false
	}
}

func (h *hall) addTable(snap *Snapshot) error {
	if h.o.Coefficient != nil {
		snap.Coefficient = &Coefficient{}
		if err := json.Unmarshal(h.o.Coefficient, snap.Coefficient); err != nil {
			return fmt.Errorf("decode coefficient: %w", err)
		}
	}
	if !h.readOut() {
		return nil
	}
	var err error
	snap.Table, err = h.table()
	return err
}

func or(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func (h *hall) hallBid(b *Bid) HallBid {
	v := HallBid{No: b.RowNo, Digest: b.Digest, Number: b.Number, Size: b.Size, SealChecked: b.SealCheckedAt, Flags: []string{},
		Part:    HallPart{State: b.PartState, At: b.ReleasedAt, Reason: text(b.FailureReason), Attempts: b.Attempts},
		Outcome: text(b.Outcome), OutcomeReason: cause(b), NoObjection: b.NoObjectionAt, Confirmed: b.ConfirmedAt,
		Review: text(b.Review), ReviewReason: text(b.ReviewReason)}
	if h.o.RosterAt != nil {
		v.Organisation, v.USCC = text(b.Organisation), text(b.USCC)
	}
	if h.readOut() {
		v.Flags = texts(b.Flags)
	}
	return v
}

// Actions is what who may do in the hall now, and why not; lot actions come
// before those of the opening.
func (s *Service) Actions(ctx context.Context, who actor.Actor, lotID string) ([]lifecycle.Action, error) {
	l, err := lot.Read(ctx, s.store.DB(), lotID)
	if err != nil {
		return nil, err
	}
	var now time.Time
	if err := s.store.DB().GetContext(ctx, &now, `SELECT legal_now()`); err != nil {
		return nil, fmt.Errorf("read the legal time: %w", err)
	}
	if refusal := lot.Authorise(l, who); refusal != nil {
		return []lifecycle.Action{}, nil //nolint:nilerr // who has no part in the lot has no action; that is no fault
	}
	h, err := readHall(ctx, s.store.DB(), l)
	if err != nil {
		return nil, err
	}
	return Table.Actions(h.o.State, who.Role, h.facts(now, who)), nil
}

// Viewer is who looks at a hall.
type Viewer struct {
	Class evidence.Class
	Host  bool
}

// Admit says as what somebody looks at the hall. Everybody may; a bidder's
// firm may act, and what it may do is decided by the keys of its bid.
func (s *Service) Admit(ctx context.Context, who actor.Actor, lotID string) (Viewer, error) {
	l, err := lot.Read(ctx, s.store.DB(), lotID)
	if err != nil {
		return Viewer{}, err
	}
	if l.PublishedAt == nil && !l.HostedBy(who) {
		return Viewer{}, lot.ErrNotFound()
	}
	v := Viewer{Class: evidence.Public, Host: l.HostedBy(who)}
	switch {
	case v.Host || l.Supervises(who):
		v.Class = evidence.Official
	case who.Role == actor.Bidder:
		v.Class = evidence.Party
	}
	return v, nil
}

// Discreet says whether the hall must not show who is there: until the roster.
func (s *Service) Discreet(ctx context.Context, lotID string) (bool, error) {
	var roster bool
	err := s.store.DB().GetContext(ctx, &roster, `SELECT EXISTS (SELECT FROM opening WHERE lot_id = $1 AND roster_at IS NOT NULL)`, lotID)
	if err != nil {
		return true, fmt.Errorf("look for the roster: %w", err)
	}
	return !roster, nil
}

// Cutoff is the cut-off record as it was recorded; nil before.
type Cutoff struct {
	RecordedAt time.Time   `json:"recordedAt"`
	Count      int         `json:"count"`
	Digest     string      `json:"digest"`
	Rows       []CutoffRow `json:"rows"`
	Seq        int64       `json:"seq"`
}

// Cutoff reads the cut-off record from the evidence.
func (s *Service) Cutoff(ctx context.Context, lotID string) (*Cutoff, error) {
	events, err := s.store.OfKind(ctx, "lot/"+lotID, "cutoff.recorded")
	if err != nil || len(events) == 0 {
		return nil, err
	}
	e := &events[0]
	c := &Cutoff{RecordedAt: e.At, Digest: e.Text("digest"), Seq: e.Seq}
	if _, err := e.Get("rows", &c.Rows); err != nil {
		return nil, fmt.Errorf("read cut-off record: %w", err)
	}
	c.Count = len(c.Rows)
	return c, nil
}

// RecordBody is what everybody confirms: frozen when confirmation starts, hashed
// as canonical JSON.
type RecordBody struct {
	Tag         string       `json:"tag"`
	Lot         string       `json:"lot"`
	Session     int          `json:"session,omitempty"` // in a tender of two envelopes
	Cutoff      string       `json:"cutoff"`
	Table       []Reading    `json:"table"`
	Coefficient *Coefficient `json:"coefficient"`
	Objections  []frozen     `json:"objections"`
}

type frozen struct {
	ID           string `json:"id"`
	Organisation string `json:"organisation"`
	Text         string `json:"text"`
	At           string `json:"at"`
	Answer       string `json:"answer"`
	AnsweredAt   string `json:"answeredAt"`
}

func (s *Service) freeze(ctx context.Context, tx *evidence.Tx, h *hall) (string, error) {
	snap, err := readSnapshot(ctx, tx, h.lot.ID)
	if err != nil {
		return "", err
	}
	body := RecordBody{Tag: "jianbiao/opening-record/1", Lot: h.lot.ID, Cutoff: *h.o.CutoffDigest, Table: snap.Table,
		Coefficient: snap.Coefficient, Objections: []frozen{}}
	for _, o := range snap.Objections {
		body.Objections = append(body.Objections, frozen{ID: o.ID, Organisation: o.Organisation, Text: o.Text, At: stamp(o.At),
			Answer: text(o.Answer), AnsweredAt: stamp(or(o.AnsweredAt))})
	}
	if h.params.TwoSessions() {
		body.Session = h.o.Session
	}
	raw, err := canon.Marshal(body)
	if err != nil {
		return "", err
	}
	digest := lot.Digest(raw)
	return digest, exec(ctx, tx, "freeze record", `UPDATE opening SET record = $1, record_digest = $2 WHERE lot_id = $3`, raw, digest, h.lot.ID)
}
