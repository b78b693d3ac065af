// Package evidence is the spine of the platform (留痕): the one way to write,
// and the events from which everything that is shown, warned about, proved or
// reported is read.
//
// A change of state and its events are one PostgreSQL transaction. Change
// refuses a transaction that records nothing, and the database itself refuses
// (trigger on_record) a write to a table on the record without an event, so a
// writer that goes round this package fails at its commit.
//
// The exact bytes are specified in docs/spec/evidence-leaf.md.
package evidence

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"jianbiao/internal/actor"
)

// Event is one act, as it stands in its stream.
type Event struct {
	ID         string
	Stream     string    // "<aggregate>/<id>"
	Seq        int64     // 1, 2, 3 … without a gap in its stream
	Kind       string    // noun.past_participle
	At         time.Time // legal time (授时)
	RecordedAt time.Time // real time of the database
	Body       []byte
	Blind      []byte
	Commitment []byte
	Fields     []Field
}

// Get decodes the field into v. It is false when the event has no such field
// or its opening is not stored.
func (e *Event) Get(name string, v any) (bool, error) {
	for _, f := range e.Fields {
		if f.Name == name && f.Value != nil {
			return true, json.Unmarshal(f.Value, v)
		}
	}
	return false, nil
}

// Text is the field as a string, "" when it is absent or not a string.
func (e *Event) Text(name string) string {
	var s string
	if ok, err := e.Get(name, &s); !ok || err != nil {
		return ""
	}
	return s
}

// Draft is an event that a command wants to record.
type Draft struct {
	Stream string
	Kind   string
	Actor  actor.Actor
	Fields map[string]any // values must be canonical JSON without floats
	// Secret keeps openings out of the database: they are in the Event that
	// Record fills and nowhere else, and id and times are coarse (the day), so
	// that the row says neither who nor when (trust: sealed bids).
	Secret bool
}

// Tx is the transaction of one command.
type Tx struct {
	*sqlx.Tx
	now    time.Time
	drafts []*draft
}

type draft struct {
	Draft
	at  time.Time
	out *Event
}

// Now is the legal time at which the command acts. It is read once at the
// start, and again by Reread after a lock was waited for.
func (tx *Tx) Now() time.Time { return tx.now }

// Reread reads the legal time again. A command that waited for a lock MUST call
// it before it judges a deadline.
func (tx *Tx) Reread(ctx context.Context) error {
	if err := tx.GetContext(ctx, &tx.now, `SELECT legal_now()`); err != nil {
		return fmt.Errorf("read the legal time: %w", err)
	}
	return nil
}

// Record adds an event, to be appended when the function given to Change
// returns. The returned Event is complete once Change has returned nil.
func (tx *Tx) Record(d Draft) *Event {
	out := &Event{}
	tx.drafts = append(tx.drafts, &draft{Draft: d, at: tx.now, out: out})
	return out
}

// ErrSilent is returned when a change would leave no trace.
var ErrSilent = errors.New("evidence: the transaction recorded no event")

// Store writes and reads the evidence of one database.
type Store struct{ db *sqlx.DB }

// NewStore makes a Store on db, whose role SHOULD have no right to update or
// delete events.
func NewStore(db *sqlx.DB) *Store { return &Store{db: db} }

// DB is for reading; writes go through Change or Aside.
func (s *Store) DB() *sqlx.DB { return s.db }

const maxTries = 5

// Change runs f in a transaction and appends what it records: commit on nil,
// roll back on error or panic. f is run again after a deadlock or a
// serialization failure, so its only effects may be on tx.
func (s *Store) Change(ctx context.Context, f func(tx *Tx) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, f)
		if err == nil || try == maxTries || !retryable(err) {
			return err
		}
	}
}

func (s *Store) once(ctx context.Context, f func(tx *Tx) error) error {
	raw, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = raw.Rollback() }() // no effect after the commit
	tx := &Tx{Tx: raw}
	if err := tx.Reread(ctx); err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return err
	}
	if len(tx.drafts) == 0 {
		return ErrSilent
	}
	for _, d := range tx.drafts {
		if err := tx.append(ctx, d); err != nil {
			return fmt.Errorf("append %s to %s: %w", d.Kind, d.Stream, err)
		}
	}
	if err := raw.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Aside runs f in a transaction for what is off the record by design: the
