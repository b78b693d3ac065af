// Package biddingtest sets up a small city for tests: a database of its own,
// the services of bidding over it, a clock that only the test moves, and firms
// that really seal their bids.
package biddingtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/bidding/submission"
	"jianbiao/internal/actor"
	"jianbiao/internal/blob"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
	"jianbiao/internal/identity"
	"jianbiao/internal/keystore"
	"jianbiao/internal/rule"
	"jianbiao/internal/seal"
	"jianbiao/internal/upload"
	"jianbiao/internal/workday"
)

// City is everything a test of bidding works with.
type City struct {
	T           testing.TB
	DB          *pgtest.DB
	Store       *evidence.Store
	Keys        *keystore.Store
	Files       *blob.Folder
	Uploads     *upload.Store
	Dir         string
	Lots        *lot.Service
	Submissions *submission.Service
	Openings    *opening.Service
	Buyer       actor.Actor
	Agency      actor.Actor
	Supervisor  actor.Actor
}

// Start is the legal time at which a city begins: a Monday, 9:00 in Beijing.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, evidence.Beijing)

// New sets up a city whose clock stands at Start and does not run.
func New(t testing.TB) *City {
	t.Helper()
	db, dir := pgtest.New(t), t.TempDir()
	c := &City{T: t, DB: db, Dir: dir, Store: evidence.NewStore(db.App)}
	var err error
	c.Keys, err = keystore.Open(filepath.Join(dir, "keys"))
	c.Must(err)
	c.Files, err = blob.NewFolder(filepath.Join(dir, "files"))
	c.Must(err)
	c.Lots = lot.NewService(c.Store, rule.NewPeriods(workday.Default(), rule.Default()), c.Keys, c.Files)
	c.Submissions = submission.NewService(c.Store, c.Keys, c.Files)
	c.Uploads, err = upload.Open(filepath.Join(dir, "uploads"))
	c.Must(err)
	c.Lots.SetUploads(c.Uploads)
	c.Submissions.SetUploads(c.Uploads)
	c.Keys.SetPermit(opening.Permit(c.Store))
	c.Openings = opening.NewService(c.Store, c.Submissions, c.Keys, c.Keys, c.Files)
	c.At(Start)
	c.Buyer = c.Organisation("宿迁市城市建设投资有限公司", actor.Buyer)
	c.Agency = c.Organisation("江苏经纬工程咨询有限公司", actor.Agency)
	c.Supervisor = c.Organisation("宿迁市住房和城乡建设局", actor.Supervisor)
	return c
}

// Must fails the test on an error.
func (c *City) Must(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatal(err)
	}
}

// At sets the legal time; it stands still until the next call.
func (c *City) At(t time.Time) {
	c.T.Helper()
	c.Must(c.Store.Change(context.Background(), func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: "platform/clock", Kind: "clock.changed", Fields: map[string]any{"to": t.Format(time.RFC3339)}})
		_, err := tx.ExecContext(context.Background(), `UPDATE legal_clock SET base_legal = $1, base_real = clock_timestamp(), rate = 0`, t)
		return err
	}))
}

// Organisation makes an organisation and a person of it, who acts in the role.
func (c *City) Organisation(name string, role actor.Role) actor.Actor {
	c.T.Helper()
	a := actor.Actor{PersonID: uuid.NewString(), PersonName: name[:3] + "某", OrganisationID: uuid.NewString(), OrganisationName: name,
		Role: role, Region: "321300", Certified: true}
	a.USCC = USCC(a.OrganisationID)
	c.Must(c.Store.Change(context.Background(), func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: "organisation/" + a.OrganisationID, Kind: "organisation.created", Fields: map[string]any{"name": name}})
		_, err := tx.ExecContext(context.Background(), `INSERT INTO organisation (id, uscc, name, region, certified_at, created_at)
			VALUES ($1, $2, $3, '321300', legal_now(), legal_now())`, a.OrganisationID, a.USCC, name)
		return err
	}))
	return a
}

// USCC makes a valid code out of an id.
func USCC(id string) string {
	digits := ""
	for _, r := range id {
		if r >= '0' && r <= '9' {
			digits += string(r)
		}
	}
	return identity.MakeUSCC("91321300" + (digits + "000000000")[:9])
}

// Params are those of an ordinary document.
func Params() lot.Params {
	return lot.Params{
		Sections: []lot.Section{{Name: "qualification", Label: "资格审查资料", Required: true}, {Name: "technical", Label: "技术标", Required: true},
			{Name: "price", Label: "报价", Required: true}},
		PriceCeiling: "50000000.00", DecryptMinutes: 30, SealCheckMinutes: 5, ObjectionMinutes: 5, ConfirmMinutes: 10,
		Coefficient: &lot.Coefficient{Min: "0.95", Max: "0.98", Step: "0.005"}, BidValidityDays: 90, DurationDays: 365, Quality: "合格",
		Deposit: &lot.Deposit{Amount: "500000", Forms: []string{"银行保函", "转账"}},
	}
}

