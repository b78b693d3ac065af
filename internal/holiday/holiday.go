// Package holiday keeps the holiday notices (放假通知) that administrators
// import, and with them the working calendar in force: what the program brings,
// with the newest approved notice of each year in the place of its own.
//
// A notice moves deadlines everywhere, so it takes two: the system administrator
// proposes it, the security administrator approves it. Results that were
// computed before stay as they are in the evidence.
package holiday

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
	"jianbiao/internal/workday"
)

// The states of a notice.
const (
	Pending  = "pending"  // 待批准
	Approved = "approved" // 已批准
	Rejected = "rejected" // 已驳回
)

const basisThree = "GB/T 22239-2019 8.1.5（系统管理、审计管理、安全管理）"

// Notice is one version of a year's notice.
type Notice struct {
	ID         string     `db:"id"`
	Year       int        `db:"year"`
	Version    int        `db:"version"`
	Title      string     `db:"title"`
	Number     string     `db:"number"` // 发文字号
	Text       string     `db:"text"`   // as it was pasted
	Digest     string     `db:"digest"` // sha256: of Text
	Days       []byte     `db:"days"`
	State      string     `db:"state"`
	ProposedBy string     `db:"proposed_by"`
	Proposer   string     `db:"proposer"`
	ProposedAt time.Time  `db:"proposed_at"`
	Decider    *string    `db:"decider"`
	DecidedAt  *time.Time `db:"decided_at"`
	Reason     *string    `db:"reason"`
	Effect     *int64     `db:"effect"` // order in which notices took effect
}

// File is the notice for the calendar.
func (n *Notice) File() (workday.File, error) { return workday.ParseFile(n.Days) }

// Service is the only writer of holiday notices, and knows the calendar in
// force.
type Service struct {
	store   *evidence.Store
	log     *slog.Logger
	current atomic.Pointer[state]
}

// state is a calendar and the last effect it was made with.
type state struct {
	calendar *workday.Calendar
	effect   int64
}

// NewService wires the package; until Refresh the calendar is the program's own.
func NewService(store *evidence.Store, log *slog.Logger) *Service {
	s := &Service{store: store, log: log}
	s.current.Store(&state{calendar: workday.Default()})
	return s
}

// Calendar is the working calendar in force.
func (s *Service) Calendar() *workday.Calendar { return s.current.Load().calendar }

// Input is a notice as an administrator brings it: the official text, or, with
// Table, one day a line and the year and number beside it.
type Input struct {
	Text   string
	Table  bool
	Year   int    // of a table
	Number string // 发文字号; of a text only where the text has none
}

// Read reads the notice without writing anything. Code: holiday.empty.
func (in Input) Read() (workday.Paper, error) {
	if strings.TrimSpace(in.Text) == "" {
		const detail = "请粘贴通知正文或者表格。"
		return workday.Paper{}, apperr.New(apperr.Invalid, "holiday.empty", detail).With("text", detail)
	}
	if utf8.RuneCountInString(in.Number) > 60 {
		const detail = "发文字号过长。"
		return workday.Paper{}, apperr.New(apperr.Invalid, "holiday.number", detail).With("number", detail)
	}
	if in.Table {
		return workday.ParseTable(in.Year, strings.TrimSpace(in.Number), in.Text), nil
	}
	p := workday.ParsePaper(in.Text)
	if p.Number == "" && in.Number != "" {
		p.Number = strings.TrimSpace(in.Number)
		p.File.Papers = []string{p.Number}
	}
	return p, nil
}

// With is the calendar as it would be with this notice in the place of the
// year's. Refusals: those of workday.With.
func (s *Service) With(ctx context.Context, f workday.File) (*workday.Calendar, error) {
	_, files, err := read(ctx, s.store.DB())
	if err != nil {
		return nil, err
	}
	return workday.With(append(without(files, f.Year), f)...)
}

func without(files []workday.File, year int) []workday.File {
	var out []workday.File
	for _, f := range files {
		if f.Year != year {
			out = append(out, f)
		}
	}
	return out
}

