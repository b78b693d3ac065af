package platform_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/server/platform"
)

// start starts a platform with a PostgreSQL of its own, the timetable running.
func start(t *testing.T, dir string, rehearsal bool) (*platform.Platform, error) {
	t.Helper()
	p, err := platform.Start(t.Context(), platform.Config{Data: dir, Rehearsal: rehearsal, Unsafe: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) }) // again at the end is no harm
	return p, p.Run()
}

// cityOf is the small city of bidding's tests over a whole platform.
func cityOf(t *testing.T, p *platform.Platform) *biddingtest.City {
	t.Helper()
	c := &biddingtest.City{T: t, Store: p.Store, Keys: p.Keys, Files: p.Files, Dir: p.Config.Data, Lots: p.Lots, Submissions: p.Submissions, Openings: p.Openings}
	c.At(biddingtest.Start)
	c.Buyer = c.Organisation("宿迁市城市建设投资有限公司", actor.Buyer)
	c.Agency = c.Organisation("江苏经纬工程咨询有限公司", actor.Agency)
	return c
}

// until asks again until the opening stands in the state; the database may be
// away meanwhile.
func until(t *testing.T, p *platform.Platform, l *lot.Lot, state opening.State) {
	t.Helper()
	eventually(t, "the opening is "+string(state), func() bool {
		s, err := p.Openings.Snapshot(t.Context(), l.ID)
		return err == nil && s.State == state
	})
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after a minute it is not so: %s", what)
		}
	}
}

// PostgreSQL is killed in mid-window: what was acknowledged is there, the
// opening goes on by itself and to its end, and no event is missing. Then a
// production start on the same data is refused.
func TestPlatform_PostgreSQLKilledInMidOpening(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p, err := start(t, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := start(t, dir, true); apperr.CodeOf(err) == "" || !says(err) {
		t.Fatalf("a second start on one folder: %v", err)
	}
	c := cityOf(t, p)
	l := c.Published()
	firms := []*biddingtest.Firm{c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司"), c.NewFirm("华宇建筑工程有限公司")}
	for _, f := range firms {
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
	}
	c.At(biddingtest.Deadline.Add(-time.Minute))
	until(t, p, l, opening.LobbyOpen)
	c.At(biddingtest.Deadline)
	eventually(t, "the cut-off is recorded", func() bool {
		r, err := p.Openings.Cutoff(t.Context(), l.ID)
		return err == nil && r != nil && r.Count == 3
	})
	c.Must(c.Openings.Start(t.Context(), c.Agency, l.ID))
	for _, f := range firms {
		c.Must(c.Openings.CheckSeal(t.Context(), f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	c.Must(c.Openings.PublishRoster(t.Context(), c.Agency, l.ID))
	c.Must(c.Openings.StartDecrypt(t.Context(), c.Agency, l.ID))
	c.Must(c.Release(firms[0], l.ID))
	kill(t, p)
	until(t, p, l, opening.Decrypting)
	if err := c.Release(firms[0], l.ID); apperr.CodeOf(err) != "opening.part_released" {
		t.Errorf("the part that was acknowledged before: %v", err)
	}
	c.Must(c.Release(firms[1], l.ID))
	c.Must(c.Release(firms[2], l.ID))
	until(t, p, l, opening.Imported) // window and import by the timetable, which went on
	c.Must(c.Openings.Announce(t.Context(), c.Agency, l.ID))
	c.Must(c.Openings.OpenObjections(t.Context(), c.Agency, l.ID))
	kill(t, p)
	until(t, p, l, opening.ObjectionWindow)
	c.At(biddingtest.Deadline.Add(time.Hour))
	until(t, p, l, opening.RecordConfirming)
	c.At(biddingtest.Deadline.Add(2 * time.Hour))
	until(t, p, l, opening.Closed)
	whole(t, p, l)
	c.Must(p.Stop(t.Context()))
	if _, err := start(t, dir, false); apperr.CodeOf(err) != "clock.rehearsed" || !says(err) {
		t.Errorf("a production start after the clock was moved: %v", err)
	}
	again, err := start(t, dir, true)
	if err != nil {
		t.Fatalf("started again: %v", err)
	}
	until(t, again, l, opening.Closed)
}

func kill(t *testing.T, p *platform.Platform) {
	t.Helper()
	before := p.Database.PID()
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "PostgreSQL runs again", func() bool {
		return p.Database.PID() != before && p.DB.PingContext(t.Context()) == nil
	})
}

// whole looks for gaps and false commitments in the lot's stream, and for bids
// that did not open.
func whole(t *testing.T, p *platform.Platform, l *lot.Lot) {
	t.Helper()
	list, err := p.Store.Since(t.Context(), l.Stream(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for i := range list {
		kinds[list[i].Kind]++
		if err := list[i].Verify(); err != nil || list[i].Seq != int64(i+1) {
			t.Errorf("event %d has seq %d: %v", i+1, list[i].Seq, err)
		}
		if _, ok := platform.Dictionary()[list[i].Kind]; !ok {
			t.Errorf("kind %s is in no dictionary", list[i].Kind)
		}
	}
	for kind, want := range map[string]int{"cutoff.recorded": 1, "part.released": 3, "decrypt.window_closed": 1, "decrypt.completed": 3, "opening.closed": 1} {
		if kinds[kind] != want {
			t.Errorf("%d events %s, want %d", kinds[kind], kind, want)
		}
	}
}

func says(err error) bool {
	e, ok := apperr.From(err)
	return ok && strings.ContainsFunc(e.Detail, func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}

// A production platform starts on an empty folder, and again; with a rehearsal's
// people in it, it does not.
func TestPlatform_ProductionRefusesRehearsalPeople(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p, err := start(t, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	c := &biddingtest.City{T: t, Store: p.Store}
	now, err := p.Clock.Read(t.Context())
	c.Must(err)
	if d := time.Since(now.Legal); d < -time.Minute || d > time.Minute {
		t.Errorf("legal time of production is %s", now.Legal)
	}
	c.Must(p.Stop(t.Context()))
	p, err = start(t, dir, true)
	c.Must(err)
	c.Must(p.Store.Change(t.Context(), func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: "person/x", Kind: "person.created"})
		_, err := tx.ExecContext(t.Context(), `INSERT INTO person (id, login, name, password_hash, created_at, rehearsal)
			VALUES (gen_random_uuid(), 'robot1', '演练员', '', legal_now(), true)`)
		return err
	}))
	c.Must(p.Stop(t.Context()))
	if _, err := start(t, dir, false); apperr.CodeOf(err) != "person.rehearsal" || !says(err) {
		t.Errorf("a production start with rehearsal people: %v", err)
	}
}
