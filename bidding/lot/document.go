package lot

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
)

// Section is one part of a bid that the document asks for, sealed and opened
// by itself (资格, 技术, 报价 …).
type Section struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Required bool   `json:"required"`
	Session  int    `json:"session,omitempty"` // 0 or 1: opened in the first session; 2: in the second (双信封)
}

// Coefficient is the set of values from which the random coefficient (随机系数)
// of the price score is drawn after the bids are released: min, min+step … max.
type Coefficient struct {
	Min  string `json:"min"`
	Max  string `json:"max"`
	Step string `json:"step"`
}

// Values lists the coefficient's possible values as decimal strings.
func (c Coefficient) Values() ([]string, error) {
	bad := apperr.New(apperr.Invalid, "document.coefficient", "随机系数的取值范围不对：最小值、最大值、步长都填小数，步长大于 0，取值不超过 1000 个。")
	lo, err1 := decimal.NewFromString(c.Min)
	hi, err2 := decimal.NewFromString(c.Max)
	step, err3 := decimal.NewFromString(c.Step)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, bad.Because(err)
	}
	if !step.IsPositive() || hi.LessThan(lo) || hi.Sub(lo).Div(step).GreaterThan(decimal.NewFromInt(1000)) {
		return nil, bad
	}
	var out []string
	for v := lo; !v.GreaterThan(hi); v = v.Add(step) {
		out = append(out, v.String())
	}
	return out, nil
}

// Deposit is the bid security (投标保证金) that the document asks for.
type Deposit struct {
	Amount string   `json:"amount"` // 元
	Forms  []string `json:"forms"`  // 银行保函, 保证保险, 转账 …
}

// Params are the parameters of a tender document that the platform acts on.
// Minutes are those of legal time.
type Params struct {
	Sections            []Section    `json:"sections"`
	PriceCeiling        string       `json:"priceCeiling,omitempty"` // 元
	DecryptMinutes      int          `json:"decryptMinutes"`
	SealCheckMinutes    int          `json:"sealCheckMinutes"`
	ObjectionMinutes    int          `json:"objectionMinutes"`
	ConfirmMinutes      int          `json:"confirmMinutes"`
	Coefficient         *Coefficient `json:"coefficient,omitempty"`
	BidValidityDays     int          `json:"bidValidityDays"`
	WithdrawnLowers     bool         `json:"withdrawnLowersCount"` // 视为撤回是否减少家数
	DurationDays        int          `json:"durationDays"`         // 工期, 日历天
	Quality             string       `json:"quality"`
	Deposit             *Deposit     `json:"deposit,omitempty"`
	Performance         string       `json:"performancePercent,omitempty"` // 履约保证金, 占中标合同金额的百分比
	QualificationNeeded string       `json:"qualification,omitempty"`      // 资格要求
	Scope               string       `json:"scope,omitempty"`              // 招标范围
	// Form is what a bid must contain (投标文件格式); nil: the bid letter and files only.
	Form *tenderform.Form `json:"form,omitempty"`
}

// Terms are what a bid is checked against (tenderform.Check).
func (p *Params) Terms() tenderform.Terms {
	t := tenderform.Terms{Form: p.Form, Sections: make([]tenderform.Section, len(p.Sections)), PriceCeiling: p.PriceCeiling,
		DurationDays: p.DurationDays, Quality: p.Quality}
	for i, s := range p.Sections {
		t.Sections[i] = tenderform.Section{Name: s.Name, Label: s.Label, Required: s.Required}
	}
	if p.Deposit != nil {
		t.Deposit = &tenderform.Security{Amount: p.Deposit.Amount, Forms: p.Deposit.Forms}
	}
	return t
}

// File is a file of the tender document.
type File struct {
	ID    string `db:"id" json:"id"`
	Name  string `db:"name" json:"name"`
	Media string `db:"media" json:"media"`
	Size  int64  `db:"size" json:"size"`
	SM3   string `db:"sm3" json:"sm3"`
}

// Document is one version of a lot's tender document. Body is canonical JSON,
// and Digest is that of its bytes.
type Document struct {
	LotID    string
	Version  int
	Params   Params
	Files    []File
	Digest   string
	IssuedAt *time.Time
	Body     []byte
}

type documentBody struct {
	Lot     string `json:"lot"`
	Version int    `json:"version"`
	Params  Params `json:"params"`
	Files   []File `json:"files"`
	*Clarification
}