// Propose enters a notice that waits for approval. Codes: holiday.not_admin,
// holiday.empty, holiday.number, holiday.faults, holiday.pending,
// workday.bad_file.
func (s *Service) Propose(ctx context.Context, who actor.Actor, in Input) (*Notice, error) {
	if who.Role != actor.SystemAdmin || who.PersonID == "" {
		return nil, errNotAdmin(actor.SystemAdmin)
	}
	p, err := in.Read()
	if err != nil {
		return nil, err
	}
	if len(p.Faults) > 0 {
		f := p.Faults[0]
		return nil, apperr.New(apperr.Invalid, "holiday.faults", "通知还有 %d 处读不通，不能提交。第 %d 句：%s", len(p.Faults), f.Sentence, f.Message).With("text", f.Message)
	}
	if p.Number == "" {
		const detail = "通知里没有发文字号，请填写，例如：国办发明电〔2025〕7号。"
		return nil, apperr.New(apperr.Invalid, "holiday.number", detail).With("number", detail)
	}
	if _, err := s.With(ctx, p.File); err != nil {
		return nil, err
	}
	days, err := json.Marshal(p.File)
	if err != nil {
		return nil, fmt.Errorf("holiday file: %w", err)
	}
	sum := sha256.Sum256([]byte(in.Text))
	n := &Notice{ID: uuid.Must(uuid.NewV7()).String(), Year: p.File.Year, Title: p.Title, Number: p.Number, Text: in.Text,
		Digest: "sha256:" + hex.EncodeToString(sum[:]), Days: days, ProposedBy: who.PersonID}
	if err := s.store.Change(ctx, func(tx *evidence.Tx) error { return propose(ctx, tx, who, n) }); err != nil {
		return nil, err
	}
	return s.Get(ctx, n.ID)
}

func propose(ctx context.Context, tx *evidence.Tx, who actor.Actor, n *Notice) error {
	if err := lock(ctx, tx); err != nil {
		return err
	}
	if err := tx.GetContext(ctx, &n.Version, `SELECT COALESCE(max(version), 0) + 1 FROM holiday_notice WHERE year = $1`, n.Year); err != nil {
		return fmt.Errorf("version of the notice: %w", err)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO holiday_notice (id, year, version, title, number, text, digest, days, proposed_by, proposed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, n.ID, n.Year, n.Version, n.Title, n.Number, n.Text, n.Digest, n.Days, who.PersonID, tx.Now())
	if database.Violates(err, "holiday_notice_pending") {
		return apperr.New(apperr.Conflict, "holiday.pending", "%d年已有一份放假安排在等安全管理员批准。", n.Year).Because(err)
	}
	if err != nil {
		return fmt.Errorf("insert holiday notice: %w", err)
	}
	tx.Record(evidence.Draft{Stream: stream(n.Year), Kind: "holidays.proposed", Actor: who, Fields: map[string]any{
		"notice": n.ID, "year": n.Year, "version": n.Version, "number": n.Number, "digest": n.Digest}})
	return nil
}

func stream(year int) string { return fmt.Sprintf("holidays/%d", year) }

// Decide approves or rejects a proposed notice. Approved, it is the calendar of
// this and every other replica within a moment. Codes: holiday.not_admin,
// holiday.not_found, holiday.decided, holiday.self, holiday.reason,
// workday.bad_file.
func (s *Service) Decide(ctx context.Context, who actor.Actor, id string, approve bool, reason string) (*Notice, error) {
	if who.Role != actor.SecurityAdmin || who.PersonID == "" {
		return nil, errNotAdmin(actor.SecurityAdmin)
	}
	if n := utf8.RuneCountInString(reason); !approve && n < 2 || n > 500 {
		const detail = "驳回理由应为 2 至 500 个字。"
		return nil, apperr.New(apperr.Invalid, "holiday.reason", detail).With("reason", detail)
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error { return s.decide(ctx, tx, who, id, approve, reason) })
	if err != nil {
		return nil, err
	}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	return s.Get(ctx, id)
}

func (s *Service) decide(ctx context.Context, tx *evidence.Tx, who actor.Actor, id string, approve bool, reason string) error {
	if err := lock(ctx, tx); err != nil {
		return err
	}
	n, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	switch {
	case n.State != Pending:
		return apperr.New(apperr.Conflict, "holiday.decided", "这份放假安排已经处理过。")
	case n.ProposedBy == who.PersonID:
		return apperr.New(apperr.Precondition, "holiday.self", "不能批准自己提交的放假安排，请由另一位安全管理员办理。").By(basisThree)
	}
	if err := tx.Reread(ctx); err != nil {
		return err
	}
	fields := map[string]any{"notice": n.ID, "year": n.Year, "version": n.Version, "number": n.Number, "digest": n.Digest}
	if !approve {
		fields["reason"] = reason
		tx.Record(evidence.Draft{Stream: stream(n.Year), Kind: "holidays.rejected", Actor: who, Fields: fields})
		return run(ctx, tx, `UPDATE holiday_notice SET state = 'rejected', decided_by = $1, decided_at = $2, reason = $3 WHERE id = $4`,
			who.PersonID, tx.Now(), reason, n.ID)
	}
	f, err := n.File()
	if err != nil {
		return err
	}
	_, files, err := read(ctx, tx)
	if err != nil {
		return err
	}
	calendar, err := workday.With(append(without(files, n.Year), f)...)
	if err != nil {
		return err
	}
	fields["calendar"] = calendar.Digest()
	tx.Record(evidence.Draft{Stream: stream(n.Year), Kind: "holidays.approved", Actor: who, Fields: fields})
	return run(ctx, tx, `UPDATE holiday_notice SET state = 'approved', decided_by = $1, decided_at = $2, reason = NULLIF($3, ''),
		effect = (SELECT COALESCE(max(effect), 0) + 1 FROM holiday_notice) WHERE id = $4`, who.PersonID, tx.Now(), reason, n.ID)
}

func run(ctx context.Context, tx *evidence.Tx, query string, args ...any) error {
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("write holiday notice: %w", err)
	}
	return nil
}