// tables of OffRecordTables. A write to any other table fails at the commit.
func (s *Store) Aside(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Look runs f on one consistent snapshot of the database, for views that join
// rows with the head of a stream.
func (s *Store) Look(ctx context.Context, f func(q *sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return f(tx)
}

// OffRecordTables are the tables that may be written without an event, each
// with its reason. A test compares the list with the schema.
func OffRecordTables() map[string]string {
	return map[string]string{
		"session":          "a login is not an act in a tender; what it does is",
		"login_failure":    "lock-out counters, forgotten after their time",
		"idempotency":      "answers kept for repeated requests, forgotten after their time",
		"vault":            "an opaque blob of the bidder's; when it changes is nobody's business",
		"spent":            "hashes of challenges and codes that were used, forgotten after their time",
		"job_run":          "the operator's view of the timetable",
		"clock_mark":       "how far the machine's clock has come, noted by the heartbeat",
		"stream_head":      "the counter of each stream, written by Change itself",
		"event":            "the evidence itself",
		"event_field":      "the evidence itself",
		"goose_db_version": "written by the migrations",
	}
}

func retryable(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01")
}

// actorFields puts the actor among the payload, where it can be erased.
func actorFields(fields map[string]any, a actor.Actor) {
	for name, v := range map[string]string{
		"actor.person": a.PersonID, "actor.personName": a.PersonName, "actor.organisation": a.OrganisationID,
		"actor.organisationName": a.OrganisationName, "actor.role": string(a.Role), "actor.address": a.Address,
	} {
		if v != "" {
			fields[name] = v
		}
	}
}

// append gives the draft its place in its stream. The row lock of stream_head,
// held to the commit, makes seq gapless in commit order.
func (tx *Tx) append(ctx context.Context, d *draft) error {
	e := d.out
	*e = Event{Stream: d.Stream, Kind: d.Kind, At: micro(d.at), Blind: random32()}
	var head struct {
		Seq int64      `db:"seq"`
		At  *time.Time `db:"at"`
		Now time.Time  `db:"now"`
	}
	at := &e.At
	if d.Secret {
		at = nil // nothing finer than the day is stored about a sealed bid
	}
	if err := tx.GetContext(ctx, &head, `
		INSERT INTO stream_head AS h (stream, seq, at) VALUES ($1, 1, $2)
		ON CONFLICT (stream) DO UPDATE SET seq = h.seq + 1, at = GREATEST(h.at, excluded.at)
		RETURNING seq, at, clock_timestamp() AS now`, d.Stream, at); err != nil {
		return fmt.Errorf("take the next seq: %w", err)
	}
	e.Seq, e.RecordedAt = head.Seq, micro(head.Now)
	if head.At != nil && !d.Secret {
		e.At = micro(*head.At) // not before the event before it, also when the machine's clock was set back
	}
	e.ID = newID(d.Secret)
	if d.Secret {
		e.At, e.RecordedAt = Day(e.At), Day(e.RecordedAt)
	}
	if err := fill(e, d.Draft); err != nil {
		return err
	}
	return tx.insert(ctx, e, d.Secret)
}

// newID is a UUIDv7, which sorts by time, or a random one for events whose
// time is nobody's business.
func newID(secret bool) string {
	if secret {
		return uuid.NewString()
	}
	return uuid.Must(uuid.NewV7()).String()
}

// Beijing is the time zone of the law.
var Beijing = time.FixedZone("CST", 8*3600)

// Day is the beginning of t's day in Beijing.
func Day(t time.Time) time.Time {
	y, m, d := t.In(Beijing).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, Beijing).UTC()
}

func fill(e *Event, d Draft) error {
	fields := make(map[string]any, len(d.Fields)+6)
	for k, v := range d.Fields {
		fields[k] = v
	}
	if !d.Secret {
		actorFields(fields, d.Actor)
	}
	for name, v := range fields {
		f, err := commit(name, v)
		if err != nil {
			return err
		}
		e.Fields = append(e.Fields, f)
	}
	slices.SortFunc(e.Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	body, err := marshalBody(e)
	if err != nil {
		return err
	}
	e.Body, e.Commitment = body, LeafCommitment(e.Blind, body)
	return nil
}

// Channel is the NOTIFY channel on which the stream and seq of each event are
// told after its commit.
const Channel = "jianbiao_event"

func (tx *Tx) insert(ctx context.Context, e *Event, secret bool) error {
	n := len(e.Fields)
	names, positions := make([]string, n), make([]int64, n)
	commitments, values, salts := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i, f := range e.Fields {
		names[i], positions[i], commitments[i], values[i], salts[i] = f.Name, int64(i), f.Commitment, f.Value, f.Salt
	}
	stored := n
	notify := e.Stream
	if secret {
		stored, notify = 0, ""
	}
	_, err := tx.ExecContext(ctx, `
		WITH e AS (
			INSERT INTO event (id, stream, seq, kind, at, recorded_at, body, blind, commitment)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		), f AS (
			INSERT INTO event_field (event_id, position, name, commitment)
			SELECT $1, p, n, c FROM unnest($10::bigint[], $11::text[], $12::bytea[]) AS t (p, n, c)
		), o AS (
			INSERT INTO event_opening (event_id, name, value, salt)
			SELECT $1, n, v, s FROM unnest($13::text[], $14::bytea[], $15::bytea[]) AS t (n, v, s)
		)
		SELECT CASE WHEN $16::text = '' THEN NULL ELSE pg_notify($17, $16 || ' ' || CAST($3 AS text)) END`,
		e.ID, e.Stream, e.Seq, e.Kind, e.At, e.RecordedAt, e.Body, e.Blind, e.Commitment,
		pq.Array(positions), pq.Array(names), pq.ByteaArray(commitments),
		pq.Array(names[:stored]), pq.ByteaArray(values[:stored]), pq.ByteaArray(salts[:stored]),
		notify, Channel)
	return err
}

// ErrNoStream is returned by reads of a stream that has no event.
var ErrNoStream = errors.New("evidence: no such stream")

// Head is the last seq of the stream, 0 when it has no event.
func (s *Store) Head(ctx context.Context, stream string) (int64, error) {
	var seq int64
	err := s.db.GetContext(ctx, &seq, `SELECT seq FROM stream_head WHERE stream = $1`, stream)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("head of %s: %w", stream, err)
	}
	return seq, nil
}

// Since returns up to limit events of the stream that follow seq after, in
// order and with the openings that are stored. Nothing is left out: seq is
// gapless, and an event becomes visible together with all before it.
func (s *Store) Since(ctx context.Context, stream string, after int64, limit int) ([]Event, error) {
	return s.read(ctx, `SELECT id, stream, seq, kind, at, recorded_at, body, blind, commitment FROM event
		WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT $3`, stream, after, limit)
}

// OfKind returns the events of some kinds in a stream, in order.
func (s *Store) OfKind(ctx context.Context, stream string, kinds ...string) ([]Event, error) {
	return s.read(ctx, `SELECT id, stream, seq, kind, at, recorded_at, body, blind, commitment FROM event
		WHERE stream = $1 AND kind = ANY ($2) ORDER BY seq`, stream, pq.Array(kinds))
}

// Select returns events by a condition of SQL over the table event, its
// parameters from $1: for readers of many streams. The condition is the
// program's own text, never a person's.
func (s *Store) Select(ctx context.Context, condition string, args ...any) ([]Event, error) {
	return s.read(ctx, `SELECT id, stream, seq, kind, at, recorded_at, body, blind, commitment FROM event WHERE `+condition, args...)
}

type eventRow struct {
	ID         string    `db:"id"`
	Stream     string    `db:"stream"`
	Seq        int64     `db:"seq"`
	Kind       string    `db:"kind"`
	At         time.Time `db:"at"`
	RecordedAt time.Time `db:"recorded_at"`
	Body       []byte    `db:"body"`
	Blind      []byte    `db:"blind"`
	Commitment []byte    `db:"commitment"`
}

type fieldRow struct {
	EventID    string `db:"event_id"`
	Name       string `db:"name"`
	Commitment []byte `db:"commitment"`
	Value      []byte `db:"value"`
	Salt       []byte `db:"salt"`
}

func (s *Store) read(ctx context.Context, query string, args ...any) ([]Event, error) {
	return readEvents(ctx, s.db, query, args...)
}

func readEvents(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) ([]Event, error) {
	var rows []eventRow
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	ids, at := make([]string, len(rows)), make(map[string]int, len(rows))
	events := make([]Event, len(rows))
	for i, r := range rows {
		ids[i], at[r.ID] = r.ID, i
		events[i] = Event{ID: r.ID, Stream: r.Stream, Seq: r.Seq, Kind: r.Kind, At: r.At.UTC(), RecordedAt: r.RecordedAt.UTC(),
			Body: r.Body, Blind: r.Blind, Commitment: r.Commitment}
	}
	var fields []fieldRow
	if err := sqlx.SelectContext(ctx, q, &fields, `
		SELECT f.event_id, f.name, f.commitment, o.value, o.salt
		  FROM event_field f LEFT JOIN event_opening o ON o.event_id = f.event_id AND o.name = f.name
		 WHERE f.event_id = ANY ($1) ORDER BY f.event_id, f.position`, pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("read fields of events: %w", err)
	}
	for _, f := range fields {
		e := &events[at[f.EventID]]
		e.Fields = append(e.Fields, Field{Name: f.Name, Commitment: f.Commitment, Value: f.Value, Salt: f.Salt})
	}
	return events, nil
}
