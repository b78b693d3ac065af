package lot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/rule"
)

// The kinds of objection to a document.
const (
	kindObjection = "objection" // 异议 (工程)
	kindChallenge = "challenge" // 质疑 (政府采购)
)

// Objection is an objection to the tender document (对招标文件的异议), or a
// challenge (质疑) in government procurement.
type Objection struct {
	ID         string     `db:"id"`
	LotID      string     `db:"lot_id"`
	Kind       string     `db:"kind"`
	Name       *string    `db:"name"` // of who signed it; for the host and the authorities
	Subject    string     `db:"subject"`
	Text       string     `db:"text"`
	ReceivedAt time.Time  `db:"received_at"`
	DueAt      time.Time  `db:"due_at"`
	Answer     *string    `db:"answer"`
	AnsweredBy *string    `db:"answered_by"`
	AnsweredAt *time.Time `db:"answered_at"`
	Mine       bool       `db:"mine"`
	Basis      string     `db:"-"` // of the time for the answer
}

// ObjectionKind is what the law of the lot's project calls it.
func (l *Lot) ObjectionKind() string {
	if l.Project.Kind == string(rule.Procurement) {
		return kindChallenge
	}
	return kindObjection
}

// ObjectionInput is an objection as it is raised. A challenge is always signed;
// an objection only if Signed, and otherwise nobody is told whose it is.
type ObjectionInput struct {
	Subject string
	Text    string
	Signed  bool
}

func (in *ObjectionInput) check(who actor.Actor) error {
	if !who.In(actor.Bidder) || !who.Certified {
		return errUncertified()
	}
	in.Subject, in.Text = strings.TrimSpace(in.Subject), strings.TrimSpace(in.Text)
	e := apperr.New(apperr.Invalid, "objection.invalid", "请写明事项和理由。")
	if in.Subject == "" || len([]rune(in.Subject)) > 200 {
		e = e.With("subject", "必填，不超过 200 字。")
	}
	if in.Text == "" || len([]rune(in.Text)) > 5000 {
		e = e.With("text", "必填，不超过 5000 字。")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

type getter interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// raiseBy is until when an objection may be raised: counted back from the
// deadline in engineering; in procurement from when the document was to be had,
// which the platform takes to be the end of its sale or the last change.
func (s *Service) raiseBy(ctx context.Context, q getter, l *Lot) (*rule.Due, error) {
	if l.BidDeadline == nil {
		return nil, nil
	}
	from := *l.BidDeadline
	if l.Project.Kind == string(rule.Procurement) {
		var last time.Time
		if err := q.GetContext(ctx, &last, `SELECT max(issued_at) FROM document WHERE lot_id = $1`, l.ID); err != nil {
			return nil, fmt.Errorf("read the last version: %w", err)
		}
		if from = *l.SaleEnd; last.After(from) {
			from = last
		}
	}
	due, err := s.periods.Due(l.law().Raise, from)
	return &due, err
}

// RaiseBy is until when the lot's document may be objected to.
func (s *Service) RaiseBy(ctx context.Context, l *Lot) (*rule.Due, error) {
	return s.raiseBy(ctx, s.store.DB(), l)
}

// Object raises an objection to the document. In engineering the tender is
// suspended until it is answered (招标投标法实施条例 22). Errors:
// question.not_certified, objection.invalid, objection.names_objector,
// objection.too_late, objection.too_many, lot.state, lot.after_deadline.
func (s *Service) Object(ctx context.Context, who actor.Actor, id string, in ObjectionInput) (*Objection, error) {
	if err := in.check(who); err != nil {
		return nil, err
	}
	o := &Objection{ID: uuid.NewString(), Kind: kindObjection, Subject: in.Subject, Text: in.Text, Mine: true}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, row, err := s.lock(ctx, tx, who, id, "object_document")
		if err != nil {
			return err
		}
		return s.object(ctx, tx, who, l, in, o, row.Emit)
	})
	return o, err
}