// Digest is "sm3:" and the hex SM3 of b.
func Digest(b []byte) string {
	d := sm3.Sum(b)
	return fmt.Sprintf("sm3:%x", d)
}

var sectionName = regexp.MustCompile(`^[a-z][a-z_]{0,30}$`)

// check refuses parameters that a later step would stumble over. All faults
// are reported at once, field by field.
func (p *Params) check() error {
	e := apperr.New(apperr.Invalid, "document.invalid", "招标文件的参数有误：请按每一项下面的提示改正。")
	seen := map[string]bool{}
	for _, s := range p.Sections {
		if !sectionName.MatchString(s.Name) || s.Name == "owner" || seen[s.Name] || s.Label == "" {
			e = e.With("sections", "每个部分要有不重复的名称(小写英文，不能是 owner)和中文标题。")
		}
		seen[s.Name] = true
	}
	if !seen["price"] || len(p.Sections) > 8 {
		e = e.With("sections", "投标文件要有报价部分(price)，部分不超过 8 个。")
	}
	if fault := p.sessionFault(); fault != "" {
		e = e.With("sections", fault)
	}
	for _, m := range []struct {
		field       string
		value       int
		least, most int
	}{{"decryptMinutes", p.DecryptMinutes, 5, 120}, {"sealCheckMinutes", p.SealCheckMinutes, 1, 60},
		{"objectionMinutes", p.ObjectionMinutes, 1, 60}, {"confirmMinutes", p.ConfirmMinutes, 1, 120},
		{"bidValidityDays", p.BidValidityDays, 1, 365}, {"durationDays", p.DurationDays, 1, 3650}} {
		if m.value < m.least || m.value > m.most {
			e = e.With(m.field, fmt.Sprintf("应在 %d 到 %d 之间。", m.least, m.most))
		}
	}
	if p.PriceCeiling != "" && !amount(p.PriceCeiling) {
		e = e.With("priceCeiling", "最高投标限价应为大于 0 的金额，单位元，最多两位小数。")
	}
	if p.Performance != "" && !share(p.Performance) {
		e = e.With("performancePercent", "履约保证金填占合同金额的百分比，0 到 100，最多两位小数。")
	}
	if p.Deposit != nil && (!amount(p.Deposit.Amount) || len(p.Deposit.Forms) == 0) {
		e = e.With("deposit", "投标保证金应写明金额（元）和可用的形式。")
	}
	if p.Coefficient != nil {
		if _, err := p.Coefficient.Values(); err != nil {
			ae, _ := apperr.From(err)
			e = e.With("coefficient", ae.Detail)
		}
	}
	if strings.TrimSpace(p.Quality) == "" {
		e = e.With("quality", "请写明质量要求，例如“合格”。")
	}
	for _, f := range p.Form.Problems(p.Terms().Sections) {
		if e.Fields[f.Field] == "" { // the first thing said about a field stands
			e = e.With(f.Field, f.Message)
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func amount(s string) bool {
	d, err := decimal.NewFromString(s)
	return err == nil && d.IsPositive() && d.Exponent() >= -2 && d.LessThan(decimal.New(1, 15))
}

// SetDocument writes the draft of the tender document. The bid security and
// the cash ban are checked at once (R13-1, R13-4). Errors: document.invalid,
// rule.ratio_max, document.deposit_cash_only, lot.state, lot.not_yours.
func (s *Service) SetDocument(ctx context.Context, who actor.Actor, lotID string, p Params) (*Document, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var doc *Document
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, row, err := s.lock(ctx, tx, who, lotID, "set_document")
		if err != nil {
			return err
		}
		if err := s.lawful(l, &Plan{IssuedAt: tx.Now(), Params: &p}); err != nil {
			return err
		}
		if doc, err = writeDocument(ctx, tx, l, p, nil, nil); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE lot SET document_version = $1, price_ceiling = $2, updated_at = $3 WHERE id = $4`,
			doc.Version, optionalAmount(p.PriceCeiling), tx.Now(), l.ID); err != nil {
			return fmt.Errorf("set document: %w", err)
		}
		tx.Record(evidence.Draft{Stream: l.Stream(), Kind: row.Emit, Actor: who,
			Fields: map[string]any{"version": doc.Version, "digest": doc.Digest, "params": p}})
		return nil
	})
	return doc, err
}

func optionalAmount(s string) *decimal.Decimal {
	if s == "" {
		return nil
	}
	d := decimal.RequireFromString(s)
	return &d
}

// writeDocument stores a version of the document with the files that belong to
// it: version 1 again and again while it is a draft, and each later one once,
// with what it changes.
func writeDocument(ctx context.Context, tx *evidence.Tx, l *Lot, p Params, issuedAt *time.Time, change *Clarification) (*Document, error) {
	files := []File{}
	if err := tx.SelectContext(ctx, &files, `SELECT id, name, media, size, sm3 FROM document_file
		WHERE lot_id = $1 AND removed_at IS NULL ORDER BY name, id`, l.ID); err != nil {
		return nil, fmt.Errorf("read files of the document: %w", err)
	}
	doc := &Document{LotID: l.ID, Version: 1, Params: p, Files: files, IssuedAt: issuedAt}
	row := Clarification{}
	if change != nil {
		doc.Version, row = l.DocumentVersion+1, *change
	}
	body, err := canon.Marshal(documentBody{Lot: l.ID, Version: doc.Version, Params: p, Files: files, Clarification: change})
	if err != nil {
		return nil, err
	}
	doc.Body, doc.Digest = body, Digest(body)
	if _, err := tx.ExecContext(ctx, `INSERT INTO document (lot_id, version, body, digest, issued_at, changes, affects_preparation, answers)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (lot_id, version) DO UPDATE SET body = excluded.body, digest = excluded.digest, issued_at = excluded.issued_at`,
		doc.LotID, doc.Version, doc.Body, doc.Digest, doc.IssuedAt, row.Changes, row.Affects, len(row.Answers)); err != nil {
		return nil, fmt.Errorf("write document: %w", err)
	}
	if issuedAt == nil {
		return doc, nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE document_file SET issued_in = $1 WHERE lot_id = $2 AND issued_in IS NULL AND removed_at IS NULL`,
		doc.Version, l.ID); err != nil {
		return nil, fmt.Errorf("issue files: %w", err)
	}
	return doc, nil
}

type queryer interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

func readDocument(ctx context.Context, q queryer, lotID string) (*Document, error) {
	var row struct {
		Version  int        `db:"version"`
		Body     []byte     `db:"body"`
		Digest   string     `db:"digest"`
		IssuedAt *time.Time `db:"issued_at"`
	}
	err := q.GetContext(ctx, &row, `SELECT version, body, digest, issued_at FROM document WHERE lot_id = $1 ORDER BY version DESC LIMIT 1`, lotID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, apperr.New(apperr.NotFound, "document.not_found", "这个标段还没有招标文件。")
	}
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	var b documentBody
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return nil, fmt.Errorf("decode document of lot %s: %w", lotID, err)
	}
	return &Document{LotID: lotID, Version: row.Version, Params: b.Params, Files: b.Files, Digest: row.Digest,
		IssuedAt: row.IssuedAt, Body: row.Body}, nil
}

// Document reads the newest version of the lot's document.
func (s *Service) Document(ctx context.Context, lotID string) (*Document, error) {
	return readDocument(ctx, s.store.DB(), lotID)
}

// DocumentIn is Document within a transaction of the caller.
func DocumentIn(ctx context.Context, tx *evidence.Tx, lotID string) (*Document, error) {
	return readDocument(ctx, tx, lotID)
}

// OpenFile gives a file of any issued version of the document, and to its host
// those that are not issued yet.
func (s *Service) OpenFile(ctx context.Context, who actor.Actor, lotID, fileID string) (*File, io.ReadCloser, error) {
	l, err := s.Get(ctx, lotID)
	if err != nil {
		return nil, nil, err
	}
	if l.PublishedAt == nil && !l.HostedBy(who) {
		return nil, nil, ErrNotFound()
	}
	var f File
	if _, perr := uuid.Parse(fileID); perr == nil {
		err = s.store.DB().GetContext(ctx, &f, `SELECT id, name, media, size, sm3 FROM document_file
			WHERE lot_id = $1 AND id = $2 AND (issued_in IS NOT NULL OR $3)`, l.ID, fileID, l.HostedBy(who))
	}
	if errors.Is(err, sql.ErrNoRows) || f.ID == "" {
		return nil, nil, apperr.New(apperr.NotFound, "document.file_not_found", "没有找到这个文件：请回到标段页面重新下载。")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read file of document: %w", err)
	}
	r, err := s.files.Open(ctx, f.ID)
	return &f, r, err
}
