// Package opening is the remote opening of bids (不见面开标): cut-off record,
// seal check, roster, the decryption window in two halves, import, reading out,
// objections, confirmation.
//
// Who may learn what, when: the number of bids nobody before the cut-off, names
// nobody before the cut-off record, contents and prices nobody before the
// window has closed. So a bidder's part is judged by its commitment alone, and
// the opening key is used on contents only after decrypt.window_closed: nobody
// can choose to fail after seeing the others (docs/adr/0008-two-halves-of-the-window.md).
package opening

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/submission"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/canon"
	"jianbiao/internal/certificate"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/internal/lifecycle"
	"jianbiao/internal/seal"
)

// Opening is the row of one opening. Times are legal.
type Opening struct {
	LotID           string     `db:"lot_id"`
	State           State      `db:"state"`
	Version         int        `db:"version"`
	ScheduledAt     time.Time  `db:"scheduled_at"`
	CutoffAt        *time.Time `db:"cutoff_at"`
	CutoffCount     *int       `db:"cutoff_count"`
	CutoffDigest    *string    `db:"cutoff_digest"`
	StartedAt       *time.Time `db:"started_at"`
	SealCheckUntil  *time.Time `db:"seal_check_until"`
	RosterAt        *time.Time `db:"roster_at"`
	DecryptFrom     *time.Time `db:"decrypt_from"`
	DecryptUntil    *time.Time `db:"decrypt_until"`
	ClosedWindowAt  *time.Time `db:"closed_window_at"`
	ObjectionFrom   *time.Time `db:"objection_from"`
	ObjectionUntil  *time.Time `db:"objection_until"`
	ConfirmFrom     *time.Time `db:"confirm_from"`
	ConfirmUntil    *time.Time `db:"confirm_until"`
	ClosedAt        *time.Time `db:"closed_at"`
	PausedSince     *time.Time `db:"paused_since"`
	PauseReason     *string    `db:"pause_reason"`
	MissingReceipts int        `db:"missing_receipts"`
	PostponedReason *string    `db:"postponed_reason"`
	Coefficient     []byte     `db:"coefficient"`
	HostConfirmedAt *time.Time `db:"host_confirmed_at"`
	Record          []byte     `db:"record"`
	RecordDigest    *string    `db:"record_digest"`
	FilesCheckedAt  *time.Time `db:"files_checked_at"`
	Session         int        `db:"session"` // 1, or 2 for the second envelopes (第二信封)
	ReviewedAt      *time.Time `db:"reviewed_at"`
	ReviewReport    *string    `db:"review_report"`
	ReviewDigest    *string    `db:"review_digest"`
	SecondNoticedAt *time.Time `db:"second_noticed_at"`
}

// The states of a bidder's part, and the outcomes of a bid.
const (
	PartWaiting  = "waiting"
	PartReleased = "released"
	PartFailed   = "failed"

	OutcomeOpened    = "opened"
	OutcomeRevoked   = "revoked"   // 视为撤销: the bidder's cause
	OutcomeWithdrawn = "withdrawn" // 视为撤回: any other cause
	OutcomeUndecided = "undecided" // an outage lay in the window; the buyer decides
	OutcomeRejected  = "rejected"  // did not pass the review of the first envelope: its second stays sealed
)

// Bid is a bid of the cut-off record.
type Bid struct {
	LotID          string           `db:"lot_id"`
	Digest         string           `db:"digest"`
	EnvelopeID     string           `db:"envelope_id"`
	Number         int              `db:"number"`
	Size           int64            `db:"size"`
	HeaderJSON     []byte           `db:"header"`
	OneTimeKey     string           `db:"one_time_key"`
	SealCheckedAt  *time.Time       `db:"sealed_checked_at"`
	OrganisationID *string          `db:"organisation_id"`
	Organisation   *string          `db:"organisation"`
	USCC           *string          `db:"uscc"`
	Owner          []byte           `db:"owner"`
	PartState      string           `db:"part_state"`
	Parts          []byte           `db:"parts"` // canonical JSON, section -> base64url
	ReleasedAt     *time.Time       `db:"released_at"`
	Attempts       int              `db:"attempts"`
	FailureReason  *string          `db:"failure_reason"`
	Outcome        *string          `db:"outcome"`
	OutcomeReason  *string          `db:"outcome_reason"`
	Price          *decimal.Decimal `db:"price"`
	Form           []byte           `db:"form"` // canonical JSON, section -> form
	Flags          Texts            `db:"flags"`
	RowNo          int              `db:"row_no"` // place in the cut-off record, from 1
	NoObjectionAt  *time.Time       `db:"no_objection_at"`
	ConfirmedAt    *time.Time       `db:"confirmed_at"`
	Confirmation   *string          `db:"confirmation"`
	Review         *string          `db:"review"` // passed, failed; nil before the review of the first envelope
	ReviewReason   *string          `db:"review_reason"`
}

