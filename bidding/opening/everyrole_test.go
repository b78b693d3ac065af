package opening_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/lifecycle"
)

// bring makes an opening in the state, by commands alone.
func bring(t *testing.T, state opening.State) (*biddingtest.City, *lot.Lot, []*biddingtest.Firm) {
	t.Helper()
	if state == opening.AbortedLt3 {
		c := biddingtest.New(t)
		l := c.Published()
		f := c.NewFirm("苏北建设集团有限公司")
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
		c.To(l, nil, opening.LobbyOpen)
		c.At(biddingtest.Deadline)
		c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
		c.Must(c.Openings.AbortLt3(ctx, actor.System(), l.ID))
		return c, l, []*biddingtest.Firm{f}
	}
	if state == opening.BetweenSessions {
		c, l, firms := fourEnvelopes(t)
		c.Between(l, firms)
		return c, l, firms
	}
	c, l, firms := threeBids(t)
	switch state {
	case opening.Postponed, opening.Reconvened:
		c.To(l, firms, opening.Decrypting)
		c.Must(c.Openings.Postpone(ctx, c.Agency, l.ID, "市政务外网中断，无法恢复"))
		if state == opening.Reconvened {
			c.Must(c.Openings.Reconvene(ctx, c.Buyer, l.ID, biddingtest.Deadline.Add(24*time.Hour)))
		}
	default:
		c.To(l, firms, state)
	}
	return c, l, firms
}

// state is everything that the database says of a lot, in one line.
func stateOf(t *testing.T, c *biddingtest.City, l *lot.Lot) string {
	t.Helper()
	var s string
	c.Must(c.DB.Owner.Get(&s, `SELECT concat_ws(' ',
		(SELECT count(*) FROM event), (SELECT seq FROM stream_head WHERE stream = 'lot/' || $1),
		(SELECT md5(CAST(to_jsonb(l) AS text)) FROM lot l WHERE l.id = CAST($1 AS uuid)),
		(SELECT md5(CAST(to_jsonb(o) AS text)) FROM opening o WHERE o.lot_id = CAST($1 AS uuid)),
		(SELECT md5(string_agg(CAST(to_jsonb(b) AS text), ',' ORDER BY b.row_no)) FROM bid b WHERE b.lot_id = CAST($1 AS uuid)),
		(SELECT count(*) FROM opening_objection), (SELECT count(*) FROM opening_remark), (SELECT count(*) FROM opening_pause), (SELECT count(*) FROM idempotency))`, l.ID))
	return s
}

// inputs are complete inputs of every command, for a bid that is in the record
// but signed by nobody's key.
func inputs(t *testing.T, c *biddingtest.City, l *lot.Lot, f *biddingtest.Firm) map[string]json.RawMessage {
	t.Helper()
	other := c.NewFirm("别家建设有限公司")
	false1 := func(command string) opening.Signed {
		s := c.Signed(f, l.ID, command, nil)
		s.Signature = c.Signed(&biddingtest.Firm{OneTime: other.OneTime, Sealed: f.Sealed}, l.ID, command, nil).Signature
		return s
	}
	in := map[string]any{
		"check_seal": false1("check_seal"), "no_objection": false1("no_objection"),
		"release_part":     opening.ReleaseInput{Signed: false1("release_part"), Parts: c.Parts(f)},
		"report_failure":   opening.FailureInput{Signed: opening.Signed{Digest: "sm3:none"}, Reason: "network"},
		"confirm_record":   opening.ConfirmInput{Signed: false1("confirm_record"), RecordDigest: "sm3:none"},
		"raise_objection":  opening.ObjectionInput{Signed: false1("raise_objection"), Text: "有异议。"},
		"report_missing":   map[string]any{"receipt": f.Receipt}, // true, and not missing
		"answer_objection": map[string]any{"objection": uuid.NewString(), "text": "答复。"},
		"remark":           map[string]any{"text": "备注。"},
		"pause":            map[string]any{"reason": "故障", "outage": false},
		"postpone":         map[string]any{"reason": "故障"},
		"reconvene":        map[string]any{"at": biddingtest.Deadline.Add(48 * time.Hour)},
		"decide_bid":       map[string]any{"digest": f.Sealed.Digest, "outcome": "revoked", "reason": "理由"},
		"review":           opening.ReviewInput{Pass: []string{f.Sealed.Digest}, Report: "评标报告〔2026〕1号"},
		"schedule_second":  map[string]any{"at": biddingtest.Deadline.Add(72 * time.Hour)},
		"cancel_second":    map[string]any{"reason": "均未通过评审"},
	}
	out := map[string]json.RawMessage{}
	for name, v := range in {
		raw, err := json.Marshal(v)
		c.Must(err)
		out[name] = raw
	}
	return out
}

type someone struct {
	name    string
	who     actor.Actor
	foreign bool // another lot's host, or another region's authority
}