// Published makes a lot whose bids are due 22 days after Start, at 9:30.
func (c *City) Published() *lot.Lot {
	c.T.Helper()
	return c.PublishedWith(Params())
}

// PublishedWith is Published with another document.
func (c *City) PublishedWith(params lot.Params) *lot.Lot {
	c.T.Helper()
	ctx := context.Background()
	p, err := c.Lots.CreateProject(ctx, c.Buyer, lot.ProjectInput{Code: "SQ" + uuid.NewString()[:8], Name: "宿迁市第一中学改扩建工程", Compulsory: true,
		Region: "321302", AgencyID: c.Agency.OrganisationID, ApprovalNumber: "宿发改投〔2026〕1号", ApprovalAuthority: "宿迁市发展和改革委员会"})
	c.Must(err)
	l, err := c.Lots.Create(ctx, c.Agency, p.ID, lot.Input{Name: "施工一标段", Estimate: "48000000"})
	c.Must(err)
	_, err = c.Lots.SetDocument(ctx, c.Agency, l.ID, params)
	c.Must(err)
	l, err = c.Lots.Publish(ctx, c.Agency, l.ID, lot.PublishInput{SaleEnd: Start.AddDate(0, 0, 6), BidDeadline: Deadline, Title: "招标公告", Body: "欢迎投标。"})
	c.Must(err)
	return l
}

// Deadline is when the bids of Published are due.
var Deadline = time.Date(2026, 3, 24, 9, 30, 0, 0, evidence.Beijing)

// Firm is a bidder with its keys, as its vault holds them.
type Firm struct {
	Actor   actor.Actor
	Firm    seal.PrivateKey
	Bidder  seal.PrivateKey
	OneTime seal.PrivateKey
	Sealed  seal.Sealed
	Receipt seal.Receipt
	Number  int
	// Forms are sealed instead of the ordinary ones, by section.
	Forms map[string]json.RawMessage
	// Seal and Person sign instead of Firm when they are set: keys with
	// certificates.
	Seal, Person seal.Signer
}

// NewFirm makes a firm with a registered key.
func (c *City) NewFirm(name string) *Firm {
	c.T.Helper()
	f := &Firm{Actor: c.Organisation(name, actor.Bidder)}
	for _, k := range []*seal.PrivateKey{&f.Firm, &f.Bidder, &f.OneTime} {
		key, err := seal.GenerateKey()
		c.Must(err)
		*k = key
	}
	c.Must(c.Submissions.RegisterFirmKey(context.Background(), f.Actor, f.Firm.Public().Text()))
	return f
}

