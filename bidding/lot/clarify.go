package lot

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

// Answer is the answer to a question, as all bidders read it.
type Answer struct {
	Question string `json:"question"` // its text; nobody is named
	Answer   string `json:"answer"`
}

// Clarification (澄清、修改) is what a version after the first says.
type Clarification struct {
	Changes string   `json:"changes,omitempty"`
	Affects bool     `json:"affectsPreparation"` // 影响投标文件编制
	Answers []Answer `json:"answers"`
}

// Version is one issued version of a document, in a list.
type Version struct {
	Version  int        `db:"version" json:"version"`
	IssuedAt *time.Time `db:"issued_at" json:"-"`
	Digest   string     `db:"digest" json:"digest"`
	Changes  string     `db:"changes" json:"changes"`
	Affects  bool       `db:"affects_preparation" json:"affectsPreparation"`
	Answers  int        `db:"answers" json:"answers"`
}

// Versions are the issued versions of the lot's document, in order.
func (s *Service) Versions(ctx context.Context, lotID string) ([]Version, error) {
	out := []Version{}
	err := s.store.DB().SelectContext(ctx, &out, `SELECT version, issued_at, digest, changes, affects_preparation, answers
		FROM document WHERE lot_id = $1 AND issued_at IS NOT NULL ORDER BY version`, lotID)
	if err != nil {
		return nil, fmt.Errorf("read versions of the document: %w", err)
	}
	return out, nil
}

// ClarifyAnswer answers a question by its id.
type ClarifyAnswer struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// ClarifyInput is a clarification as the host writes it. Files that were added
// since the last version belong to it; RemoveFiles do not any more.
type ClarifyInput struct {
	Answers     []ClarifyAnswer `json:"answers"`
	Changes     string          `json:"changes"`
	Params      *Params         `json:"params"` // nil: unchanged
	RemoveFiles []string        `json:"removeFiles"`
	Affects     bool            `json:"affectsPreparation"`
	To          *time.Time      `json:"to"` // a later deadline; nil: unchanged
}

func (in *ClarifyInput) check() error {
	e := apperr.New(apperr.Invalid, "lot.clarification_invalid", "澄清的内容不完整：请按提示补充。")
	in.Changes = strings.TrimSpace(in.Changes)
	if len([]rune(in.Changes)) > 20_000 {
		e = e.With("changes", "不超过 2 万字。")
	}
	if in.Changes == "" && (in.Params != nil || len(in.RemoveFiles) > 0 || len(in.Answers) == 0) {
		e = e.With("changes", "请写明改了什么；没有改动的，至少答复一个问题。")
	}
	for i := range in.Answers {
		a := &in.Answers[i]
		if a.Answer = strings.TrimSpace(a.Answer); a.Answer == "" || len([]rune(a.Answer)) > 5000 {
			e = e.With("answers", "每个答复都要填写，不超过 5000 字。")
		}
		if _, err := uuid.Parse(a.Question); err != nil {
			e = e.With("answers", "没有找到所答复的问题：请刷新页面。")
		}
	}
	if len(in.RemoveFiles) > 200 || len(in.Answers) > 500 {
		e = e.With("answers", "一次最多答复 500 个问题、撤换 200 个文件。")
	}
	if len(e.Fields) > 0 {
		return e
	}
	if in.Params != nil {
		return in.Params.check()
	}
	return nil
}

// Clarify issues a new version of the document: answers to all, and what is
// changed. One that affects the preparation of bids and comes too late is
// refused, unless the deadline moves with it (招标投标法 23; R11-1, R11-2). Bids
// that are sealed for an older version stay what they are. Errors:
// lot.clarification_invalid, lot.clarification_affects,
// lot.clarification_too_late, lot.question_answered, lot.not_later,
// document.invalid, lot.state.
func (s *Service) Clarify(ctx context.Context, who actor.Actor, id string, in ClarifyInput) (*Document, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	var doc *Document
	err := s.store.Change(ctx, func(tx *evidence.Tx) (err error) {
		l, row, err := s.lock(ctx, tx, who, id, "clarify")
		if err != nil {
			return err
		}
		doc, err = s.clarify(ctx, tx, who, l, in, row.Emit)
		return err
	})
	return doc, err
}