// lock lets one writer of notices pass at a time.
func lock(ctx context.Context, tx *evidence.Tx) error {
	return run(ctx, tx, `SELECT pg_advisory_xact_lock($1)`, 0x6a62_686f)
}

func errNotAdmin(role actor.Role) error {
	return apperr.New(apperr.Forbidden, "holiday.not_admin", "放假安排由系统管理员导入、安全管理员批准：这一步由%s办理。", role.Label()).By(basisThree)
}

const columns = `SELECT n.id, n.year, n.version, n.title, n.number, n.text, n.digest, n.days, n.state, n.proposed_by, p.name AS proposer, n.proposed_at,
	d.name AS decider, n.decided_at, n.reason, n.effect
	FROM holiday_notice n JOIN person p ON p.id = n.proposed_by LEFT JOIN person d ON d.id = n.decided_by`

// Get reads one notice. Code: holiday.not_found.
func (s *Service) Get(ctx context.Context, id string) (*Notice, error) {
	return get(ctx, s.store.DB(), id)
}

func get(ctx context.Context, q sqlx.QueryerContext, id string) (*Notice, error) {
	n := &Notice{}
	err := sqlx.GetContext(ctx, q, n, columns+` WHERE CAST(n.id AS text) = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, apperr.New(apperr.NotFound, "holiday.not_found", "没有找到这份放假安排。")
	}
	if err != nil {
		return nil, fmt.Errorf("read holiday notice: %w", err)
	}
	return n, nil
}

// List lists all notices, the newest first.
func (s *Service) List(ctx context.Context) ([]Notice, error) {
	out := []Notice{}
	if err := s.store.DB().SelectContext(ctx, &out, columns+` ORDER BY n.proposed_at DESC, n.id DESC LIMIT 500`); err != nil {
		return nil, fmt.Errorf("list holiday notices: %w", err)
	}
	return out, nil
}

// Kinds are the events of this package.
func Kinds() []evidence.Kind {
	return []evidence.Kind{
		{Name: "holidays.proposed", Label: "提交放假安排", Class: evidence.Official},
		{Name: "holidays.approved", Label: "放假安排生效", Text: func(v evidence.View) string {
			return fmt.Sprintf("%d年放假安排（%s）生效", v.Number("year"), v.Field("number"))
		}},
		{Name: "holidays.rejected", Label: "驳回放假安排", Class: evidence.Official},
	}
}