// Form is the price form of a bid.
func Form(price, capital string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"capital":%q,"deposit":{"amount":"500000","form":"银行保函"},"durationDays":300,"manager":"李建国","price":%q,"quality":"合格"}`, capital, price))
}

// Seal seals a bid of the firm for the lot, without sending it. A kind of
// withdrawal, or a second call, replaces the one before.
func (c *City) Seal(f *Firm, l *lot.Lot, kind seal.Kind, price, capital string) []byte {
	c.T.Helper()
	cutoff, err := seal.ParsePublicKey(*l.CutoffKey)
	c.Must(err)
	openingKey, err := seal.ParsePublicKey(*l.OpeningKey)
	c.Must(err)
	f.Number++
	in := seal.Input{Lot: l.ID, DocumentVersion: strconv.Itoa(l.DocumentVersion), CutoffKey: cutoff, OpeningKey: openingKey, Deadline: *l.BidDeadline, Kind: kind,
		Number: f.Number, Replaces: f.Sealed.Digest, OneTime: f.OneTime}
	if kind == seal.KindBid {
		in.Bidder, in.Firm, in.Signatory = f.Bidder, f.Firm, f.Firm
		if f.Seal != nil {
			in.Firm = f.Seal
		}
		if f.Person != nil {
			in.Signatory = f.Person
		}
		in.Owner = seal.Owner{Name: f.Actor.OrganisationName, USCC: f.Actor.USCC, LegalRepresentative: "王建设", Capacity: seal.CapacityLegal, SignedAt: Start.Format(time.RFC3339)}
		in.Sections = []seal.SectionInput{{Name: "qualification", Form: json.RawMessage(`{}`), Files: []seal.FileInput{file("资质证书.pdf", "%PDF-1.4 "+f.Actor.OrganisationName)}},
			{Name: "technical", Form: json.RawMessage(`{}`), Files: []seal.FileInput{file("施工组织设计.pdf", "%PDF-1.4 技术")}},
			{Name: "price", Form: Form(price, capital), Files: []seal.FileInput{file("已标价工程量清单.txt", price)}}}
	}
	for i, s := range in.Sections {
		if form, ok := f.Forms[s.Name]; ok {
			in.Sections[i].Form = form
		}
	}
	var out bytes.Buffer
	f.Sealed, err = seal.Seal(&out, in, nil)
	c.Must(err)
	return out.Bytes()
}

func file(name, text string) seal.FileInput {
	return seal.FileInput{Name: name, Media: "application/octet-stream", Size: int64(len(text)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }}
}

// Bid seals and submits, and keeps the receipt.
func (c *City) Bid(f *Firm, l *lot.Lot, price, capital string) {
	c.T.Helper()
	var err error
	f.Receipt, err = c.Submissions.Submit(context.Background(), f.Actor, bytes.NewReader(c.Seal(f, l, seal.KindBid, price, capital)))
	c.Must(err)
}

// Signed signs a command with the bid's one-time key.
func (c *City) Signed(f *Firm, lotID, command string, more map[string]any) opening.Signed {
	c.T.Helper()
	msg, err := opening.SignedMessage(lotID, f.Sealed.Digest, more)
	c.Must(err)
	sig, err := seal.SignWithOneTime(f.OneTime, opening.Tag(command), msg)
	c.Must(err)
	return opening.Signed{Digest: f.Sealed.Digest, Signature: sig}
}

// Parts unwraps the firm's parts of its section keys.
func (c *City) Parts(f *Firm) map[string]string {
	c.T.Helper()
	parts := map[string]string{}
	for _, s := range f.Sealed.Header.Sections {
		if s.Parts != seal.PartsBoth {
			continue
		}
		part, err := seal.UnwrapBidder(f.Bidder, s)
		c.Must(err)
		parts[s.Name] = base64.RawURLEncoding.EncodeToString(part)
	}
	return parts
}

// Release sends the firm's parts of the present session.
func (c *City) Release(f *Firm, lotID string) error {
	snap, err := c.Openings.Snapshot(context.Background(), lotID)
	if err != nil {
		return err
	}
	return c.ReleaseOf(f, lotID, snap.Params, snap.Session)
}

// ReleaseOf sends the firm's parts of one session's sections.
func (c *City) ReleaseOf(f *Firm, lotID string, p lot.Params, session int) error {
	parts := c.Parts(f)
	maps.DeleteFunc(parts, func(name, _ string) bool { return p.SessionOf(name) != session })
	return c.Openings.ReleasePart(context.Background(), f.Actor, lotID,
		opening.ReleaseInput{Signed: c.Signed(f, lotID, "release_part", map[string]any{"parts": parts}), Parts: parts})
}

// To brings the opening of a lot with these firms from where it stands to a
// later state, by commands.
func (c *City) To(l *lot.Lot, firms []*Firm, state opening.State) {
	c.T.Helper()
	ctx := context.Background()
	steps := []struct {
		to opening.State
		do func() error
	}{
		{opening.LobbyOpen, func() error { c.At(Deadline.Add(-time.Minute)); return c.Openings.OpenLobby(ctx, actor.System(), l.ID) }},
		{opening.Started, func() error {
			c.At(Deadline)
			if err := c.Openings.RecordCutoff(ctx, actor.System(), l.ID); err != nil {
				return err
			}
			return c.Openings.Start(ctx, c.Agency, l.ID)
		}},
		{opening.RosterPublished, func() error {
			for _, f := range firms {
				if err := c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)); err != nil {
					return err
				}
			}
			return c.Openings.PublishRoster(ctx, c.Agency, l.ID)
		}},
		{opening.Decrypting, func() error { return c.Openings.StartDecrypt(ctx, c.Agency, l.ID) }},
		{opening.DecryptClosed, func() error {
			for _, f := range firms {
				if err := c.Release(f, l.ID); err != nil {
					return err
				}
			}
			return c.Openings.CloseWindow(ctx, c.Agency, l.ID)
		}},
		{opening.Imported, func() error { return c.Openings.ImportBids(ctx, actor.System(), l.ID) }},
		{opening.Announcing, func() error { return c.Openings.Announce(ctx, c.Agency, l.ID) }},
		{opening.ObjectionWindow, func() error { return c.Openings.OpenObjections(ctx, c.Agency, l.ID) }},
		{opening.RecordConfirming, func() error {
			for _, f := range firms {
				if err := c.Openings.NoObjection(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "no_objection", nil)); err != nil {
					return err
				}
			}
			return c.Openings.StartConfirmation(ctx, c.Agency, l.ID)
		}},
		{opening.Closed, func() error { return c.confirmAll(ctx, l, firms, c.Openings.Close) }},
	}
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	begun := snap.State == opening.Scheduled
	for _, s := range steps {
		if state == snap.State {
			return
		}
		if !begun {
			begun = s.to == snap.State
			continue
		}
		c.Must(s.do())
		if s.to == state {
			return
		}
	}
	c.T.Fatalf("no way to state %s", state)
}

func (c *City) confirmAll(ctx context.Context, l *lot.Lot, firms []*Firm, end func(context.Context, actor.Actor, string) error) error {
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	if err != nil {
		return err
	}
	for _, f := range firms {
		in := opening.ConfirmInput{Signed: c.Signed(f, l.ID, "confirm_record", map[string]any{"recordDigest": snap.RecordDigest}), RecordDigest: snap.RecordDigest}
		if err := c.Openings.ConfirmRecord(ctx, f.Actor, l.ID, in); err != nil {
			return err
		}
	}
	if err := c.Openings.SignRecord(ctx, c.Agency, l.ID); err != nil {
		return err
	}
	return end(ctx, c.Agency, l.ID)
}
