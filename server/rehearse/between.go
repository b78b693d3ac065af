package rehearse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"jianbiao/bidding/opening"
)

// rejects is how many bids do not pass the review of the first envelope: the
// last of those that opened, when three are left without it.
func (p *play) rejects() int {
	if p.o.Two && p.o.Bidders-p.o.Fail > opening.MinBids {
		return 1
	}
	return 0
}

// between is the time between the two sessions: nobody sees a price, the result
// of the review is recorded, the second session announced, and the clock moved
// to its day.
func (p *play) between(ctx context.Context) error {
	var snap opening.Snapshot
	if err := p.open.do(ctx, http.MethodGet, "/api/lots/"+p.lot.ID+"/snapshot", nil, &snap); err != nil {
		return err
	}
	if err := noPrice(&snap); err != nil {
		return err
	}
	in := p.review(&snap)
	if err := p.host.do(ctx, http.MethodPost, "/api/lots/"+p.lot.ID+"/commands/review", in, nil); err != nil {
		return err
	}
	p.tell("第一信封评审", "%d 家通过，%d 家未通过", len(in.Pass), len(in.Failed))
	day := p.lot.Deadline.AddDate(0, 0, 1)
	if err := p.host.do(ctx, http.MethodPost, "/api/lots/"+p.lot.ID+"/commands/schedule_second", map[string]any{"at": day}, nil); err != nil {
		return err
	}
	p.tell("通知第二次开标", "%s", day.Format("01-02 15:04"))
	if err := p.moveTo(ctx, day.Add(-30*time.Second)); err != nil {
		return err
	}
	p.second = true
	return p.moveTo(ctx, day)
}

// noPrice says whether a hall between the sessions shows what it must not.
func noPrice(s *opening.Snapshot) error {
	if s.State != opening.BetweenSessions || s.Coefficient != nil {
		return fmt.Errorf("第一次开标之后状态是 %s", s.State)
	}
	for _, r := range s.Table {
		if r.Price != "" || r.Capital != "" {
			return errors.New("第一次开标就出现了报价")
		}
	}
	return nil
}

func (p *play) review(s *opening.Snapshot) opening.ReviewInput {
	in := opening.ReviewInput{Report: "演练评审报告第 1 号"}
	opened := []string{} // in the order of the robots
	for _, r := range p.robots {
		if b := r.mine(s); b != nil && b.Outcome == opening.OutcomeOpened {
			opened = append(opened, b.Digest)
		}
	}
	in.Pass = opened[:len(opened)-p.rejects()]
	for _, digest := range opened[len(in.Pass):] {
		in.Failed = append(in.Failed, opening.FailedReview{Digest: digest, Reason: "项目负责人的类似工程业绩不满足招标文件要求"})
	}
	return in
}
