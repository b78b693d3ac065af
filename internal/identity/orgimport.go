package identity

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// ImportRow is one organisation of a list (单位名录), with the line of the file
// on which it stands. Region is a code of GB/T 2260 or a full name.
type ImportRow struct {
	Line               int
	USCC, Name, Region string
}

// ImportError is what is wrong with one cell of a list.
type ImportError struct {
	Line    int    `json:"line"`
	Column  string `json:"column" doc:"uscc，name，region"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ImportPlan says which rows of a list can be entered, and why others cannot.
type ImportPlan struct {
	Rows   []ImportRow
	Good   []ImportRow // their regions are codes
	Errors []ImportError
}

// batch is how many organisations one statement and one event take.
const batch = 1000

// PlanImport checks a list without writing anything: form and check digit of the
// code (GB 32100-2015), names, regions, duplicates within the list and with what
// is entered already. Code: identity.not_admin.
func (s *Service) PlanImport(ctx context.Context, who actor.Actor, rows []ImportRow) (*ImportPlan, error) {
	if err := s.authorise(who, actor.SystemAdmin); err != nil {
		return nil, err
	}
	known := map[string]string{} // names by code
	for start := 0; start < len(rows); start += batch {
		var codes []string
		for _, r := range rows[start:min(start+batch, len(rows))] {
			codes = append(codes, strings.ToValidUTF8(strings.ReplaceAll(r.USCC, "\x00", ""), ""))
		}
		var found []struct {
			USCC string `db:"uscc"`
			Name string `db:"name"`
		}
		if err := s.store.DB().SelectContext(ctx, &found, `SELECT uscc, name FROM organisation WHERE uscc = ANY ($1)`, pq.Array(codes)); err != nil {
			return nil, fmt.Errorf("look for organisations: %w", err)
		}
		for _, f := range found {
			known[f.USCC] = f.Name
		}
	}
	p, first := &ImportPlan{Rows: rows}, map[string]ImportRow{}
	for _, r := range rows {
		wrong := len(p.Errors)
		p.check(&r, known, first)
		if len(p.Errors) == wrong {
			p.Good = append(p.Good, r)
		}
	}
	return p, nil
}

func (p *ImportPlan) check(r *ImportRow, known map[string]string, first map[string]ImportRow) {
	wrong := func(column, code, format string, args ...any) {
		p.Errors = append(p.Errors, ImportError{Line: r.Line, Column: column, Code: code, Message: fmt.Sprintf(format, args...)})
	}
	take := func(column string, err error) {
		if e, ok := apperr.From(err); ok {
			wrong(column, e.Code, "%s", e.Detail)
		}
	}
	take("name", checkText("name", "单位名称", r.Name, 2, 100))
	if code, ok := regionCode(r.Region); ok {
		r.Region = code
	} else {
		wrong("region", "region.unknown", "没有“%s”这个行政区划：请填 GB/T 2260 的 6 位代码，或者自省级起的全称。", brief(r.Region))
	}
	if err := CheckUSCC(r.USCC); err != nil {
		take("uscc", err)
		return
	}
	before, twice := first[r.USCC]
	name, entered := known[r.USCC]
	switch {
	case twice && before.Name != r.Name:
		wrong("uscc", "import.duplicate", "与第 %d 行的代码相同，而名称不同（第 %d 行是“%s”）。", before.Line, before.Line, brief(before.Name))
	case twice:
		wrong("uscc", "import.duplicate", "与第 %d 行重复。", before.Line)
	case entered && name != r.Name:
		wrong("name", "import.name_differs", "这个代码已登记为“%s”，与本行的名称不同，请核对营业执照。", name)
	case entered:
		wrong("uscc", "organisation.exists", "这个单位已经登记，不需要再导入。")
	default:
		first[r.USCC] = *r
	}
}

// regionsByName are the codes of regions by their full names.
var regionsByName = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for _, p := range Regions() {
		m[p.FullName()] = p.Code
	}
	return m
})

func regionCode(text string) (string, bool) {
	if CheckRegion(text) == nil {
		return text, true
	}
	code, ok := regionsByName()[text]
	return code, ok
}

func brief(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// Import is a list that was applied.
type Import struct {
	ID        string    `db:"id"`
	Name      string    `db:"name"` // of the file
	Digest    string    `db:"digest"`
	Rows      int       `db:"rows"`
	Entered   int       `db:"entered"`
	Refused   int       `db:"refused"`
	CreatedAt time.Time `db:"created_at"`
}

// ApplyImport enters the good rows of a list in one transaction; with all, it
// enters none unless every row is good. Codes: identity.not_admin,
// identity.text, import.rows_wrong, import.nothing, organisation.exists.
func (s *Service) ApplyImport(ctx context.Context, who actor.Actor, name, digest string, rows []ImportRow, all bool) (Import, error) {
	p, err := s.PlanImport(ctx, who, rows)
	if err != nil {
		return Import{}, err
	}
	if err := checkText("name", "文件名", name, 1, 200); err != nil {
		return Import{}, err
	}
	switch {
	case all && len(p.Errors) > 0:
		e := p.Errors[0]
		return Import{}, apperr.New(apperr.Invalid, "import.rows_wrong", "有 %d 行不能登记，按“全部或者都不”的选择，一行也没有登记。第 %d 行：%s",
			len(p.Rows)-len(p.Good), e.Line, e.Message)
	case len(p.Good) == 0:
		return Import{}, apperr.New(apperr.Invalid, "import.nothing", "没有一行可以登记。")
	}
	result, err := p.result()
	if err != nil {
		return Import{}, err
	}
	im := Import{ID: newID(), Name: name, Digest: digest, Rows: len(rows), Entered: len(p.Good), Refused: len(rows) - len(p.Good)}
	err = s.store.Change(ctx, func(tx *evidence.Tx) error {
		im.CreatedAt = tx.Now()
		for start := 0; start < len(p.Good); start += batch {
			if err := enter(ctx, tx, who, im, p.Good[start:min(start+batch, len(p.Good))]); err != nil {
				return err
			}
		}
		return run(ctx, tx, `INSERT INTO organisation_import (id, name, digest, rows, entered, refused, result, created_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, im.ID, im.Name, im.Digest, im.Rows, im.Entered, im.Refused, result, who.PersonID, im.CreatedAt)
	})
	return im, err
}

