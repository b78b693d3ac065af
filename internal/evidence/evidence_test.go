package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
)

var ctx = context.Background()

func record(t *testing.T, s *evidence.Store, d evidence.Draft) *evidence.Event {
	t.Helper()
	var e *evidence.Event
	if err := s.Change(ctx, func(tx *evidence.Tx) error { e = tx.Record(d); return nil }); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestChange_RefusesSilence(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := evidence.NewStore(db.App)
	if err := s.Change(ctx, func(*evidence.Tx) error { return nil }); !errors.Is(err, evidence.ErrSilent) {
		t.Fatalf("silent change: %v", err)
	}
	// Whoever goes round Change is refused by the database at the commit.
	err := s.Aside(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.Exec(`UPDATE legal_clock SET rate = 2`)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "off the record") {
		t.Fatalf("a write without an event: %v", err)
	}
}

func TestChange_RollsBackOnErrorAndPanic(t *testing.T) {
	t.Parallel()
	s := evidence.NewStore(pgtest.New(t).App)
	boom := errors.New("boom")
	if err := s.Change(ctx, func(tx *evidence.Tx) error { tx.Record(evidence.Draft{Stream: "a/1", Kind: "a.done"}); return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Change(ctx, func(tx *evidence.Tx) error { tx.Record(evidence.Draft{Stream: "a/1", Kind: "a.done"}); panic("boom") })
	}()
	if head, err := s.Head(ctx, "a/1"); err != nil || head != 0 {
		t.Fatalf("head %d, %v", head, err)
	}
	if e := record(t, s, evidence.Draft{Stream: "a/1", Kind: "a.done"}); e.Seq != 1 {
		t.Fatalf("a rolled back event took a seq: %d", e.Seq)
	}
}

func TestEvents_AreInsertOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := evidence.NewStore(db.App)
	record(t, s, evidence.Draft{Stream: "a/1", Kind: "a.done", Fields: map[string]any{"x": "1"}})
	for _, q := range []string{`UPDATE event SET kind = 'x.y'`, `DELETE FROM event`, `TRUNCATE event CASCADE`, `UPDATE event_field SET name = 'y'`,
		`DELETE FROM event_field`, `UPDATE event_opening SET value = ''`, `TRUNCATE event_opening`} {
		if _, err := db.App.Exec(q); err == nil {
			t.Errorf("the application may %s", q)
		}
		if _, err := db.Owner.Exec(q); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("the owner may %s: %v", q, err)
		}
	}
}

func TestEvent_VerifiesAndTellsATamperedField(t *testing.T) {
	t.Parallel()
	s := evidence.NewStore(pgtest.New(t).App)
	record(t, s, evidence.Draft{Stream: "lot/1", Kind: "notice.published", Actor: actor.Actor{PersonID: "p", PersonName: "李工", Role: actor.Buyer},
		Fields: map[string]any{"title": "公告", "count": 3, "rows": []string{"a", "b"}}})
	read := func() evidence.Event {
		es, err := s.Since(ctx, "lot/1", 0, 10)
		if err != nil || len(es) != 1 {
			t.Fatalf("%d events, %v", len(es), err)
		}
		return es[0]
	}
	e := read()
	if err := e.Verify(); err != nil {
		t.Fatal(err)
	}
	if len(evidence.Entry(e.Commitment)) != 33 {
		t.Error("an entry is 33 bytes")
	}
	spoil := map[string]func(*evidence.Event){
		"value":      func(e *evidence.Event) { e.Fields[0].Value = []byte(`"x"`) },
		"salt":       func(e *evidence.Event) { e.Fields[0].Salt[0] ^= 1 },
		"field":      func(e *evidence.Event) { e.Fields = e.Fields[1:] },
		"kind":       func(e *evidence.Event) { e.Kind = "notice.withdrawn" },
		"seq":        func(e *evidence.Event) { e.Seq++ },
		"time":       func(e *evidence.Event) { e.At = e.At.Add(time.Microsecond) },
		"blind":      func(e *evidence.Event) { e.Blind[3] ^= 1 },
		"commitment": func(e *evidence.Event) { e.Commitment[3] ^= 1 },
	}
	for name, f := range spoil {
		e := read()
		f(&e)
		if e.Verify() == nil {
			t.Errorf("a false %s is not noticed", name)
		}
	}
}

