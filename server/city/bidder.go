package city

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/internal/money"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
	"jianbiao/server/platform"
)

// bidder is a firm of the city with the keys of its vault.
type bidder struct {
	actor.Actor
	firm, signer seal.PrivateKey
	doc          vault.Document
}

func newBidder(ctx context.Context, p *platform.Platform, a actor.Actor) (*bidder, error) {
	b := &bidder{Actor: a}
	for _, k := range []*seal.PrivateKey{&b.firm, &b.signer} {
		key, err := seal.GenerateKey()
		if err != nil {
			return nil, err
		}
		*k = key
	}
	b.doc.Signing = []vault.SigningKey{{Use: "firm", Name: a.OrganisationName, USCC: a.USCC, Key: b.firm},
		{Use: "legalRepresentative", Name: a.PersonName, USCC: a.USCC, Key: b.signer}}
	return b, p.Submissions.RegisterFirmKey(ctx, a, b.firm.Public().Text())
}

// bid seals a bid for the lot and submits it, as the bidder's own program does.
func (b *bidder) bid(ctx context.Context, p *platform.Platform, l *lot.Lot, price string) error {
	in, kept, err := b.input(l, price)
	if err != nil {
		return err
	}
	var envelope bytes.Buffer
	sealed, err := seal.Seal(&envelope, in, nil)
	if err != nil {
		return fmt.Errorf("seal for %s: %w", l.Code, err)
	}
	receipt, err := p.Submissions.Submit(ctx, b.Actor, &envelope)
	if err != nil {
		return fmt.Errorf("submit for %s: %w", l.Code, err)
	}
	kept.Digest, kept.Size, kept.Header, kept.Receipt = sealed.Digest, sealed.Size, sealed.Header, &receipt
	b.doc.Keep(kept)
	b.doc.Followed = append(b.doc.Followed, vault.Followed{Lot: l.ID, Title: l.Name, Since: receipt.ReceivedAt})
	return nil
}

func (b *bidder) input(l *lot.Lot, price string) (in seal.Input, kept vault.Bid, err error) {
	kept = vault.Bid{Lot: l.ID, Title: l.Project.Name + " " + l.Name, SealedAt: l.UpdatedAt.In(evidence.Beijing).Format(time.RFC3339)}
	if kept.Bidder, err = seal.GenerateKey(); err != nil {
		return in, kept, err
	}
	if kept.OneTime, err = seal.GenerateKey(); err != nil {
		return in, kept, err
	}
	cutoff, err := seal.ParsePublicKey(*l.CutoffKey)
	if err != nil {
		return in, kept, err
	}
	openingKey, err := seal.ParsePublicKey(*l.OpeningKey)
	if err != nil {
		return in, kept, err
	}
	capital, err := money.CapitalAmount(price)
	if err != nil {
		return in, kept, err
	}
	form, err := json.Marshal(map[string]any{"price": price, "capital": capital, "durationDays": 300, "quality": "合格", "manager": b.PersonName,
		"deposit": map[string]string{"form": "银行保函", "amount": "500000"}})
	if err != nil {
		return in, kept, err
	}
	return seal.Input{Lot: l.ID, DocumentVersion: fmt.Sprint(l.DocumentVersion), CutoffKey: cutoff, OpeningKey: openingKey, Deadline: *l.BidDeadline,
		Kind: seal.KindBid, Number: 1, OneTime: kept.OneTime, Bidder: kept.Bidder, Firm: b.firm, Signatory: b.signer,
		Owner: seal.Owner{Name: b.OrganisationName, USCC: b.USCC, LegalRepresentative: b.PersonName, Capacity: seal.CapacityLegal,
			SignedAt: l.UpdatedAt.In(evidence.Beijing).Format(time.RFC3339)},
		Sections: []seal.SectionInput{
			{Name: "qualification", Form: json.RawMessage(`{}`), Files: []seal.FileInput{paper("资格审查资料.txt", b.OrganisationName+" 营业执照、资质证书、业绩")}},
			{Name: "technical", Form: json.RawMessage(`{}`), Files: []seal.FileInput{paper("施工组织设计.txt", "施工方案、进度计划、质量与安全措施")}},
			{Name: "price", Form: form, Files: []seal.FileInput{paper("已标价工程量清单.txt", "合计 "+price+" 元")}},
		}}, kept, nil
}

func paper(name, text string) seal.FileInput {
	return seal.FileInput{Name: name, Media: "text/plain", Size: int64(len(text)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }}
}

// signed signs a command of the hall with the bid's one-time key.
func (b *bidder) signed(lotID, command string, more map[string]any) (opening.Signed, vault.Bid, error) {
	kept, ok := b.doc.Current(lotID)
	if !ok {
		return opening.Signed{}, kept, fmt.Errorf("%s has no bid for %s", b.OrganisationName, lotID)
	}
	msg, err := opening.SignedMessage(lotID, kept.Digest, more)
	if err != nil {
		return opening.Signed{}, kept, err
	}
	sig, err := seal.SignWithOneTime(kept.OneTime, opening.Tag(command), msg)
	return opening.Signed{Digest: kept.Digest, Signature: sig}, kept, err
}

// release unwraps the bidder's parts on "its machine" and sends them.
func (b *bidder) release(ctx context.Context, p *platform.Platform, lotID string) error {
	kept, ok := b.doc.Current(lotID)
	if !ok {
		return fmt.Errorf("%s has no bid for %s", b.OrganisationName, lotID)
	}
	parts := map[string]string{}
	for _, s := range kept.Header.Sections {
		if s.Parts != seal.PartsBoth {
			continue
		}
		part, err := seal.UnwrapBidder(kept.Bidder, s)
		if err != nil {
			return err
		}
		parts[s.Name] = base64.RawURLEncoding.EncodeToString(part)
	}
	s, _, err := b.signed(lotID, "release_part", map[string]any{"parts": parts})
	if err != nil {
		return err
	}
	return p.Openings.ReleasePart(ctx, b.Actor, lotID, opening.ReleaseInput{Signed: s, Parts: parts})
}

// keep saves the vault under the rehearsal's passphrase, as its program would.
func (b *bidder) keep(ctx context.Context, p *platform.Platform, now time.Time) error {
	v, err := vault.New(Password)
	if err != nil {
		return err
	}
	v.Doc = b.doc
	blob, err := v.Save(now)
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
