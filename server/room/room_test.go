package room_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/bidding/submission"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/server/live"
	"jianbiao/server/room"
)

var ctx = context.Background()

func dictionary() evidence.Dictionary {
	return evidence.NewDictionary(lot.Kinds(), submission.Kinds(), opening.Kinds())
}

func hall(t *testing.T, state opening.State) (*biddingtest.City, *room.Room, *lot.Lot, []*biddingtest.Firm) {
	t.Helper()
	c := biddingtest.New(t)
	l := c.Published()
	var firms []*biddingtest.Firm
	for _, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司", "华宇建筑工程有限公司"} {
		f := c.NewFirm(name)
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
		firms = append(firms, f)
	}
	c.To(l, firms, state)
	return c, room.New(c.Openings, dictionary(), c.Store.DB()), l, firms
}

func TestAdmit_EveryRole(t *testing.T) {
	t.Parallel()
	c, r, l, firms := hall(t, opening.LobbyOpen)
	stranger := c.Buyer
	stranger.OrganisationID = uuid.NewString()
	elsewhere := c.Supervisor
	elsewhere.Region = "320500"
	for name, try := range map[string]struct {
		who   actor.Actor
		view  string
		class live.Class
		host  bool
	}{
		"public": {actor.Anyone(), "", live.ClassPublic, false}, "buyer": {c.Buyer, "party", live.ClassOfficial, true},
		"agency": {c.Agency, "", live.ClassOfficial, true}, "another buyer": {stranger, "", live.ClassPublic, false},
		"bidder": {firms[0].Actor, "party", live.ClassParty, false}, "supervisor": {c.Supervisor, "", live.ClassOfficial, false},
		"supervisor of elsewhere": {elsewhere, "", live.ClassPublic, false}, "buyer at the public screen": {c.Buyer, "public", live.ClassPublic, false},
		"expert": {actor.Actor{PersonID: "x", Role: actor.Expert}, "", live.ClassPublic, false},
	} {
		v, err := r.Admit(ctx, l.ID, try.who, try.view)
		if err != nil || v.Class != try.class || v.Host != try.host {
			t.Errorf("%s: %v host %v, %v", name, v.Class, v.Host, err)
		}
	}
	if _, err := r.Admit(ctx, uuid.NewString(), c.Buyer, ""); apperr.CodeOf(err) != "lot.not_found" {
		t.Errorf("a hall that is not there: %v", err)
	}
}

// No class of viewers is shown a bidder before the roster, a released part ever,
// or a price before the reading: in no event and in no snapshot.
func TestView_WhatNobodyMaySee(t *testing.T) {
	t.Parallel()
	c, r, l, firms := hall(t, opening.Started)
	secrets := func() []string {
		var out []string
		for _, f := range firms {
			out = append(out, f.Actor.OrganisationName, f.Actor.OrganisationID, f.Actor.PersonID, f.Actor.PersonName, f.Actor.USCC)
		}
		return out
	}()
	for _, f := range firms {
		c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	nowhere(t, c, r, l, "before the roster", secrets)
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
	c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
	var parts []string
	for _, f := range firms {
		c.Must(c.Release(f, l.ID))
		for _, p := range c.Parts(f) {
			parts = append(parts, p)
		}
	}
	parts = append(parts, "45600000", "李建国")
	nowhere(t, c, r, l, "in mid-window", parts)
	c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
	c.Must(c.Openings.ImportBids(ctx, actor.System(), l.ID))
	nowhere(t, c, r, l, "before the reading", parts)
	c.Must(c.Openings.Announce(ctx, c.Agency, l.ID))
	nowhere(t, c, r, l, "after the reading", parts[:len(parts)-2])
	if !strings.Contains(shown(t, c, r, l), "45600000") {
		t.Error("the prices were read out and nobody sees them")
	}
}

// shown is all that is shown to any class.
func shown(t *testing.T, c *biddingtest.City, r *room.Room, l *lot.Lot) string {
	t.Helper()
	var out bytes.Buffer
	list, err := c.Store.Since(ctx, l.Stream(), 0, 1000)
	c.Must(err)
	for _, e := range list {
		for _, class := range []live.Class{live.ClassPublic, live.ClassParty, live.ClassOfficial} {
			raw, err := r.View(e, class)
			c.Must(err)
			out.Write(raw)
		}
	}
	snap, _, err := r.Snapshot(ctx, l.ID, live.Viewer{})
	c.Must(err)
	raw, err := json.Marshal(snap)
	c.Must(err)
	out.Write(raw)
	return out.String()
}

func nowhere(t *testing.T, c *biddingtest.City, r *room.Room, l *lot.Lot, when string, secrets []string) {
	t.Helper()
	text := shown(t, c, r, l)
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s %q is shown", when, s)
		}
	}
}

func TestCommand_RepeatedActsOnce(t *testing.T) {
	t.Parallel()
	c, r, l, _ := hall(t, opening.Decrypting)
	v, err := r.Admit(ctx, l.ID, c.Supervisor, "")
	c.Must(err)
	id := uuid.NewString()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := r.Command(ctx, l.ID, v, id, "remark", json.RawMessage(`{"text":"程序符合规定。"}`)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	events, err := c.Store.OfKind(ctx, l.Stream(), "supervisor.remarked")
	c.Must(err)
	if len(events) != 1 {
		t.Errorf("%d remarks", len(events))
	}
	if _, err := r.Command(ctx, l.ID, v, uuid.NewString(), "announce", nil); apperr.CodeOf(err) != "opening.state" {
		t.Errorf("%v", err)
	}
}

// Who is there is shown from the roster on.
func TestDiscreet_UntilTheRoster(t *testing.T) {
	t.Parallel()
	c, r, l, firms := hall(t, opening.Started)
	organisations := []string{firms[0].Actor.OrganisationID}
	hidden, err := r.Discreet(ctx, l.ID)
	c.Must(err)
	bids, err := r.Bids(ctx, l.ID, organisations)
	c.Must(err)
	if !hidden || len(bids) != 0 {
		t.Errorf("before the roster: discreet %v, %v", hidden, bids)
	}
	for _, f := range firms {
		c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
	hidden, err = r.Discreet(ctx, l.ID)
	c.Must(err)
	bids, err = r.Bids(ctx, l.ID, organisations)
	c.Must(err)
	if hidden || len(bids) != 3 || !bids[firms[0].Sealed.Digest] || bids[firms[1].Sealed.Digest] {
		t.Errorf("after the roster: discreet %v, %v", hidden, bids)
	}
}

// Every button has a Chinese name; what is refused says why; what cannot be
// taken back is asked for again.
func TestActions_AreWholeSentences(t *testing.T) {
	t.Parallel()
	c, r, l, _ := hall(t, opening.Decrypting)
	v, err := r.Admit(ctx, l.ID, c.Buyer, "")
	c.Must(err)
	list, err := r.Actions(ctx, l.ID, v)
	c.Must(err)
	actions, ok := list.([]room.Action)
	if !ok || len(actions) == 0 {
		t.Fatalf("%T %v", list, list)
	}
	for _, a := range actions {
		if a.Label == "" || a.Allowed != (a.Refusal == nil) || a.Refusal != nil && (a.Refusal.Detail == "" || a.Refusal.Code == "") {
			t.Errorf("%+v", a)
		}
		if room.Irreversible(a.Command) != (a.Confirm != nil) {
			t.Errorf("%s is asked for again: %v", a.Command, a.Confirm)
		}
	}
}
