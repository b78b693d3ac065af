package rehearse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
)

// Shares of the pace: what happens between two steps of the host, and between
// two releases.
const (
	hostShare    = 0.08
	releaseShare = 0.25
)

// bid is a robot's part of the session.
func (p *play) bid(ctx context.Context, number int, r *robot) error {
	released, reported, objected := false, false, false
	return p.follow(ctx, r.hall, func(s *opening.Snapshot) error {
		if s.Paused != nil {
			return nil
		}
		mine := r.mine(s)
		switch {
		case mine == nil && s.Cutoff != nil && s.Cutoff.Count >= opening.MinBids:
			return fmt.Errorf("%s: 截止记录里没有自己的文件", r.Name)
		case mine == nil, s.Session == lot.SecondSession && mine.Review != opening.ReviewPassed:
			return nil // his second envelope stays sealed
		case s.State == opening.Started && mine.SealChecked == nil:
			return p.checkSeal(ctx, r)
		case s.State == opening.Decrypting && r.fails && !reported:
			reported = true
			return r.hall.command(ctx, "report_failure", opening.FailureInput{Signed: opening.Signed{Digest: mine.Digest}, Reason: "key_missing", Detail: "演练：私钥丢失"})
		case s.State == opening.Decrypting && !r.fails && mine.Part.State != opening.PartReleased && !released:
			p.pause(ctx, releaseShare*float64(number+1)/float64(len(p.robots)))
			in, err := r.Release(p.lot.ID, s.Opens)
			if err != nil {
				return err
			}
			released = true
			if err := r.hall.command(ctx, "release_part", in); err != nil {
				released = false
				return err
			}
			return nil
		case s.State == opening.ObjectionWindow && mine.Outcome == opening.OutcomeOpened && mine.NoObjection == nil:
			return p.speak(ctx, number, r, s, &objected)
		case s.State == opening.RecordConfirming && mine.Outcome == opening.OutcomeOpened && mine.Confirmed == nil:
			in, err := r.Signed(p.lot.ID, "confirm_record", map[string]any{"recordDigest": s.RecordDigest})
			if err != nil {
				return err
			}
			return r.hall.command(ctx, "confirm_record", opening.ConfirmInput{Signed: in, RecordDigest: s.RecordDigest})
		}
		return nil
	})
}

func (r *robot) mine(s *opening.Snapshot) *opening.HallBid {
	kept, ok := r.Vault.Current(s.Lot.ID)
	if !ok {
		return nil
	}
	for i := range s.Bids {
		if s.Bids[i].Digest == kept.Digest {
			return &s.Bids[i]
		}
	}
	return nil
}

// checkSeal finds the robot's digest in the published cut-off record itself, not
// only in what the hall shows.
func (p *play) checkSeal(ctx context.Context, r *robot) error {
	var record opening.Cutoff
	if err := r.do(ctx, http.MethodGet, "/api/lots/"+p.lot.ID+"/cutoff", nil, &record); err != nil {
		return err
	}
	kept, _ := r.Vault.Current(p.lot.ID)
	for _, row := range record.Rows {
		if row.Digest != kept.Digest {
			continue
		}
		if row.Size != kept.Size || row.Number != kept.Header.Number {
			return fmt.Errorf("%s: 截止记录里的大小或版本与回执不符", r.Name)
		}
		in, err := r.Signed(p.lot.ID, "check_seal", nil)
		if err != nil {
			return err
		}
		return r.hall.command(ctx, "check_seal", in)
	}
	return fmt.Errorf("%s: 截止记录里没有自己的文件", r.Name)
}

// speak: the first robot objects once, and waives when it was answered; the
// others waive.
func (p *play) speak(ctx context.Context, number int, r *robot, s *opening.Snapshot, objected *bool) error {
	const words = "请核对开标一览表中我公司工期的单位是否为日历天。"
	if number == 0 && !*objected && len(s.Objections) == 0 {
		in, err := r.Signed(p.lot.ID, "raise_objection", map[string]any{"text": words})
		if err != nil {
			return err
		}
		*objected = true
		return r.hall.command(ctx, "raise_objection", opening.ObjectionInput{Signed: in, Text: words})
	}
	for _, o := range s.Objections {
		if number == 0 && o.Answer == nil {
			return nil // waits for the answer
		}
	}
	in, err := r.Signed(p.lot.ID, "no_objection", nil)
	if err != nil {
		return err
	}
	return r.hall.command(ctx, "no_objection", in)
}

