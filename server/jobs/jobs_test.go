package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/bidding/submission"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/server/jobs"
)

var ctx = context.Background()

func runner(t *testing.T, store *evidence.Store, list ...jobs.Job) *jobs.Runner {
	t.Helper()
	r, err := jobs.Start(store, slog.New(slog.DiscardHandler), list)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Stop(ctx) })
	return r
}

func TestStart_RefusesABadLine(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if _, err := jobs.Start(evidence.NewStore(db.App), slog.New(slog.DiscardHandler), []jobs.Job{{Name: "x", Spec: "every now and then"}}); err == nil {
		t.Error("a timetable with a line that says nothing")
	}
}

// A job that panics is run again at its next time, and the others go on.
func TestStart_APanicStopsNothing(t *testing.T) {
	t.Parallel()
	store := evidence.NewStore(pgtest.New(t).App)
	runs, others := make(chan int, 16), make(chan int, 16)
	runner(t, store,
		jobs.Job{Name: "panics", Spec: "* * * * * *", Timeout: time.Second, Run: func(context.Context) (int, error) { runs <- 1; panic("a fault") }},
		jobs.Job{Name: "other", Spec: "* * * * * *", Timeout: time.Second, Run: func(context.Context) (int, error) { others <- 1; return 0, nil }})
	for i, c := range []chan int{runs, others, runs, others} {
		select {
		case <-c:
		case <-time.After(30 * time.Second):
			t.Fatalf("wait %d: the job was not run again", i)
		}
	}
}

// Two servers at one job: one runs it, the other goes away.
func TestOnce_OneServerAtATime(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := evidence.NewStore(db.App)
	r, entered, leave := runner(t, store), make(chan int), make(chan int)
	slow := jobs.Job{Name: "slow", Timeout: time.Minute, Run: func(context.Context) (int, error) { entered <- 1; <-leave; return 3, nil }}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Once(ctx, slow); err != nil {
			t.Error(err)
		}
	})
	<-entered
	ran := false
	other := jobs.Job{Name: "slow", Run: func(context.Context) (int, error) { ran = true; return 1, nil }}
	if err := runner(t, store).Once(ctx, other); err != nil || ran {
		t.Errorf("the second server ran it too: %v %v", ran, err)
	}
	close(leave)
	wg.Wait()
	if err := r.Once(ctx, jobs.Job{Name: "slow", Run: func(context.Context) (int, error) { return 1, errors.New("one bad row") }}); err == nil {
		t.Error("a failure is not told")
	}
	var kept struct {
		Done  int    `db:"done"`
		Error string `db:"error"`
	}
	if err := db.Owner.Get(&kept, `SELECT done, error FROM job_run WHERE job = 'slow'`); err != nil || kept.Done != 4 || kept.Error != "one bad row" {
		t.Errorf("%+v %v", kept, err)
	}
	if err := r.Once(ctx, other); err != nil || !ran {
		t.Errorf("the lock was kept: %v", err)
	}
}

func state(t *testing.T, c *biddingtest.City, l *lot.Lot) opening.State {
	t.Helper()
	s, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	return s.State
}

// The timetable alone takes an opening along whatever needs nobody; a lot whose
// keys are gone is reported, and does not hold up the others.
func TestOpenings_MovesWhatIsDue(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	broken, l := c.Published(), c.Published()
	var firms []*biddingtest.Firm
	for _, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司", "华宇建筑工程有限公司"} {
		f := c.NewFirm(name)
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
		firms = append(firms, f)
	}
	r, job := runner(t, c.Store), jobs.Openings(c.Openings)
	tick := func(want opening.State) {
		t.Helper()
		c.Must(r.Once(ctx, job))
		if got := state(t, c, l); got != want {
			t.Fatalf("after a tick the opening is %s, want %s", got, want)
		}
	}
	c.At(biddingtest.Deadline.Add(-opening.LobbyBefore - time.Second))
	tick(opening.Scheduled)
	c.At(biddingtest.Deadline.Add(-opening.LobbyBefore))
	tick(opening.LobbyOpen)
	c.At(biddingtest.Deadline.Add(-time.Second))
	tick(opening.LobbyOpen)
	c.Must(os.Rename(filepath.Join(c.Dir, "keys", "lot-"+broken.ID+".json"), filepath.Join(c.Dir, "keys", "away")))
	c.At(biddingtest.Deadline)
	keys, err := keystore.Open(filepath.Join(c.Dir, "keys")) // a server that has just started: it knows no key by heart
	c.Must(err)
	started := opening.NewService(c.Store, submission.NewService(c.Store, keys, c.Files), keys, keys, c.Files)
	if err := r.Once(ctx, jobs.Openings(started)); err == nil || !strings.Contains(err.Error(), broken.ID) {
		t.Errorf("the lot whose keys are gone is not reported: %v", err)
	}
	if record, err := c.Openings.Cutoff(ctx, l.ID); err != nil || record == nil || record.Count != 3 {
		t.Fatalf("the sound lot was not cut off: %+v %v", record, err)
	}
	c.Must(os.Rename(filepath.Join(c.Dir, "keys", "away"), filepath.Join(c.Dir, "keys", "lot-"+broken.ID+".json")))
	c.Must(r.Once(ctx, job))
	c.Must(r.Once(ctx, job))
	if got := state(t, c, broken); got != opening.AbortedLt3 {
		t.Errorf("the lot without bids is %s", got)
	}
	c.Must(c.Openings.Start(ctx, c.Agency, l.ID))
	tick(opening.Started) // no step of the host's is taken for him
	for _, f := range firms {
		c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
	tick(opening.RosterPublished)
	c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
	tick(opening.Decrypting)
	for _, f := range firms {
		c.Must(c.Release(f, l.ID))
	}
	tick(opening.DecryptClosed)
	tick(opening.Imported)
	tick(opening.Imported)
}

// The platform was away for a minute in mid-window: the window is longer by it,
// the outage is on the record, and who did not decrypt is not blamed.
func TestHeartbeat_NoticesASilence(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	var firms []*biddingtest.Firm
	for _, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司", "华宇建筑工程有限公司"} {
		f := c.NewFirm(name)
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
		firms = append(firms, f)
	}
	c.To(l, firms, opening.Decrypting)
	beat := jobs.Heartbeat(c.Store, c.Openings)
	for range 2 {
		if n, err := beat.Run(ctx); n != 0 || err != nil {
			t.Fatalf("a steady beat noticed %d, %v", n, err)
		}
	}
	before, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	if _, err := c.DB.Owner.Exec(`UPDATE job_run SET started_at = started_at - INTERVAL '1 minute' WHERE job = 'heartbeat.beat'`); err != nil {
		t.Fatal(err)
	}
	if n, err := beat.Run(ctx); n != 1 || err != nil {
		t.Fatalf("a silence of a minute: %d halls, %v", n, err)
	}
	after, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	if longer := after.Windows["decrypt"].Until.Sub(before.Windows["decrypt"].Until); longer < time.Minute || longer > 2*time.Minute {
		t.Errorf("the window is longer by %s", longer)
	}
	outages, err := c.Store.OfKind(ctx, l.Stream(), "opening.outage_recorded")
	c.Must(err)
	if len(outages) != 1 || len(after.Pauses) != 1 || !after.Pauses[0].Outage {
		t.Errorf("%d outages on the record, %+v", len(outages), after.Pauses)
	}
}
