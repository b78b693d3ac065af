package rehearse

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"jianbiao/internal/seal"
	"jianbiao/server/firm"
)

// submitAll has every robot seal and submit; one replaces its bid, and when
// there are enough, one more firm submits and withdraws.
func (p *play) submitAll(ctx context.Context) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	if err := p.moveTo(ctx, now.AddDate(0, 0, 15)); err != nil {
		return err
	}
	for i, r := range p.robots {
		if err := p.submit(ctx, r, seal.KindBid); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		p.tell("密封投标", "第 %d/%d 家已取得回执", i+1, len(p.robots))
	}
	if len(p.robots) > 0 {
		p.robots[0].price -= 120_000
		if err := p.submit(ctx, p.robots[0], seal.KindBid); err != nil {
			return fmt.Errorf("replace: %w", err)
		}
		p.tell("替换投标", "一家替换了投标文件")
	}
	if p.o.Bidders < 6 {
		return nil
	}
	return p.comeAndGo(ctx)
}

// comeAndGo is a firm that bids and withdraws before the deadline.
func (p *play) comeAndGo(ctx context.Context) error {
	login := fmt.Sprintf("bidder%d", first+1+len(p.robots))
	if !slices.ContainsFunc(p.people, func(x person) bool { return x.Login == login }) {
		return nil // the city has no more firms; the rehearsal goes on without this scene
	}
	r, err := p.hireOne(ctx, login)
	if err != nil {
		return err
	}
	r.price = 44_440_000
	if err := p.submit(ctx, r, seal.KindBid); err != nil {
		return err
	}
	p.tell("撤回投标", "一家递交后又撤回")
	return p.submit(ctx, r, seal.KindWithdrawal)
}

// submit seals on the robot's machine, sends the envelope and verifies the
// receipt against the platform's published keys.
func (p *play) submit(ctx context.Context, r *robot, kind seal.Kind) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	var envelope bytes.Buffer
	if kind == seal.KindWithdrawal {
		b, err := r.Withdraw(&envelope, p.lot, now)
		if err != nil {
			return err
		}
		return p.hand(ctx, r, envelope.Bytes(), func(receipt seal.Receipt) error { return r.Keep(b, receipt) })
	}
	files, err := papers(r.Name, p.project, r.price, now)
	if err != nil {
		return err
	}
	b, err := r.Seal(&envelope, p.lot, firm.Offer{Price: fmt.Sprintf("%d.00", r.price), Duration: 330, Quality: "合格", Manager: r.who.Name,
		DepositForm: "银行保函", DepositAmount: "800000", Files: files}, now)
	if err != nil {
		return err
	}
	return p.hand(ctx, r, envelope.Bytes(), func(receipt seal.Receipt) error { return r.Keep(b, receipt) })
}

func (p *play) hand(ctx context.Context, r *robot, envelope []byte, keep func(seal.Receipt) error) error {
	raw, _, err := r.send(ctx, http.MethodPost, "/api/bids", http.Header{"Content-Type": {"application/octet-stream"}},
		func() io.Reader { return bytes.NewReader(envelope) })
	if err != nil {
		return err
	}
	receipt, err := p.verify(raw)
	if err != nil {
		return err
	}
	if err := p.leave(fmt.Sprintf("receipt-%s-%d.json", r.login, receipt.Number), raw); err != nil {
		return err
	}
	if err := keep(receipt); err != nil {
		return err
	}
	return p.saveVault(ctx, r)
}

func (p *play) verify(raw []byte) (r seal.Receipt, err error) {
	if err := decode(raw, &r); err != nil {
		return r, err
	}
	ed, err := base64.RawURLEncoding.DecodeString(p.keys.Ed25519)
	if err != nil || len(ed) != ed25519.PublicKeySize {
		return r, errors.New("the platform's Ed25519 key is malformed")
	}
	sm2, err := seal.ParsePublicKey(p.keys.SM2)
	if err != nil {
		return r, err
	}
	return r, seal.VerifyReceipt(r, ed, sm2)
}

// saveVault keeps the robot's vault on the server, as a person's browser does.
func (p *play) saveVault(ctx context.Context, r *robot) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	blob, err := r.Blob(r.who.Password, now)
	if err != nil {
		return err
	}
	for range 3 { // an answer that was lost on its way looks like somebody else's save
		err = p.putVault(ctx, r, blob)
		var problem *Problem
		if !errors.As(err, &problem) || problem.Code != "vault.changed" {
			return err
		}
	}
	return err
}

func (p *play) putVault(ctx context.Context, r *robot, blob []byte) error {
	_, header, err := r.send(ctx, http.MethodGet, "/api/vault", nil, func() io.Reader { return http.NoBody })
	if err != nil {
		return err
	}
	_, _, err = r.send(ctx, http.MethodPut, "/api/vault", http.Header{"If-Match": {header.Get("ETag")}, "Content-Type": {"application/octet-stream"}},
		func() io.Reader { return bytes.NewReader(blob) })
	return err
}
