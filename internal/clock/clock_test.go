package clock_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/clock"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
)

var (
	ctx       = context.Background()
	conductor = actor.Actor{Role: actor.Rehearsal}
)

func TestClock_production(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := evidence.NewStore(db.App)
	c := clock.New(store, false)
	r, err := c.Read(ctx)
	if err != nil || r.Rate != 1 || r.Legal.Sub(r.Real).Abs() > time.Millisecond {
		t.Errorf("%+v %v", r, err)
	}
	if err := c.CheckProduction(ctx); err != nil {
		t.Errorf("a new database: %v", err)
	}
	for name, f := range map[string]func() error{
		"move":    func() error { _, err := c.Move(ctx, conductor, r.Legal.Add(time.Hour)); return err },
		"advance": func() error { _, err := c.Advance(ctx, conductor, time.Hour); return err },
		"rate":    func() error { _, err := c.SetRate(ctx, conductor, 2); return err },
		"start":   func() error { _, err := c.Start(ctx, conductor, r.Legal); return err },
	} {
		if err := f(); apperr.CodeOf(err) != "clock.production" {
			t.Errorf("%s in production: %v", name, err)
		}
	}
	if _, err := db.App.Exec(`UPDATE legal_clock SET rate = 2`); err == nil {
		t.Error("the clock was changed off the record")
	}
}

func TestClock_rehearsal(t *testing.T) {
	t.Parallel()
	store := evidence.NewStore(pgtest.New(t).App)
	c := clock.New(store, true)
	start := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	near := func(name string, want time.Time) {
		t.Helper()
		if got, err := c.Legal(ctx); err != nil || got.Sub(want).Abs() > 20*time.Second {
			t.Errorf("%s: %s, want about %s (%v)", name, got, want, err)
		}
	}
	for _, r := range actor.Roles() {
		if r == actor.Rehearsal {
			continue
		}
		if _, err := c.Advance(ctx, actor.Actor{PersonID: "x", Role: r}, time.Hour); apperr.CodeOf(err) != "clock.role" {
			t.Errorf("as %s: %v", r, err)
		}
	}
	if _, err := c.Start(ctx, conductor, start); err != nil {
		t.Fatal(err)
	}
	near("start, backwards", start)
	if _, err := c.Start(ctx, conductor, start); apperr.CodeOf(err) != "clock.started" {
		t.Errorf("a second start: %v", err)
	}
	if _, err := c.Advance(ctx, conductor, 36*time.Hour); err != nil {
		t.Fatal(err)
	}
	near("advance", start.Add(36*time.Hour))
	if _, err := c.Move(ctx, conductor, start.Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	near("move", start.Add(48*time.Hour))
	if _, err := c.Move(ctx, conductor, start); apperr.CodeOf(err) != "clock.backwards" {
		t.Errorf("backwards: %v", err)
	}
	if _, err := c.Advance(ctx, conductor, -time.Second); apperr.CodeOf(err) != "clock.backwards" {
		t.Errorf("backwards by a second: %v", err)
	}
	for _, rate := range []float64{-1, clock.MaxRate + 1, math.NaN(), math.Inf(1)} {
		if _, err := c.SetRate(ctx, conductor, rate); apperr.CodeOf(err) != "clock.rate" {
			t.Errorf("rate %v: %v", rate, err)
		}
	}
	if r, err := c.SetRate(ctx, conductor, 0); err != nil || r.Rate != 0 {
		t.Fatal(err)
	}
	a, _ := c.Legal(ctx)
	b, _ := c.Legal(ctx)
	if !a.Equal(b) {
		t.Errorf("a clock that stands went from %s to %s", a, b)
	}
	events, err := store.Since(ctx, clock.Stream, 0, 10)
	if err != nil || len(events) != 4 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for i, command := range []string{"start", "advance", "move", "set_rate"} {
		if events[i].Kind != "clock.changed" || events[i].Text("command") != command {
			t.Errorf("event %d: %s %s", i, events[i].Kind, events[i].Text("command"))
		}
	}
	if err := clock.New(store, false).CheckProduction(ctx); apperr.CodeOf(err) != "clock.rehearsed" {
		t.Errorf("production on a rehearsed database: %v", err)
	}
}

func TestCheckProduction_rehearsalPeople(t *testing.T) {
	t.Parallel()
	store := evidence.NewStore(pgtest.New(t).App)
	err := store.Change(ctx, func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: "person/x", Kind: "person.created"})
		_, err := tx.Exec(`INSERT INTO person (id, login, name, password_hash, created_at, rehearsal)
			VALUES (gen_random_uuid(), 'a', '甲', '', now(), true)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := clock.New(store, false).CheckProduction(ctx); apperr.CodeOf(err) != "person.rehearsal" {
		t.Errorf("production with rehearsal people: %v", err)
	}
}

// Whatever the conductor does to the rate, nobody ever sees time go back.
func TestSetRate_timeNeverGoesBack(t *testing.T) {
	t.Parallel()
	c := clock.New(evidence.NewStore(pgtest.New(t).App), true)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			var last time.Time
			for {
				select {
				case <-done:
					return
				default:
				}
				now, err := c.Legal(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if now.Before(last) {
					t.Errorf("from %s back to %s", last, now)
					return
				}
				last = now
			}
		})
	}
	var changers sync.WaitGroup
	for range 2 {
		changers.Go(func() {
			for _, rate := range []float64{10_000, 1, 86_400, 0, 500, 1, 40_000, 1} {
				if _, err := c.SetRate(ctx, conductor, rate); err != nil {
					t.Error(err)
				}
			}
		})
	}
	changers.Wait()
	close(done)
	readers.Wait()
}