// enter inserts one batch and records it: one event with its rows, in the
// import's own stream.
func enter(ctx context.Context, tx *evidence.Tx, who actor.Actor, im Import, rows []ImportRow) error {
	cols := [4][]string{}
	listed := make([][]string, len(rows))
	for i, r := range rows {
		listed[i] = []string{newID(), r.USCC, r.Name, r.Region}
		for j := range cols {
			cols[j] = append(cols[j], listed[i][j])
		}
	}
	if err := run(ctx, tx, `INSERT INTO organisation (id, uscc, name, region, created_at)
		SELECT CAST(t.id AS uuid), t.uscc, t.name, t.region, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t (id, uscc, name, region)`,
		pq.Array(cols[0]), pq.Array(cols[1]), pq.Array(cols[2]), pq.Array(cols[3]), im.CreatedAt); err != nil {
		return err
	}
	tx.Record(evidence.Draft{Stream: "import/" + im.ID, Kind: "organisation.imported", Actor: who,
		Fields: map[string]any{"file": im.Name, "digest": im.Digest, "rows": listed}})
	return nil
}

// result is the list for people, with what became of each row.
func (p *ImportPlan) result() ([]byte, error) {
	messages := map[int][]string{}
	for _, e := range p.Errors {
		messages[e.Line] = append(messages[e.Line], e.Message)
	}
	var out bytes.Buffer
	out.WriteString("\ufeff")
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	records := [][]string{{"行号", "统一社会信用代码", "单位名称", "行政区划", "结果", "说明"}}
	for _, r := range p.Rows {
		verdict, why := "已登记", ""
		if m := messages[r.Line]; len(m) > 0 {
			verdict, why = "未登记", strings.Join(m, " ")
		}
		records = append(records, []string{fmt.Sprint(r.Line), inert(r.USCC), inert(r.Name), inert(r.Region), verdict, why})
	}
	if err := w.WriteAll(records); err != nil {
		return nil, fmt.Errorf("result of the import: %w", err)
	}
	return out.Bytes(), nil
}

// inert keeps a spreadsheet from taking somebody's text for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// ImportResult reads the list of an import with what became of each row, as
// CSV. Code: import.not_found.
func (s *Service) ImportResult(ctx context.Context, id string) (result []byte, err error) {
	err = one(ctx, s.store.DB(), &result, apperr.New(apperr.NotFound, "import.not_found", "没有找到这次导入。"),
		`SELECT result FROM organisation_import WHERE CAST(id AS text) = $1`, id)
	return result, err
}

// Imports lists up to limit imports, the newest first.
func (s *Service) Imports(ctx context.Context, limit int) ([]Import, error) {
	out := []Import{}
	if err := s.store.DB().SelectContext(ctx, &out, `SELECT id, name, digest, rows, entered, refused, created_at FROM organisation_import
		ORDER BY created_at DESC, id DESC LIMIT $1`, limit); err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	return out, nil
}
