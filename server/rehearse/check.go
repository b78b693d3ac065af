package rehearse

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/vrf"
	"jianbiao/server/room"
)

// check looks at what came of it from outside, leaves the papers in the folder,
// and sums up. Anything that is not as it should be is an error.
func (p *play) check(ctx context.Context) (Summary, error) {
	sum := Summary{Lot: p.lot.ID, Bidders: p.o.Bidders}
	var snap opening.Snapshot
	if err := p.open.do(ctx, http.MethodGet, "/api/lots/"+p.lot.ID+"/snapshot", nil, &snap); err != nil {
		return sum, err
	}
	sum.State = string(snap.State)
	events, err := p.allEvents(ctx)
	if err != nil {
		return sum, err
	}
	sum.Events = int64(len(events))
	if p.o.Two {
		sum.Sessions = snap.Session
	}
	for _, r := range snap.Table {
		switch r.Outcome {
		case opening.OutcomeOpened:
			sum.Decrypted++
		case opening.OutcomeRevoked:
			sum.Revoked++
		case opening.OutcomeWithdrawn:
			sum.Withdrawn++
		case opening.OutcomeRejected:
			sum.Rejected++
		}
	}
	err = errors.Join(p.papersOf(ctx, &snap, events), p.judge(&snap, sum))
	sum.Seconds = p.seconds()
	return sum, err
}

func (p *play) judge(s *opening.Snapshot, sum Summary) error {
	stayedAway := p.o.Seat == "bidder" && s.Cutoff != nil && s.Cutoff.Count < opening.MinBids
	if p.o.Bidders < opening.MinBids || stayedAway {
		for _, b := range s.Bids {
			if b.Organisation != "" {
				return errors.New("不足三家，却公开了投标人名称")
			}
		}
		if s.State != opening.AbortedLt3 {
			return fmt.Errorf("不足三家，状态却是 %s", s.State)
		}
		return nil
	}
	people := 0
	if p.o.Seat == "bidder" {
		people = 1 // what the person did is the person's business
	}
	if s.State != opening.Closed || sum.Decrypted < p.o.Bidders-p.o.Fail-people-p.rejects() || sum.Revoked < p.o.Fail || sum.Decrypted+sum.Revoked+sum.Withdrawn+sum.Rejected < p.o.Bidders-people {
		return fmt.Errorf("结果与预期不符：状态 %s，解密 %d，撤销 %d，撤回 %d", s.State, sum.Decrypted, sum.Revoked, sum.Withdrawn)
	}
	if sum.Rejected != p.rejects() || (p.o.Two && (s.Session != lot.SecondSession || len(s.Past) != 1)) {
		return fmt.Errorf("第二次开标与预期不符：第 %d 次，未通过 %d 家，第一次的记录 %d 份", s.Session, sum.Rejected, len(s.Past))
	}
	return recompute(s)
}

// recompute draws the random coefficient again from what is public.
func recompute(s *opening.Snapshot) error {
	c := s.Coefficient
	if c == nil {
		return errors.New("没有随机系数")
	}
	key, err1 := keyBytes(s.Lot.VRFKey)
	alpha, err2 := hex.DecodeString(c.Alpha)
	proof, err3 := hex.DecodeString(c.Proof)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("随机系数的数据不完整：%w", err)
	}
	beta, err := vrf.Verify(key, alpha, proof)
	if err != nil {
		return fmt.Errorf("随机系数的证明不成立：%w", err)
	}
	if i := vrf.Choose(beta, len(c.Values)); i < 0 || c.Values[i] != c.Value || hex.EncodeToString(beta) != c.Beta {
		return errors.New("随机系数复算不一致")
	}
	return nil
}

// allEvents reads the lot's evidence and looks for gaps.
func (p *play) allEvents(ctx context.Context) ([]room.EventView, error) {
	var all []room.EventView
	for {
		var page struct {
			Items []room.EventView `json:"items"`
		}
		path := fmt.Sprintf("/api/lots/%s/events?after=%d&limit=500", p.lot.ID, len(all))
		if err := p.open.do(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Items {
			if e.Seq != int64(len(all)+1) {
				return nil, fmt.Errorf("留痕不连续：第 %d 条之后是第 %d 条", len(all), e.Seq)
			}
			all = append(all, e)
		}
		if len(page.Items) < 500 {
			return all, nil
		}
	}
}

// papersOf leaves the cut-off record, the events and, when the opening closed,
// the opening record in the folder.
func (p *play) papersOf(ctx context.Context, s *opening.Snapshot, events []room.EventView) error {
	var lines bytes.Buffer
	for _, e := range events {
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines.Write(append(raw, '\n'))
	}
	err := p.leave("events.jsonl", lines.Bytes())
	papers := map[string]string{"cutoff.json": "/cutoff"}
	if s.State == opening.Closed {
		papers["record.json"], papers["record.pdf"] = "/record", "/record.pdf"
	}
	for _, past := range s.Past {
		papers[fmt.Sprintf("record-%d.json", past.Session)] = fmt.Sprintf("/record?session=%d", past.Session)
		papers[fmt.Sprintf("record-%d.pdf", past.Session)] = fmt.Sprintf("/record.pdf?session=%d", past.Session)
	}
	for name, path := range papers {
		raw, _, e := p.open.send(ctx, http.MethodGet, "/api/lots/"+p.lot.ID+path, nil, func() io.Reader { return http.NoBody })
		if e == nil && strings.HasSuffix(name, ".pdf") && !bytes.HasPrefix(raw, []byte("%PDF-")) {
			e = errors.New("开标记录表不是 PDF")
		}
		if e == nil {
			e = p.leave(name, raw)
		}
		err = errors.Join(err, e)
	}
	return err
}

func (p *play) leave(name string, content []byte) error {
	if p.o.Out == "" {
		return nil
	}
	if err := os.MkdirAll(p.o.Out, 0o750); err != nil {
		return fmt.Errorf("输出目录 %s:%w", p.o.Out, err)
	}
	if err := os.WriteFile(filepath.Join(p.o.Out, name), content, 0o600); err != nil {
		return fmt.Errorf("输出目录 %s:%w", p.o.Out, err)
	}
	return nil
}