// Header decodes the bid's header.
func (b *Bid) Header() (h seal.Header, err error) {
	if err = canon.Unmarshal(b.HeaderJSON, &h); err != nil {
		err = fmt.Errorf("header of bid %s: %w", b.Digest, err)
	}
	return h, err
}

const bidColumns = `lot_id, digest, envelope_id, number, size, header, one_time_key, sealed_checked_at, organisation_id, organisation,
	uscc, owner, part_state, parts, released_at, attempts, failure_reason, outcome, outcome_reason, price, form, flags, row_no,
	no_objection_at, confirmed_at, confirmation, review, review_reason`

const openingColumns = `lot_id, state, version, scheduled_at, cutoff_at, cutoff_count, cutoff_digest, started_at, seal_check_until,
	roster_at, decrypt_from, decrypt_until, closed_window_at, objection_from, objection_until, confirm_from, confirm_until, closed_at,
	paused_since, pause_reason, missing_receipts, postponed_reason, coefficient, host_confirmed_at, record, record_digest, files_checked_at,
	session, reviewed_at, review_report, review_digest, second_noticed_at`

// Service is the only writer of openings. Each command is one transaction.
type Service struct {
	store       *evidence.Store
	submissions *submission.Service
	keys        keystore.OpeningKeys
	platform    *keystore.Store
	files       blob.Store
	trust       *certificate.Trust
}

// NewService wires the package. platform gives receipt keys and the lots' VRF;
// keys opens owners and contents.
func NewService(store *evidence.Store, submissions *submission.Service, platform *keystore.Store, keys keystore.OpeningKeys, files blob.Store) *Service {
	return &Service{store: store, submissions: submissions, keys: keys, platform: platform, files: files}
}

// hall is everything of one opening, read for a command or a view.
type hall struct {
	lot    *lot.Lot
	o      *Opening
	bids   []Bid
	params lot.Params
	open   int  // unanswered objections
	outage bool // one lies in the decryption window
}

func (h *hall) bid(digest string) *Bid {
	for i := range h.bids {
		if h.bids[i].Digest == digest {
			return &h.bids[i]
		}
	}
	return nil
}

// reader is what *sqlx.DB and *evidence.Tx have in common.
type reader interface {
	sqlx.QueryerContext
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

func readHall(ctx context.Context, q reader, l *lot.Lot) (*hall, error) {
	h := &hall{lot: l, o: &Opening{}}
	err := q.GetContext(ctx, h.o, `SELECT `+openingColumns+` FROM opening WHERE lot_id = $1`, l.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, apperr.New(apperr.NotFound, "opening.not_scheduled", "这个标段还没有安排开标：公告发布之后才有开标大厅。")
	}
	if err != nil {
		return nil, fmt.Errorf("read opening: %w", err)
	}
	if err := q.SelectContext(ctx, &h.bids, `SELECT `+bidColumns+` FROM bid WHERE lot_id = $1 ORDER BY row_no`, l.ID); err != nil {
		return nil, fmt.Errorf("read bids: %w", err)
	}
	if err := q.GetContext(ctx, &h.open, `SELECT count(*) FROM opening_objection WHERE lot_id = $1 AND answer IS NULL`, l.ID); err != nil {
		return nil, fmt.Errorf("count objections: %w", err)
	}
	if err := q.GetContext(ctx, &h.outage, `SELECT EXISTS (SELECT FROM opening_pause p JOIN opening o USING (lot_id) WHERE lot_id = $1 AND p.outage
		AND COALESCE(p.until_at, 'infinity') > o.decrypt_from AND p.from_at < COALESCE(o.closed_window_at, 'infinity'))`, l.ID); err != nil {
		return nil, fmt.Errorf("look for outages: %w", err)
	}
	var body []byte
	if err := q.GetContext(ctx, &body, `SELECT body FROM document WHERE lot_id = $1 AND version = $2`, l.ID, l.DocumentVersion); err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	doc := struct {
		Params *lot.Params `json:"params"`
	}{&h.params}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("decode document: %w", err)
	}
	return h, nil
}

func passed(now time.Time, t *time.Time) bool { return t != nil && !now.Before(*t) }

// LobbyBefore is how long before the opening its hall is opened.
const LobbyBefore = time.Hour

