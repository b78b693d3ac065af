package baddays_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/server/check"
	"jianbiao/server/platform"
)

// childEnv names the data folder of a program that is there to be killed.
const childEnv = "JIANBIAO_BADDAYS_CHILD"

func TestMain(m *testing.M) {
	if data := os.Getenv(childEnv); data != "" {
		_, err := platform.Start(context.Background(), platform.Config{Data: data, Rehearsal: true, Unsafe: true, Log: slog.New(slog.DiscardHandler)})
		fmt.Println("ready", err)
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

// course is a lot on its way, and what is known of it.
type course struct {
	state opening.State
	lot   *lot.Lot
	firms []*biddingtest.Firm
	head  int64
}

// reach brings a new lot to a state.
func reach(t *testing.T, c *biddingtest.City, state opening.State) *course {
	t.Helper()
	ctx := t.Context()
	k := &course{state: state}
	k.lot, k.firms = tender(c)
	switch state {
	case opening.AbortedLt3:
		k.firms = nil
		k.lot = c.Published() // nobody bids for this one
		c.At(biddingtest.Deadline.Add(-time.Minute))
		c.Must(c.Openings.OpenLobby(ctx, actor.System(), k.lot.ID))
		c.At(biddingtest.Deadline)
		c.Must(errors.Join(c.Openings.RecordCutoff(ctx, actor.System(), k.lot.ID), c.Openings.AbortLt3(ctx, actor.System(), k.lot.ID)))
	case opening.Postponed, opening.Reconvened:
		c.To(k.lot, k.firms, opening.Started)
		c.Must(c.Openings.Postpone(ctx, c.Agency, k.lot.ID, "网络故障"))
		if state == opening.Reconvened {
			c.Must(c.Openings.Reconvene(ctx, c.Agency, k.lot.ID, biddingtest.Deadline.Add(24*time.Hour)))
		}
	case opening.BetweenSessions:
		k.lot, k.firms = bidFor(c, c.PublishedWith(biddingtest.TwoEnvelopes()))
		c.To(k.lot, k.firms, opening.RecordConfirming)
		snap, err := c.Openings.Snapshot(ctx, k.lot.ID)
		c.Must(err)
		for _, f := range k.firms {
			c.Must(c.Openings.ConfirmRecord(ctx, f.Actor, k.lot.ID, opening.ConfirmInput{RecordDigest: snap.RecordDigest,
				Signed: c.Signed(f, k.lot.ID, "confirm_record", map[string]any{"recordDigest": snap.RecordDigest})}))
		}
		c.Must(errors.Join(c.Openings.SignRecord(ctx, c.Agency, k.lot.ID), c.Openings.CloseFirst(ctx, c.Agency, k.lot.ID)))
	default:
		c.To(k.lot, k.firms, state)
	}
	var err error
	k.head, err = c.Store.Head(ctx, k.lot.Stream())
	c.Must(err)
	c.At(biddingtest.Start) // for the next one; nothing else moves
	return k
}

// same says whether the opening stands where it stood, with every event.
func (k *course) same(t *testing.T, c *biddingtest.City, after string) {
	t.Helper()
	snap, err := c.Openings.Snapshot(t.Context(), k.lot.ID)
	if err != nil || snap.State != k.state {
		t.Fatalf("%s: state %s is %+v, %v", after, k.state, snap, err)
	}
	events, err := c.Store.Since(t.Context(), k.lot.Stream(), 0, 1000)
	if err != nil || int64(len(events)) != k.head {
		t.Fatalf("%s: in state %s %d events, want %d, %v", after, k.state, len(events), k.head, err)
	}
	for i := range events {
		if err := events[i].Verify(); err != nil {
			t.Errorf("%s: in state %s: %v", after, k.state, err)
		}
	}
}

// finish brings the opening to its end.
func (k *course) finish(t *testing.T, c *biddingtest.City) {
	t.Helper()
	ctx := t.Context()
	end := opening.Closed
	switch k.state {
	case opening.AbortedLt3:
		end = opening.AbortedLt3
	case opening.Postponed, opening.Reconvened:
		if k.state == opening.Postponed {
			c.At(biddingtest.Deadline)
			c.Must(c.Openings.Reconvene(ctx, c.Agency, k.lot.ID, biddingtest.Deadline.Add(24*time.Hour)))
		}
		c.At(biddingtest.Deadline.Add(24 * time.Hour))
		c.Must(c.Openings.ReopenLobby(ctx, c.Agency, k.lot.ID))
		c.Must(c.Openings.Start(ctx, c.Agency, k.lot.ID))
		c.To(k.lot, k.firms, opening.Closed)
	case opening.BetweenSessions:
		var none []opening.FailedReview
		for _, f := range k.firms {
			none = append(none, opening.FailedReview{Digest: f.Sealed.Digest, Reason: "资质不符合要求"})
		}
		c.At(biddingtest.Deadline)
		c.Must(c.Openings.Review(ctx, c.Agency, k.lot.ID, opening.ReviewInput{Failed: none, Report: "PB-1"}))
		c.Must(c.Openings.CancelSecond(ctx, c.Agency, k.lot.ID, "没有投标人通过评审"))
	default:
		if k.state != opening.Scheduled {
			c.At(biddingtest.Deadline)
		}
		c.To(k.lot, k.firms, opening.Closed)
	}
	snap, err := c.Openings.Snapshot(ctx, k.lot.ID)
	if err != nil || snap.State != end {
		t.Errorf("from %s the opening ends as %+v, %v", k.state, snap, err)
	}
	c.At(biddingtest.Start)
}

// In each state of the table PostgreSQL is killed under the program; then the
// program, and PostgreSQL with it, is killed while openings stand in every
// state. Each time every opening stands where it stood, with every event; and
// all go on to their end.
func TestKill_InEveryStateOfAnOpening(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := begin(t, platform.Config{Data: data})
	c, _, _ := furnish(t, p)
	var all []*course
	for _, state := range opening.Table.States {
		k := reach(t, c, state)
		killPostgres(t, p)
		k.same(t, c, "after PostgreSQL was killed")
		all = append(all, k)
	}
	c.Must(p.Stop(t.Context()))
	killChild(t, data)
	p = begin(t, platform.Config{Data: data})
	city := over(t, p)
	city.Buyer, city.Agency = c.Buyer, c.Agency
	for _, k := range all {
		k.same(t, city, "after program and PostgreSQL were killed")
		k.finish(t, city)
	}
	rep, err := check.Run(t.Context(), check.Options{Data: data, Dictionary: platform.Dictionary()})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rep.Checks {
		for _, f := range r.Faults {
			t.Errorf("%s: %s", r.Name, f)
		}
	}
}

func killPostgres(t *testing.T, p *platform.Platform) {
	t.Helper()
	before := p.Database.PID()
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "PostgreSQL runs again", func() bool {
		return p.Database.PID() != before && p.DB.PingContext(t.Context()) == nil
	})
}

// killChild has another process run the platform, and kills it and its
// PostgreSQL.
func killChild(t *testing.T, data string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+data)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "ready <nil>" {
		t.Fatalf("the program says %q, %v", line, err)
	}
	raw, err := os.ReadFile(data + "/postgres/data/postmaster.pid")
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(raw), &pid); err != nil || pid < 2 {
		t.Fatalf("PostgreSQL's number is in %q", raw)
	}
	if err := errors.Join(cmd.Process.Kill(), syscall.Kill(pid, syscall.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}