func (s *Service) clarify(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, in ClarifyInput, kind string) (*Document, error) {
	old, err := readDocument(ctx, tx, l.ID)
	if err != nil {
		return nil, err
	}
	params := old.Params
	if in.Params != nil {
		params = *in.Params
		if err := s.lawful(l, &Plan{IssuedAt: *l.PublishedAt, Params: &params}); err != nil {
			return nil, err
		}
	}
	if err := affects(old.Params, params, in.Affects); err != nil {
		return nil, err
	}
	if err := s.inTime(l, in, tx.Now()); err != nil {
		return nil, err
	}
	answers, err := questionsOf(ctx, tx, l, in.Answers)
	if err != nil {
		return nil, err
	}
	if err := removeFiles(ctx, tx, l, in.RemoveFiles); err != nil {
		return nil, err
	}
	now := tx.Now()
	doc, err := writeDocument(ctx, tx, l, params, &now, &Clarification{Changes: in.Changes, Affects: in.Affects, Answers: answers})
	if err != nil {
		return nil, err
	}
	if err := answerQuestions(ctx, tx, l, in.Answers, doc.Version); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE lot SET document_version = $1, price_ceiling = $2, updated_at = $3 WHERE id = $4`,
		doc.Version, optionalAmount(params.PriceCeiling), now, l.ID); err != nil {
		return nil, fmt.Errorf("issue version %d: %w", doc.Version, err)
	}
	l.DocumentVersion = doc.Version
	return doc, s.issue(ctx, tx, who, l, in, doc, kind)
}

// issue publishes a clarification that was written, and moves the deadline if
// it is to.
func (s *Service) issue(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, in ClarifyInput, doc *Document, kind string) error {
	from := *l.BidDeadline
	if in.To != nil {
		if err := s.mayMove(tx, l, *in.To); err != nil {
			return err
		}
	}
	notice, err := s.PublishNotice(ctx, tx, l, NoticeText{Kind: noticeClarification,
		Title: fmt.Sprintf("%s %s澄清公告（%s第 %d 版）", l.Project.Name, l.Name, l.Project.Words().Document, doc.Version), Body: l.clarificationText(in, doc, from)})
	if err != nil {
		return err
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: kind, Actor: who, Fields: map[string]any{
		"version": doc.Version, "digest": doc.Digest, "changes": in.Changes, "answers": len(in.Answers), "affectsPreparation": in.Affects,
		"number": notice.Number, "noticeDigest": notice.Digest}})
	if in.To != nil {
		if err := postpone(ctx, tx, who, l, from, fmt.Sprintf("%s第 %d 版澄清、修改", l.Project.Words().Document, doc.Version), notice); err != nil {
			return err
		}
	}
	return s.recheck(ctx, tx, l, "clarify")
}

// clarificationText is the body of the notice of a clarification.
func (l *Lot) clarificationText(in ClarifyInput, doc *Document, from time.Time) string {
	var b strings.Builder
	name := l.Project.Words().Document
	if in.Changes != "" {
		fmt.Fprintf(&b, "修改内容：\n%s\n", in.Changes)
	}
	if n := len(in.Answers); n > 0 {
		fmt.Fprintf(&b, "答复问题 %d 个，全文见%s第 %d 版。\n", n, name, doc.Version)
	}
	if in.To != nil {
		fmt.Fprintf(&b, "投标截止时间和开标时间由%s推迟到%s。\n", spoken(from), spoken(*l.BidDeadline))
	} else {
		fmt.Fprintf(&b, "投标截止时间和开标时间不变：%s。\n", spoken(*l.BidDeadline))
	}
	fmt.Fprintf(&b, "此前已经提交投标文件的，请按%s第 %d 版核对，需要时在截止时间前替换。", name, doc.Version)
	return b.String()
}

// affects refuses a change of what bids must meet that is said not to affect
// them. Only the minutes of the opening are the platform's own business.
func affects(before, after Params, said bool) error {
	if said {
		return nil
	}
	for _, p := range []*Params{&before, &after} {
		p.DecryptMinutes, p.SealCheckMinutes, p.ObjectionMinutes, p.ConfirmMinutes = 0, 0, 0, 0
	}
	a, err := canon.Marshal(before)
	if err != nil {
		return err
	}
	b, err := canon.Marshal(after)
	if err != nil || bytes.Equal(a, b) {
		return err
	}
	return apperr.New(apperr.Precondition, "lot.clarification_affects", "修改了投标文件必须响应的内容（各部分、限价、工期、质量、保证金等），属于影响投标文件编制的修改：请选择“影响”。").
		With("affectsPreparation", "请选择“影响投标文件编制”。").By("招标投标法实施条例第二十一条")
}

// inTime judges the deadline that a clarification leaves: a lawful time after
// it if it affects bids, and not in the past in any case.
func (s *Service) inTime(l *Lot, in ClarifyInput, now time.Time) error {
	deadline := *l.BidDeadline
	if in.To != nil {
		deadline = in.To.Truncate(time.Second)
		if !deadline.After(*l.BidDeadline) {
			return errNotLater()
		}
	}
	due, err := s.periods.Due(l.law().Clarify, now)
	if err != nil {
		return err
	}
	if deadline.After(now) && (!in.Affects || s.periods.CheckMin(due.Rule.Code, now, deadline) == nil) {
		return nil
	}
	earliest := now
	if in.Affects {
		earliest = due.First(*l.BidDeadline)
	}
	earliest = s.atHour(earliest, deadline)
	if !earliest.After(now) {
		earliest = s.atHour(now.AddDate(0, 0, 1), deadline)
	}
	e := apperr.New(apperr.Precondition, "lot.clarification_too_late", "投标截止时间在暂停期间已过，发出澄清、修改要同时推迟：最早可以推迟到%s。", spoken(earliest))
	if in.Affects {
		e = apperr.New(apperr.Precondition, "lot.clarification_too_late", "澄清、修改影响投标文件编制的，距投标截止时间不得少于 %s；截止时间是%s，必须顺延：最早可以推迟到%s。",
			daysOf(due.Rule), spoken(deadline), spoken(earliest)).By(due.Rule.Article())
	}
	return e.With("to", "请选择"+spoken(earliest)+"或者更晚的时间。").With("earliest", stamp(earliest))
}

// atHour is the first working day on or after that of t, at the hour of like.
func (s *Service) atHour(t, like time.Time) time.Time {
	return s.periods.Calendar().Next(workday.DayOf(t)).Start().Add(like.Sub(workday.DayOf(like).Start()))
}

func daysOf(r rule.Rule) string {
	unit := "日"
	if r.Unit == rule.Workday {
		unit = "个工作日"
	}
	return fmt.Sprintf("%d %s", r.N, unit)
}

// removeFiles takes files out of the coming version; older versions keep them.
func removeFiles(ctx context.Context, tx *evidence.Tx, l *Lot, ids []string) error {
	for _, id := range ids {
		bad := apperr.New(apperr.NotFound, "document.file_not_found", "没有找到要撤换的文件：请刷新页面。").With("removeFiles", "请重新选择。")
		if _, err := uuid.Parse(id); err != nil {
			return bad
		}
		res, err := tx.ExecContext(ctx, `UPDATE document_file SET removed_at = $1 WHERE lot_id = $2 AND id = $3 AND removed_at IS NULL`, tx.Now(), l.ID, id)
		if err != nil {
			return fmt.Errorf("remove file: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return bad
		}
	}
	return nil
}

// questionsOf reads the texts of the questions that are answered; each must be
// open and of this lot.
func questionsOf(ctx context.Context, tx *evidence.Tx, l *Lot, list []ClarifyAnswer) ([]Answer, error) {
	out := []Answer{}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].Question
	}
	var rows []struct {
		ID   string `db:"id"`
		Text string `db:"text"`
	}
	if err := tx.SelectContext(ctx, &rows, `SELECT id, text FROM question WHERE lot_id = $1 AND id = ANY($2) AND answer IS NULL`, l.ID, pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("read questions: %w", err)
	}
	texts := map[string]string{}
	for _, r := range rows {
		texts[r.ID] = r.Text
	}
	for _, a := range list {
		text, ok := texts[strings.ToLower(a.Question)]
		if !ok {
			return nil, apperr.New(apperr.Conflict, "lot.question_answered", "有的问题已经答复过了：请刷新页面。").With("answers", "请刷新页面后再答复。")
		}
		delete(texts, strings.ToLower(a.Question)) // once
		out = append(out, Answer{Question: text, Answer: a.Answer})
	}
	return out, nil
}

// ClarificationPlan is what a clarification would mean now, before it is given.
type ClarificationPlan struct {
	Now       time.Time
	Deadline  time.Time // as it is
	Rule      string
	Name      string
	Basis     string
	Bound     string    // in Chinese
	Earliest  time.Time // the earliest lawful deadline of one that affects bids, at the same hour, on a working day
	OK        bool      // with To, or with the deadline as it is
	Refusal   *apperr.Error
	Checks    []PeriodCheck // every minimum that depends on the deadline, with the new one
	Raise     *rule.Due     // until when the document may be objected to then
	RaiseKind string        // 异议 or 质疑
}

// PlanClarification computes what the host sees while he writes.
func (s *Service) PlanClarification(ctx context.Context, who actor.Actor, id string, affecting bool, to *time.Time) (*ClarificationPlan, error) {
	l, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	var now time.Time
	if err := s.store.DB().GetContext(ctx, &now, `SELECT legal_now()`); err != nil {
		return nil, fmt.Errorf("read the legal time: %w", err)
	}
	if l.PublishedAt == nil && !l.HostedBy(who) {
		return nil, ErrNotFound()
	}
	if err := authorise(l, who); err != nil {
		return nil, err
	}
	if _, err := Table.Next(l.State, "clarify", who.Role, facts(l, who, now)); err != nil {
		return nil, err
	}
	return s.planClarification(ctx, l, now, affecting, to)
}

func (s *Service) planClarification(ctx context.Context, l *Lot, now time.Time, affecting bool, to *time.Time) (*ClarificationPlan, error) {
	due, err := s.periods.Due(l.law().Clarify, now)
	if err != nil {
		return nil, err
	}
	p := &ClarificationPlan{RaiseKind: l.ObjectionKind(), Now: now, Deadline: *l.BidDeadline, Rule: due.Rule.Code, Name: due.Rule.Name, Basis: due.Rule.Article(), Bound: due.Bound}
	p.Earliest = s.atHour(due.First(*l.BidDeadline), *l.BidDeadline)
	refusal := s.inTime(l, ClarifyInput{Affects: affecting, To: to}, now)
	p.Refusal, _ = apperr.From(refusal)
	if p.OK = refusal == nil; !p.OK && p.Refusal == nil {
		return nil, refusal
	}
	var issued []time.Time
	if err := s.store.DB().SelectContext(ctx, &issued, `SELECT issued_at FROM document WHERE lot_id = $1 AND affects_preparation ORDER BY version`, l.ID); err != nil {
		return nil, fmt.Errorf("read versions that affect bids: %w", err)
	}
	if affecting {
		issued = append(issued, now)
	}
	if to != nil {
		l.BidDeadline = to
	}
	if p.Checks, err = s.minimums(ctx, s.store.DB(), l, issued); err != nil {
		return nil, err
	}
	raise, err := s.raiseBy(ctx, s.store.DB(), l)
	p.Raise = raise
	return p, err
}