func (h *hall) facts(now time.Time, who actor.Actor) Facts {
	o := h.o
	f := Facts{Now: now, Paused: o.PausedSince != nil, Suspended: h.lot.SuspendedSince != nil,
		LobbyDue: !now.Before(o.ScheduledAt.Add(-LobbyBefore)), CutoffDue: passed(now, h.lot.BidDeadline),
		CutoffRecorded: o.CutoffAt != nil, Missing: o.MissingReceipts, WindowOver: passed(now, o.DecryptUntil),
		Unanswered: h.open, ReconvenedDue: !now.Before(o.ScheduledAt), HostConfirmed: o.HostConfirmedAt != nil, FilesChecked: o.FilesCheckedAt != nil,
		IsBuyer: who.Role == actor.Buyer && h.lot.HostedBy(who), Two: h.params.TwoSessions(), Second: h.second(),
		SecondDue: !now.Before(o.ScheduledAt), SecondNoticed: o.SecondNoticedAt != nil, Reviewed: o.ReviewedAt != nil,
		Passed: count(h.bids, (*Bid).passed)}
	if o.CutoffCount != nil {
		f.Count = *o.CutoffCount
	}
	checked, released, waived, confirmed, present := true, true, true, true, 0
	for i := range h.bids {
		b := &h.bids[i]
		if h.out(b) {
			continue // its second envelope stays sealed
		}
		checked = checked && b.SealCheckedAt != nil
		released = released && b.PartState == PartReleased
		if b.Outcome != nil && *b.Outcome == OutcomeUndecided {
			f.Undecided++
		}
		if b.Outcome != nil && *b.Outcome != OutcomeOpened {
			continue // who did not open is not waited for
		}
		present++
		waived = waived && b.NoObjectionAt != nil
		confirmed = confirmed && b.ConfirmedAt != nil
	}
	f.SealOver = checked || passed(now, o.SealCheckUntil)
	f.AllReleased = released
	f.ObjectionOver = waived || passed(now, o.ObjectionUntil)
	f.ConfirmOver = (confirmed && o.HostConfirmedAt != nil) || passed(now, o.ConfirmUntil)
	return f
}

// command locks the lot, judges and runs do, then moves the opening along its
// row and records the row's event with the fields do returns.
func (s *Service) command(ctx context.Context, who actor.Actor, lotID, name string,
	do func(tx *evidence.Tx, h *hall, row lifecycle.Row[State, Facts]) (map[string]any, error)) error {
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, err := lot.Lock(ctx, tx, lotID)
		if err != nil {
			return err
		}
		if err := lot.Authorise(l, who); err != nil {
			return err
		}
		if err := once(ctx, tx, who); err != nil {
			return err
		}
		h, err := readHall(ctx, tx, l)
		if err != nil {
			return err
		}
		row, err := Table.Next(h.o.State, name, who.Role, h.facts(tx.Now(), who))
		if err != nil {
			return err
		}
		fields, err := do(tx, h, row)
		if err != nil {
			return err
		}
		if err := h.move(ctx, tx, row.To); err != nil {
			return err
		}
		if fields == nil {
			fields = map[string]any{}
		}
		fields["state"] = string(row.To)
		tx.Record(evidence.Draft{Stream: l.Stream(), Kind: row.Emit, Actor: h.shown(who), Fields: fields})
		return nil
	})
}

// ErrRepeated answers a command whose id this person has used before: it was
// done then, and is not done again.
var ErrRepeated = apperr.New(apperr.Conflict, "opening.repeated", "这个操作已经办理过了。")

// once claims the id of the act in the act's own transaction.
func once(ctx context.Context, tx *evidence.Tx, who actor.Actor) error {
	if who.Request == "" || who.PersonID == "" {
		return nil
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO idempotency (person_id, key, request, status, answer, expires_at)
		VALUES ($1, $2, '', 200, '', clock_timestamp() + INTERVAL '1 day') ON CONFLICT DO NOTHING`, who.PersonID, "hall/"+who.Request)
	if err != nil {
		return fmt.Errorf("claim the command's id: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return ErrRepeated
	}
	return nil
}

// shown hides who a bidder is until the roster is public: an event of the seal
// check would name him.
func (h *hall) shown(who actor.Actor) actor.Actor {
	if who.Role == actor.Bidder && h.o.RosterAt == nil {
		return actor.Actor{Role: actor.Bidder}
	}
	return who
}

func (h *hall) move(ctx context.Context, tx *evidence.Tx, to State) error {
	res, err := tx.ExecContext(ctx, `UPDATE opening SET state = $1, version = version + 1 WHERE lot_id = $2 AND state = $3 AND version = $4`,
		to, h.o.LotID, h.o.State, h.o.Version)
	if err != nil {
		return fmt.Errorf("move opening: %w", err)
	}
	return lot.ExpectOne(res)
}

// exec runs an update of the opening's transaction.
func exec(ctx context.Context, tx *evidence.Tx, what, query string, args ...any) error {
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func stamp(t time.Time) string { return t.In(evidence.Beijing).Format(time.RFC3339) }
