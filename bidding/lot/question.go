package lot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// maxQuestions is how many questions one firm may ask about one lot.
const maxQuestions = 50

// Question is a question about the document (提问；政府采购称询问). Nobody is told
// who asked, only he himself that he did.
type Question struct {
	ID       string     `db:"id"`
	Text     string     `db:"text"`
	AskedOn  time.Time  `db:"asked_on"` // the day
	Answer   *string    `db:"answer"`
	Answered *int       `db:"answered_in"` // the version with the answer
	Mine     bool       `db:"mine"`
	Due      *time.Time `db:"-"` // where the law sets a time for the answer
	Basis    string     `db:"-"`
}

// errUncertified refuses who is not a certified firm.
func errUncertified() error {
	return apperr.New(apperr.Forbidden, "question.not_certified", "只有经过核验的单位可以提出：请先完成单位核验。")
}

// asker is what a row keeps of the firm that asks or objects.
func (s *Service) asker(l *Lot, who actor.Actor) ([]byte, error) {
	return s.keys.Tag(l.ID, []byte("asker/"+who.OrganisationID))
}

// anonymous is a firm of which the record says nothing but its role.
func anonymous() actor.Actor { return actor.Actor{Role: actor.Bidder} }

// namesItself says whether a text names the firm, so that it would tell all who asked.
func namesItself(who actor.Actor, texts ...string) bool {
	for _, t := range texts {
		if who.OrganisationName != "" && strings.Contains(t, who.OrganisationName) || who.USCC != "" && strings.Contains(strings.ToUpper(t), who.USCC) {
			return true
		}
	}
	return false
}

// Ask puts a question. Its event keeps commitments only, and of the time the
// day: who prepares a bid must not be read from the record before the roster.
// Errors: question.not_certified, question.invalid, question.names_asker,
// question.too_many, lot.state, lot.after_deadline.
func (s *Service) Ask(ctx context.Context, who actor.Actor, id, text string) (*Question, error) {
	text = strings.TrimSpace(text)
	switch {
	case !who.In(actor.Bidder) || !who.Certified:
		return nil, errUncertified()
	case text == "" || len([]rune(text)) > 2000:
		return nil, apperr.New(apperr.Invalid, "question.invalid", "请写明问题，不超过 2000 字。").With("text", "必填，不超过 2000 字。")
	case namesItself(who, text):
		return nil, apperr.New(apperr.Invalid, "question.names_asker", "问题会原样公布：请去掉其中的单位名称和统一社会信用代码，以免透露贵单位参加投标。").
			With("text", "请去掉单位名称和统一社会信用代码。").By("招标投标法第二十二条")
	}
	q := &Question{ID: uuid.NewString(), Text: text, Mine: true}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, row, err := s.lock(ctx, tx, who, id, "ask")
		if err != nil {
			return err
		}
		tag, err := s.asker(l, who)
		if err != nil {
			return err
		}
		var asked int
		if err := tx.GetContext(ctx, &asked, `SELECT count(*) FROM question WHERE lot_id = $1 AND asker = $2`, l.ID, tag); err != nil {
			return fmt.Errorf("count questions: %w", err)
		}
		if asked >= maxQuestions {
			return apperr.New(apperr.TooMany, "question.too_many", "贵单位对这个标段已经提出 %d 个问题：请等待答复。", maxQuestions)
		}
		q.AskedOn = evidence.Day(tx.Now())
		if _, err := tx.ExecContext(ctx, `INSERT INTO question (id, lot_id, asker, text, asked_on) VALUES ($1, $2, $3, $4, $5)`,
			q.ID, l.ID, tag, q.Text, q.AskedOn.In(evidence.Beijing).Format(time.DateOnly)); err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		tx.Record(evidence.Draft{Stream: "question/" + q.ID, Kind: row.Emit, Actor: anonymous(), Secret: true,
			Fields: map[string]any{"lot": l.ID, "text": q.Text, "organisation": who.OrganisationID}})
		return nil
	})
	return q, err
}

// readerOf is the lot for whoever reads its questions and objections, with the
// tag by which a bidder finds his own; empty for everybody else.
func (s *Service) readerOf(ctx context.Context, who actor.Actor, id string) (l *Lot, tag []byte, err error) {
	if l, err = s.Get(ctx, id); err != nil {
		return nil, nil, err
	}
	if l.PublishedAt == nil && !l.HostedBy(who) {
		return nil, nil, ErrNotFound()
	}
	tag = []byte{}
	if l.PublishedAt != nil && who.In(actor.Bidder) {
		tag, err = s.asker(l, who)
	}
	return l, tag, err
}

// Questions are those that the actor may read: answered ones everybody, open
// ones the host, the authorities of the lot and who asked.
func (s *Service) Questions(ctx context.Context, who actor.Actor, id string) ([]Question, error) {
	l, tag, err := s.readerOf(ctx, who, id)
	if err != nil {
		return nil, err
	}
	out := []Question{}
	if err := s.store.DB().SelectContext(ctx, &out, `SELECT id, text, asked_on, answer, answered_in, asker = $2 AS mine
		FROM question WHERE lot_id = $1 AND (answer IS NOT NULL OR asker = $2 OR $3) ORDER BY asked_on, id`,
		l.ID, tag, l.HostedBy(who) || l.Supervises(who)); err != nil {
		return nil, fmt.Errorf("read questions: %w", err)
	}
	for i := range out {
		if err := s.askDue(l, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// askDue sets when an open question must be answered by, where the law says so.
func (s *Service) askDue(l *Lot, q *Question) error {
	code := l.law().Ask
	if code == "" || q.Answer != nil {
		return nil
	}
	due, err := s.periods.Due(code, startOfDay(q.AskedOn))
	q.Due, q.Basis = &due.At, due.Rule.Article()
	return err
}

// answerQuestions marks the questions that a version answers.
func answerQuestions(ctx context.Context, tx *evidence.Tx, l *Lot, list []ClarifyAnswer, version int) error {
	for _, a := range list {
		if _, err := tx.ExecContext(ctx, `UPDATE question SET answer = $1, answered_in = $2 WHERE lot_id = $3 AND id = $4`, a.Answer, version, l.ID, a.Question); err != nil {
			return fmt.Errorf("answer question: %w", err)
		}
	}
	return nil
}

// startOfDay is the beginning in Beijing of a date that the database gave.
func startOfDay(date time.Time) time.Time {
	return time.Date(date.Year(), date.Month(), date.Day(), 0, 0, 0, 0, evidence.Beijing)
}
