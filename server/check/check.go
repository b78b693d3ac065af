// Package check is `jianbiao check` (校验): it derives again what can be derived
// from the evidence and the bytes, and compares it with what is stored. It reads
// one snapshot, changes nothing, and works while the platform runs and while it
// does not.
//
// It finds what was changed behind the platform's back or was damaged. It cannot
// find what was false when it was recorded, nor a whole database that was made
// anew with all its digests; that is for receipts and, later, the public log.
package check

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/jmoiron/sqlx"

	"jianbiao/bidding/lot"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
)

// Options say what is checked.
type Options struct {
	Data        string
	DatabaseURL string
	Dictionary  evidence.Dictionary
	Log         *slog.Logger
}

// Result is one check.
type Result struct {
	Name   string   `json:"name"`
	Label  string   `json:"label"`
	Looked int      `json:"looked"` // at how many things
	Faults []string `json:"faults"` // at most MaxFaults of them
	More   int      `json:"more"`   // faults beyond those
	Notes  []string `json:"notes"`  // remarkable, and no fault
}

// OK says whether the check holds.
func (r *Result) OK() bool { return len(r.Faults) == 0 }

// MaxFaults is how many faults of one check are told.
const MaxFaults = 50

func (r *Result) fault(format string, args ...any) {
	if len(r.Faults) >= MaxFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

func (r *Result) note(format string, args ...any) {
	if len(r.Notes) < MaxFaults {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

// Report is all checks of one run.
type Report struct {
	OK     bool      `json:"ok"`
	Schema int64     `json:"schema"`
	Checks []*Result `json:"checks"`
}

// checker is one run.
type checker struct {
	Options
	tx    *sqlx.Tx
	files reader
	named map[string]string // files that rows name, and which rows
}

// part is one check, in the order of the report.
type part struct {
	name, label string
	run         func(*checker, context.Context, *Result) error
}

var parts = []part{
	{"schema", "数据库结构与程序版本", (*checker).schema},
	{"guards", "证据只增不改的触发器与权限", (*checker).guards},
	{"events", "事件的承诺、顺序与种类", (*checker).events},
	{"rows", "每一行都有它的证据", (*checker).rows},
	{"lots", "标段的状态、文件与公告", (*checker).lots},
	{"openings", "开标的状态、截止记录、唱标与记录", (*checker).openings},
	{"envelopes", "密封投标文件", (*checker).envelopes},
	{"files", "文件的大小与摘要", (*checker).filesOf},
	{"keys", "标段密钥", (*checker).keys},
	{"rules", "规则目录", (*checker).rules},
}

// Run makes every check. An error means that it could not be made, not that it
// does not hold. Errors that a person can mend are *apperr.Error: check.schema,
// check.files, database.*.
func Run(ctx context.Context, o Options) (rep Report, err error) {
	server, err := database.Attach(ctx, database.Options{DataDir: o.Data, DatabaseURL: o.DatabaseURL, Log: o.Log})
	if err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	db, err := database.OpenPool(ctx, server.OwnerDSN(""), 2, 1)
	if err != nil {
		return rep, err
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return rep, fmt.Errorf("begin the snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return o.run(ctx, tx)
}

func (o Options) run(ctx context.Context, tx *sqlx.Tx) (rep Report, err error) {
	c := &checker{Options: o, tx: tx, files: reader(filepath.Join(o.Data, "files")), named: map[string]string{}}
	if rep.Schema, err = database.SchemaVersion(ctx, tx); err != nil {
		return rep, apperr.New(apperr.Precondition, "check.schema", "这个数据库里没有见标的数据：请核对 --data 或 DATABASE_URL。").Because(err)
	}
	rep.OK = true
	for _, p := range parts {
		r := &Result{Name: p.name, Label: p.label, Faults: []string{}, Notes: []string{}}
		if err := p.run(c, ctx, r); err != nil {
			return rep, fmt.Errorf("check %s: %w", p.name, err)
		}
		rep.Checks = append(rep.Checks, r)
		rep.OK = rep.OK && r.OK()
	}
	return rep, nil
}

// lotIDs lists every lot.
func (c *checker) lotIDs(ctx context.Context) ([]string, error) {
	var ids []string
	if err := c.tx.SelectContext(ctx, &ids, `SELECT id FROM lot ORDER BY code`); err != nil {
		return nil, fmt.Errorf("list the lots: %w", err)
	}
	return ids, nil
}

// eachLot gives every lot with its events.
func (c *checker) eachLot(ctx context.Context, r *Result, visit func(l *lot.Lot, events []evidence.Event) ([]string, error)) error {
	ids, err := c.lotIDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		l, err := lot.Read(ctx, c.tx, id)
		if apperr.CodeOf(err) == "lot.not_found" { // its project or its buyer is gone
			r.fault("标段 %s 的项目或单位不在了", id)
			continue
		}
		if err != nil {
			return err
		}
		events, err := evidence.Stream(ctx, c.tx, l.Stream())
		if err != nil {
			return err
		}
		faults, err := visit(l, events)
		if err != nil {
			return err
		}
		r.Looked++
		for _, f := range faults {
			r.fault("标段 %s：%s", l.Code, f)
		}
	}
	return nil
}

// short names a digest or an id in a fault.
func short(s string) string {
	s = strings.TrimPrefix(s, "sm3:")
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}