func TestEvent_SurvivesErasureOfItsOpenings(t *testing.T) {
	t.Parallel()
	s := evidence.NewStore(pgtest.New(t).App)
	e := record(t, s, evidence.Draft{Stream: "expert/1", Kind: "expert.looked_at", Fields: map[string]any{"name": "王五"}})
	if err := s.Change(ctx, func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: "expert/1", Kind: "evidence.erased", Fields: map[string]any{"event": e.ID}})
		_, err := tx.Exec(`DELETE FROM event_opening WHERE event_id = $1`, e.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	es, err := s.Since(ctx, "expert/1", 0, 1)
	if err != nil || es[0].Text("name") != "" || es[0].Verify() != nil {
		t.Fatalf("%v %q %v", err, es[0].Text("name"), es[0].Verify())
	}
}

func TestSecretEvent_KeepsNothingButCommitmentsAndTheDay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := evidence.NewStore(db.App)
	e := record(t, s, evidence.Draft{Stream: "bid/1", Kind: "bid.receipt_issued", Secret: true,
		Actor: actor.Actor{PersonID: "p", OrganisationName: "苏北建设"}, Fields: map[string]any{"lot": "L1"}})
	var openings int
	if err := db.Owner.Get(&openings, `SELECT count(*) FROM event_opening`); err != nil || openings != 0 {
		t.Fatalf("%d openings stored, %v", openings, err)
	}
	if len(e.Fields) != 1 || e.Fields[0].Value == nil {
		t.Errorf("the caller has not got the opening: %+v", e.Fields)
	}
	es, err := s.Since(ctx, "bid/1", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := es[0]; !got.At.Equal(evidence.Day(got.At)) || !got.RecordedAt.Equal(evidence.Day(got.RecordedAt)) || got.ID[14] != '4' || got.Verify() != nil {
		t.Errorf("at %s, recorded %s, id %s, %v", got.At, got.RecordedAt, got.ID, got.Verify())
	}
}

// Sixteen writers on a few streams and a reader beside them: the reader sees
// every event of its stream once, in order, without a gap.
func TestSince_MissesNothingUnderLoad(t *testing.T) {
	t.Parallel()
	s := evidence.NewStore(pgtest.New(t).App)
	const writers, each = 16, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := s.Change(ctx, func(tx *evidence.Tx) error {
					tx.Record(evidence.Draft{Stream: "lot/1", Kind: "a.done", Fields: map[string]any{"w": w, "i": i}})
					tx.Record(evidence.Draft{Stream: fmt.Sprintf("own/%d", w), Kind: "a.done"})
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var last int64
	for last < writers*each && !t.Failed() {
		es, err := s.Since(ctx, "lot/1", last, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			if e.Seq != last+1 {
				t.Fatalf("after %d came %d", last, e.Seq)
			}
			last = e.Seq
		}
	}
	wg.Wait()
}

// Promise 1: every table is either on the record, held by its trigger, or on the
// allow-list with a reason.
func TestEveryTable_IsOnTheRecordOrOnTheList(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var tables []struct {
		Name string `db:"name"`
		Held bool   `db:"held"`
	}
	if err := db.Owner.Select(&tables, `SELECT c.relname AS name, EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = 'on_record' AND g.tgenabled = 'O') AS held
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')`); err != nil {
		t.Fatal(err)
	}
	list := evidence.OffRecordTables()
	for _, table := range tables {
		reason, off := list[table.Name]
		if table.Held == off {
			t.Errorf("table %s: on the record %v, on the allow-list %v (%s)", table.Name, table.Held, off, reason)
		}
		delete(list, table.Name)
	}
	for name := range list {
		t.Errorf("the allow-list names %s, which is no table", name)
	}
}
