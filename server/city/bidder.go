package city

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
	"jianbiao/server/firm"
	"jianbiao/server/platform"
)

// bidder is a firm of the city and who acts for it.
type bidder struct {
	actor.Actor
	*firm.Firm
}

func newBidder(ctx context.Context, p *platform.Platform, a actor.Actor) (*bidder, error) {
	f, err := firm.New(a.OrganisationName, a.USCC, a.PersonName)
	if err != nil {
		return nil, err
	}
	return &bidder{a, f}, p.Submissions.RegisterFirmKey(ctx, a, f.PublicKey())
}

// bid seals a bid for the lot and submits it, as the bidder's own program does.
func (b *bidder) bid(ctx context.Context, p *platform.Platform, l *lot.Lot, price string) error {
	doc, err := p.Lots.Document(ctx, l.ID)
	if err != nil {
		return err
	}
	offer := firm.Offer{Form: doc.Params.Form, Price: price, Duration: 300, Quality: "合格", Manager: b.PersonName, DepositForm: "银行保函", DepositAmount: "500000",
		Files: map[string][]seal.FileInput{
			"qualification": {paper("资格审查资料.txt", b.OrganisationName+" 营业执照、资质证书、业绩")},
			"technical":     {paper("施工组织设计.txt", "施工方案、进度计划、质量与安全措施")},
			"price":         {paper("已标价工程量清单.txt", "合计 "+price+" 元")},
		}}
	var envelope bytes.Buffer
	kept, err := b.Seal(&envelope, firm.Lot{ID: l.ID, Title: l.Project.Name + " " + l.Name, DocumentVersion: l.DocumentVersion, CutoffKey: *l.CutoffKey,
		OpeningKey: *l.OpeningKey, Deadline: *l.BidDeadline}, offer, l.UpdatedAt.In(evidence.Beijing))
	if err != nil {
		return fmt.Errorf("seal for %s: %w", l.Code, err)
	}
	receipt, err := p.Submissions.Submit(ctx, b.Actor, &envelope)
	if err != nil {
		return fmt.Errorf("submit for %s: %w", l.Code, err)
	}
	return b.Keep(kept, receipt)
}

func paper(name, text string) seal.FileInput {
	return seal.FileInput{Name: name, Media: "text/plain", Size: int64(len(text)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }}
}

// release unwraps the bidder's parts on "its machine" and sends them.
func (b *bidder) release(ctx context.Context, p *platform.Platform, lotID string) error {
	hall, err := p.Openings.Snapshot(ctx, lotID)
	if err != nil {
		return err
	}
	in, err := b.Release(lotID, hall.Opens)
	if err != nil {
		return err
	}
	return p.Openings.ReleasePart(ctx, b.Actor, lotID, in)
}

// keep saves the vault under the rehearsal's passphrase, as its program would.
func (b *bidder) keep(ctx context.Context, p *platform.Platform, now time.Time) error {
	blob, err := b.Blob(Password, now)
	if err != nil {
		return err
	}
	_, etag, err := p.Identity.Vault(ctx, b.Actor)
	if err != nil {
		return err
	}
	_, err = p.Identity.SaveVault(ctx, b.Actor, etag, blob)
	return err
}