// everyone is an actor of each role, and the strangers among them.
func everyone(c *biddingtest.City, f *biddingtest.Firm) []someone {
	var out []someone
	for _, role := range actor.Roles() {
		a := actor.Actor{PersonID: uuid.NewString(), PersonName: "某人", OrganisationID: uuid.NewString(), OrganisationName: "某单位",
			USCC: biddingtest.USCC(uuid.NewString()), Role: role, Region: "321300", Certified: true}
		switch role {
		case actor.Buyer:
			a = c.Buyer
		case actor.Agency:
			a = c.Agency
		case actor.Bidder:
			a = f.Actor
		case actor.Clock:
			a = actor.System()
		case actor.Public:
			a = actor.Anyone()
		}
		out = append(out, someone{string(role), a, false})
		stranger := a
		switch role {
		case actor.Buyer, actor.Agency:
			stranger.OrganisationID = uuid.NewString()
		case actor.Supervisor, actor.GeneralSupervisor, actor.WitnessOfficer:
			stranger.Region = "320500"
		default:
			continue
		}
		out = append(out, someone{string(role) + " of elsewhere", stranger, true})
	}
	return out
}

func has(state opening.State, command string, role actor.Role) bool {
	return slices.ContainsFunc(opening.Table.Rows, func(r lifecycle.Row[opening.State, opening.Facts]) bool {
		return r.From == state && r.Command == command && slices.Contains(r.By, role)
	})
}

// Every command, given by every role and by strangers, in every state, through
// the service: what the table has no row for is refused with a stable code and
// leaves no event and no change of a row; what it has a row for is offered as an
// action to that role and to nobody else.
func TestService_EveryStateCommandRole(t *testing.T) {
	t.Parallel()
	for _, state := range opening.Table.States {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			c, l, firms := bring(t, state)
			everyCommand(t, c, l, firms[0], state)
		})
	}
}

// everyCommand gives every command that is not somebody's right, as everybody.
func everyCommand(t *testing.T, c *biddingtest.City, l *lot.Lot, f *biddingtest.Firm, state opening.State) {
	t.Helper()
	in := inputs(t, c, l, f)
	before := stateOf(t, c, l)
	for command := range opening.Commands {
		for _, x := range everyone(c, f) {
			if has(state, command, x.who.Role) && !x.foreign && x.who.Role != actor.Bidder {
				continue // its right: other tests use it
			}
			_, err := c.Openings.Do(ctx, x.who, l.ID, command, in[command])
			refused(t, fmt.Sprintf("%s by %s", command, x.name), err)
		}
		if after := stateOf(t, c, l); after != before {
			t.Fatalf("a refused %s left something:\n%s\n%s", command, before, after)
		}
	}
	offered(t, c, l, state, everyone(c, f))
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	e, ok := apperr.From(err)
	switch {
	case err == nil:
		t.Errorf("%s was done", what)
	case !ok:
		t.Errorf("%s: %v has no code", what, err)
	case !chinese(e.Detail):
		t.Errorf("%s: %q is no Chinese sentence", what, e.Detail)
	}
}

func chinese(s string) bool {
	return slices.ContainsFunc([]rune(s), func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}

// offered compares the actions that each one is shown with the table.
func offered(t *testing.T, c *biddingtest.City, l *lot.Lot, state opening.State, all []someone) {
	t.Helper()
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	firstOfTwo := snap.Sessions == 2 && snap.Session == 1
	for _, x := range all {
		list, err := c.Openings.Actions(ctx, x.who, l.ID)
		c.Must(err)
		shown := map[string]bool{}
		for _, a := range list {
			shown[a.Command] = true
		}
		for command := range opening.Commands {
			want := has(state, command, x.who.Role) && !x.foreign
			if command == "close" && firstOfTwo || command == "close_first" && !firstOfTwo {
				want = false // of the other kind of procedure
			}
			if shown[command] != want {
				t.Errorf("%s is shown %s: %v, the table says %v", x.name, command, shown[command], want)
			}
		}
	}
}

func TestService_StrangeInputIsRefused(t *testing.T) {
	t.Parallel()
	c, l, firms := bring(t, opening.Decrypting)
	before := stateOf(t, c, l)
	for name, try := range map[string]struct {
		who            actor.Actor
		command, input string
		code           string
	}{
		"no such command": {c.Buyer, "open_everything", ``, "opening.unknown_command"},
		"unknown field":   {c.Buyer, "pause", `{"reason":"x","why":1}`, "opening.input"},
		"not JSON":        {c.Buyer, "pause", `{`, "opening.input"},
		"no reason":       {c.Buyer, "pause", `{"reason":"  "}`, "opening.text"},
		"endless reason":  {c.Buyer, "pause", `{"reason":"` + strings.Repeat("长", 501) + `"}`, "opening.text"},
		"unknown reason":  {firms[0].Actor, "report_failure", `{"reason":"bored"}`, "opening.reason"},
		"foreign bid":     {firms[1].Actor, "report_failure", fmt.Sprintf(`{"reason":"network","digest":%q}`, firms[0].Sealed.Digest), "opening.not_your_bid"},
		"no bid":          {firms[1].Actor, "report_failure", `{"reason":"network","digest":"sm3:x"}`, "opening.bid_not_found"},
	} {
		_, err := c.Openings.Do(ctx, try.who, l.ID, try.command, json.RawMessage(try.input))
		if apperr.CodeOf(err) != try.code {
			t.Errorf("%s: %v, want %s", name, err, try.code)
		}
	}
	if _, err := c.Openings.Do(ctx, c.Buyer, uuid.NewString(), "pause", json.RawMessage(`{"reason":"x"}`)); apperr.CodeOf(err) != "lot.not_found" {
		t.Errorf("a lot that is not there: %v", err)
	}
	if after := stateOf(t, c, l); after != before {
		t.Errorf("something was left:\n%s\n%s", before, after)
	}
}
