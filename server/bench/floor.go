package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/server/city"
	"jianbiao/server/firm"
	"jianbiao/server/platform"
)

// floor is a whole platform with a small trading floor: a buyer, an agency,
// firms. It is the real program with a database of its own (fsync on), served on
// a loopback port; only the timetable does not run.
type floor struct {
	p       *platform.Platform
	url     string
	buyer   actor.Actor
	agency  actor.Actor
	firms   []tenderer
	stop    func()
	settled int
}

// tenderer is a firm with its program.
type tenderer struct {
	who actor.Actor
	*firm.Firm
	login string
}

var (
	birth    = time.Date(2026, 3, 2, 9, 0, 0, 0, evidence.Beijing)
	deadline = time.Date(2026, 3, 24, 9, 30, 0, 0, evidence.Beijing)
)

func openFloor(ctx context.Context, firms int) (f *floor, err error) {
	dir, err := os.MkdirTemp("", "jianbiao-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	f = &floor{settled: 1000}
	var closers []func()
	f.stop = func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}
	closers = append(closers, func() { _ = os.RemoveAll(dir) }) // what is left is in the folder for temporary files
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if f.p, err = platform.Start(ctx, platform.Config{Data: dir, Rehearsal: true, Log: quiet}); err != nil {
		return f, err
	}
	closers = append(closers, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		_ = f.p.Stop(grace)
	})
	if _, err = f.p.Clock.Start(ctx, city.Conductor(), birth); err != nil {
		return f, err
	}
	if err = f.settle(ctx, firms); err != nil {
		return f, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return f, fmt.Errorf("listen: %w", err)
	}
	f.url = "http://" + l.Addr().String()
	srv := &http.Server{Handler: f.p.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			quiet.Error("serve", "error", err)
		}
	}()
	closers = append(closers, func() { _ = srv.Close() })
	return f, nil
}

func (f *floor) settle(ctx context.Context, firms int) (err error) {
	add := func(role actor.Role, name, login string) (actor.Actor, error) {
		f.settled++
		return city.Settle(ctx, f.p.Identity, f.settled, role, name, login, "某人")
	}
	if f.buyer, err = add(actor.Buyer, "测量招标人", "buyer"); err != nil {
		return err
	}
	if f.agency, err = add(actor.Agency, "测量代理机构", "agency"); err != nil {
		return err
	}
	for i := range firms {
		t := tenderer{login: fmt.Sprintf("firm%d", i+1)}
		if t.who, err = add(actor.Bidder, fmt.Sprintf("测量投标人%d有限公司", i+1), t.login); err != nil {
			return err
		}
		if t.Firm, err = firm.New(t.who.OrganisationName, t.who.USCC, t.who.PersonName); err != nil {
			return err
		}
		if err = f.p.Submissions.RegisterFirmKey(ctx, t.who, t.PublicKey()); err != nil {
			return err
		}
		f.firms = append(f.firms, t)
	}
	return nil
}

// published makes a lot that receives bids until the deadline.
func (f *floor) published(ctx context.Context, number int) (*lot.Lot, error) {
	p, err := f.p.Lots.CreateProject(ctx, f.buyer, lot.ProjectInput{Code: fmt.Sprintf("BENCH-%04d", number), Name: "测量工程", Compulsory: true, Region: "321302",
		AgencyID: f.agency.OrganisationID, ApprovalNumber: "测量〔2026〕1号", ApprovalAuthority: "测量"})
	if err != nil {
		return nil, err
	}
	l, err := f.p.Lots.Create(ctx, f.agency, p.ID, lot.Input{Name: "施工", Estimate: "48000000"})
	if err != nil {
		return nil, err
	}
	_, err = f.p.Lots.SetDocument(ctx, f.agency, l.ID, lot.Params{
		Sections: []lot.Section{{Name: "qualification", Label: "资格审查资料", Required: true}, {Name: "technical", Label: "技术标", Required: true},
			{Name: "price", Label: "报价", Required: true}},
		PriceCeiling: "50000000.00", DecryptMinutes: 30, SealCheckMinutes: 5, ObjectionMinutes: 5, ConfirmMinutes: 10, BidValidityDays: 90, DurationDays: 365, Quality: "合格",
		Coefficient: &lot.Coefficient{Min: "0.95", Max: "0.98", Step: "0.005"},
	})
	if err != nil {
		return nil, err
	}
	return f.p.Lots.Publish(ctx, f.agency, l.ID, lot.PublishInput{SaleEnd: birth.AddDate(0, 0, 6), BidDeadline: deadline, Title: "招标公告", Body: "测量用。"})
}

func known(l *lot.Lot) firm.Lot {
	return firm.Lot{ID: l.ID, Title: l.Name, DocumentVersion: l.DocumentVersion, CutoffKey: *l.CutoffKey, OpeningKey: *l.OpeningKey, Deadline: *l.BidDeadline}
}

func offer(price string) firm.Offer {
	return firm.Offer{Price: price, Duration: 300, Quality: "合格", Manager: "某人", DepositForm: "银行保函", DepositAmount: "500000"}
}