func (s *Service) object(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, in ObjectionInput, o *Objection, kind string) error {
	if l.ObjectionKind() == kindChallenge {
		o.Kind, in.Signed, kind = kindChallenge, true, "challenge.received"
	}
	if in.Signed {
		o.Name = &who.OrganisationName
	} else if namesItself(who, in.Subject, in.Text) {
		return apperr.New(apperr.Invalid, "objection.names_objector", "没有署名的异议会原样公布：请去掉其中的单位名称和统一社会信用代码，或者选择署名。").
			With("text", "请去掉单位名称和统一社会信用代码。").By("招标投标法第二十二条")
	}
	now := tx.Now()
	if err := s.raisable(ctx, tx, l, now); err != nil {
		return err
	}
	due, err := s.periods.Due(l.law().Answer, now)
	if err != nil {
		return err
	}
	tag, err := s.asker(l, who)
	if err != nil {
		return err
	}
	var open int
	if err := tx.GetContext(ctx, &open, `SELECT count(*) FROM document_objection WHERE lot_id = $1 AND objector = $2 AND answer IS NULL`, l.ID, tag); err != nil {
		return fmt.Errorf("count objections: %w", err)
	}
	if open > 0 {
		return apperr.New(apperr.TooMany, "objection.too_many", "贵单位对这份招标文件的异议还没有答复：请等待答复，再提出新的。")
	}
	o.LotID, o.ReceivedAt, o.DueAt, o.Basis = l.ID, now, due.At, due.Rule.Article()
	if _, err := tx.ExecContext(ctx, `INSERT INTO document_objection (id, lot_id, kind, objector, name, subject, text, received_at, due_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, o.ID, l.ID, o.Kind, tag, o.Name, o.Subject, o.Text, now, o.DueAt); err != nil {
		return fmt.Errorf("raise objection: %w", err)
	}
	fields := map[string]any{"objection": o.ID, "subject": o.Subject, "text": o.Text, "due": stamp(o.DueAt)}
	if o.Name != nil {
		fields["name"] = *o.Name
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: kind, Actor: anonymous(), Fields: fields})
	if o.Kind == kindChallenge {
		return nil
	}
	return s.halt(ctx, tx, l, Suspension{Cause: causeObjection, Reason: "收到对招标文件的异议，答复之前暂停招标投标活动"}, &o.ID)
}

// raisable refuses an objection that comes too late by the law.
func (s *Service) raisable(ctx context.Context, tx *evidence.Tx, l *Lot, now time.Time) error {
	due, err := s.raiseBy(ctx, tx, l)
	if err != nil {
		return err
	}
	if !now.After(due.At) {
		return nil
	}
	return apperr.New(apperr.Precondition, "objection.too_late", "提出的时间已过：%s。对招标文件还有疑问的，可以提问。", due.Bound).By(due.Rule.Article())
}

// AnswerDocumentObjection answers an objection to the document. The answer to
// the last one ends the suspension that they caused; if the deadline passed
// meanwhile the lot waits until it is postponed. A late answer is an answer, and
// the check says that it was late. Errors: lot.answer_missing,
// objection.not_found, objection.answered, objection.none_open, lot.state.
func (s *Service) AnswerDocumentObjection(ctx context.Context, who actor.Actor, id, objection, answer string) error {
	if answer = strings.TrimSpace(answer); answer == "" || len([]rune(answer)) > 5000 {
		return apperr.New(apperr.Invalid, "lot.answer_missing", "请写明答复，不超过 5000 字。").With("text", "必填，不超过 5000 字。")
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, row, err := s.lock(ctx, tx, who, id, "answer_document_objection")
		if err != nil {
			return err
		}
		return s.answer(ctx, tx, who, l, objection, answer, row.Emit)
	})
}

const objectionColumns = `id, lot_id, kind, name, subject, text, received_at, due_at, answer, answered_by, answered_at`

func (s *Service) answer(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, objection, answer, kind string) error {
	var o Objection
	missing := apperr.New(apperr.NotFound, "objection.not_found", "没有找到这项异议：请刷新页面。")
	if _, err := uuid.Parse(objection); err != nil {
		return missing
	}
	err := tx.GetContext(ctx, &o, `SELECT `+objectionColumns+`, false AS mine FROM document_objection WHERE lot_id = $1 AND id = $2`, l.ID, objection)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return missing
	case err != nil:
		return fmt.Errorf("read objection: %w", err)
	case o.Answer != nil:
		return apperr.New(apperr.Conflict, "objection.answered", "这项异议已经答复过了。")
	}
	if _, err := tx.ExecContext(ctx, `UPDATE document_objection SET answer = $1, answered_by = $2, answered_at = $3 WHERE id = $4`,
		answer, who.OrganisationName, tx.Now(), o.ID); err != nil {
		return fmt.Errorf("answer objection: %w", err)
	}
	if o.Kind == kindChallenge {
		kind = "challenge.answered"
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: kind, Actor: who, Fields: map[string]any{"objection": o.ID, "text": answer}})
	c, err := s.checkPeriod(l.law().Answer, o.ReceivedAt, tx.Now())
	if err != nil {
		return err
	}
	if err := keepChecks(ctx, tx, l, "answer_document_objection", c); err != nil {
		return err
	}
	if o.Kind == kindChallenge {
		return nil
	}
	if l.State == Published && !tx.Now().Before(*l.BidDeadline) {
		if err := s.halt(ctx, tx, l, Suspension{Cause: causeDeadline, Reason: "投标截止时间在暂停期间届满，推迟之后恢复"}, nil); err != nil {
			return err
		}
	}
	return lift(ctx, tx, who, l, causeObjection, "objection_id = $2", o.ID)
}

// Objections are those that the actor may read. The host and the authorities of
// the lot read all; who raised one reads it; an unsigned one that was answered
// is everybody's.
func (s *Service) Objections(ctx context.Context, who actor.Actor, id string) ([]Objection, error) {
	l, tag, err := s.readerOf(ctx, who, id)
	if err != nil {
		return nil, err
	}
	out := []Objection{}
	if err := s.store.DB().SelectContext(ctx, &out, `SELECT `+objectionColumns+`, objector = $2 AS mine FROM document_objection
		WHERE lot_id = $1 AND ((answer IS NOT NULL AND name IS NULL) OR objector = $2 OR $3) ORDER BY received_at, id`,
		l.ID, tag, l.HostedBy(who) || l.Supervises(who)); err != nil {
		return nil, fmt.Errorf("read objections: %w", err)
	}
	if len(out) == 0 {
		return out, nil
	}
	r, err := s.periods.Due(l.law().Answer, *l.PublishedAt)
	for i := range out {
		out[i].Basis = r.Rule.Article()
	}
	return out, err
}