// conduct is the host's part, or only the clock's when a person hosts.
func (p *play) conduct(ctx context.Context, h *hall) error {
	last := opening.State("")
	return p.follow(ctx, h, func(s *opening.Snapshot) error {
		if s.State != last {
			last = s.State
			p.tell(s.StateLabel, "%s", talk(s))
			p.pause(ctx, hostShare)
		}
		if p.o.Seat == "host" && s.State != opening.Decrypting {
			return nil
		}
		if s.Paused != nil {
			if p.o.Seat == "host" {
				return nil
			}
			return h.command(ctx, "resume", nil)
		}
		switch s.State {
		case opening.LobbyOpen:
			if s.Cutoff != nil && s.Cutoff.Count >= opening.MinBids {
				return h.command(ctx, "start", nil)
			}
		case opening.Started:
			return h.command(ctx, "publish_roster", nil)
		case opening.RosterPublished:
			return h.command(ctx, "start_decrypt", nil)
		case opening.Decrypting:
			return p.passWindow(ctx, s)
		case opening.Imported:
			return h.command(ctx, "announce", nil)
		case opening.Announcing:
			return h.command(ctx, "open_objections", nil)
		case opening.ObjectionWindow:
			return p.answer(ctx, h, s)
		case opening.RecordConfirming:
			return p.finish(ctx, h, s)
		default:
		}
		return nil
	})
}

func talk(s *opening.Snapshot) string {
	if s.Cutoff == nil {
		return "等候截止"
	}
	released := 0
	for _, b := range s.Bids {
		if b.Part.State == opening.PartReleased {
			released++
		}
	}
	return fmt.Sprintf("共 %d 份投标文件，%d 家已提交解密份额", s.Cutoff.Count, released)
}

// passWindow lets the rest of the decryption window pass once everybody who can
// has released, a person in a seat included: nobody has anything left to do in
// it. Only a rehearsal's clock can do that.
func (p *play) passWindow(ctx context.Context, s *opening.Snapshot) error {
	w, ok := s.Windows["decrypt"]
	if !ok {
		return nil
	}
	for _, b := range s.Bids {
		if b.Part.State == opening.PartWaiting && b.Outcome == "" {
			return nil
		}
	}
	return p.moveTo(ctx, w.Until)
}

func (p *play) answer(ctx context.Context, h *hall, s *opening.Snapshot) error {
	for _, o := range s.Objections {
		if o.Answer == nil {
			return h.command(ctx, "answer_objection", map[string]string{"objection": o.ID, "text": "已当场核对：一览表中的工期单位均为日历天，与各投标函一致。"})
		}
	}
	for _, b := range s.Bids {
		if b.Outcome == opening.OutcomeUndecided {
			buyer := map[string]string{"digest": b.Digest, "outcome": opening.OutcomeRevoked, "reason": "投标人自述私钥丢失，与平台中断无关"}
			return p.buyer.do(ctx, http.MethodPost, "/api/lots/"+p.lot.ID+"/commands/decide_bid", buyer, nil)
		}
	}
	return h.command(ctx, "start_confirmation", nil)
}

func (p *play) finish(ctx context.Context, h *hall, s *opening.Snapshot) error {
	if s.HostSigned == nil {
		return h.command(ctx, "sign_record", nil)
	}
	if s.Sessions == lot.SecondSession && s.Session == lot.FirstSession {
		return h.command(ctx, "close_first", nil)
	}
	return h.command(ctx, "close", nil)
}

// supervise remarks once, and steers nothing.
func (p *play) supervise(ctx context.Context, h *hall) error {
	said := false
	return p.follow(ctx, h, func(s *opening.Snapshot) error {
		if said || opening.Step(s.State) < 4 {
			return nil
		}
		said = true
		return h.command(ctx, "remark", map[string]string{"text": "唱标过程与开标一览表一致。"})
	})
}

func decode(raw []byte, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("answer of the server: %w", err)
	}
	return nil
}
