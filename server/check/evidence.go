package check

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"jianbiao/internal/clock"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
	"jianbiao/migrations"
)

// schema: the migrations that ran are those of this program, and every table is
// on the record or on the list of those that are not.
func (c *checker) schema(ctx context.Context, r *Result) error {
	have, err := database.SchemaVersion(ctx, c.tx)
	if err != nil {
		return err
	}
	newest, err := database.NewestVersion(migrations.FS)
	if err != nil {
		return err
	}
	r.Looked = 1
	if have > newest {
		r.fault("数据库结构是第 %d 版，程序只认识到第 %d 版：请升级程序", have, newest)
	}
	if have < newest {
		r.note("数据库结构是第 %d 版，程序启动时会升级到第 %d 版", have, newest)
	}
	return nil
}

// baseGuards are the triggers and functions without which evidence could be
// rewritten: table, trigger, function.
var baseGuards = [][3]string{
	{"event", "event_append_only", "evidence_is_append_only"},
	{"event_field", "event_field_append_only", "evidence_is_append_only"},
	{"event_opening", "event_opening_no_rewrite", "evidence_is_append_only"},
	{"event", "event_note", "evidence_note"},
}

// guards: the triggers that the migrations make are there and on, the functions
// behind them are as they were made, and the application's role may not rewrite
// evidence.
func (c *checker) guards(ctx context.Context, r *Result) error {
	var triggers []struct {
		Table    string `db:"tab"`
		Trigger  string `db:"trig"`
		Function string `db:"func"`
		On       bool   `db:"on"`
	}
	if err := c.tx.SelectContext(ctx, &triggers, `SELECT c.relname AS tab, t.tgname AS trig, p.proname AS func, t.tgenabled IN ('O', 'A') AS on
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace`); err != nil {
		return fmt.Errorf("read the triggers: %w", err)
	}
	on := map[[3]string]bool{}
	for _, t := range triggers {
		on[[3]string{t.Table, t.Trigger, t.Function}] = t.On
	}
	tables, err := c.recorded(ctx)
	if err != nil {
		return err
	}
	want := slices.Clone(baseGuards)
	for _, table := range tables {
		want = append(want, [3]string{table, "on_record", "evidence_required"})
	}
	for _, g := range want {
		if r.Looked++; !on[g] {
			r.fault("表 %s 的触发器 %s 不在或已停用", g[0], g[1])
		}
	}
	if err := c.functions(ctx, r); err != nil {
		return err
	}
	return c.rights(ctx, r)
}

// recorded lists the tables that must be on the record.
func (c *checker) recorded(ctx context.Context) ([]string, error) {
	var all []string
	if err := c.tx.SelectContext(ctx, &all, `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
		AND relnamespace = 'public'::regnamespace ORDER BY relname`); err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	off := evidence.OffRecordTables()
	return slices.DeleteFunc(all, func(t string) bool { _, ok := off[t]; return ok }), nil
}

var functionText = regexp.MustCompile(`(?s)CREATE (?:OR REPLACE )?FUNCTION ((?:evidence|legal|real)_[a-z_]+)\(\)[^$]*?AS \$\$(.*?)\$\$`)

// functions: the bodies of the guards are those of the newest migration that
// makes them.
func (c *checker) functions(ctx context.Context, r *Result) error {
	version, err := database.SchemaVersion(ctx, c.tx)
	if err != nil {
		return err
	}
	want := map[string]string{}
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		var n int64
		if _, err := fmt.Sscanf(name, "%d", &n); err != nil || n > version {
			continue
		}
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return err
		}
		for _, m := range functionText.FindAllStringSubmatch(string(text), -1) {
			want[m[1]] = m[2]
		}
	}
	var have []struct {
		Name string `db:"name"`
		Body string `db:"body"`
	}
	if err := c.tx.SelectContext(ctx, &have, `SELECT proname AS name, prosrc AS body FROM pg_proc WHERE pronamespace = 'public'::regnamespace`); err != nil {
		return fmt.Errorf("read the functions: %w", err)
	}
	bodies := map[string]string{}
	for _, f := range have {
		bodies[f.Name] = f.Body
	}
	for name, body := range want {
		if r.Looked++; strings.TrimSpace(bodies[name]) != strings.TrimSpace(body) {
			r.fault("函数 %s 不是程序建立的样子", name)
		}
	}
	return nil
}

// rights: what the application's role may do with evidence is what the
// migrations granted, and it owns nothing.
func (c *checker) rights(ctx context.Context, r *Result) error {
	var bad []string
	if err := c.tx.SelectContext(ctx, &bad, `
		SELECT t.name || ' ' || p.privilege FROM (VALUES ('event'), ('event_field'), ('event_opening')) t (name),
			(VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER')) p (privilege)
		 WHERE has_table_privilege($1, t.name, p.privilege) AND (t.name, p.privilege) <> ('event_opening', 'DELETE')
		UNION ALL
		SELECT 'owns ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) = $1
		UNION ALL
		SELECT 'is superuser' FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls)`, database.AppRole); err != nil {
		return fmt.Errorf("read the rights: %w", err)
	}
	r.Looked += 12
	for _, b := range bad {
		r.fault("应用角色 %s 有不该有的权限：%s", database.AppRole, b)
	}
	return nil
}

// backwards is how far an event's legal time may lie before that of the one
// before it: transactions that began together are appended one after the other.
const backwards = time.Minute

// events: every event says what its openings, columns and commitments say; no
// stream has a gap; no kind is unknown; no opening is missing.
func (c *checker) events(ctx context.Context, r *Result) error {
	heads, err := evidence.StreamHeads(ctx, c.tx)
	if err != nil {
		return err
	}
	last := map[string]int64{}
	var before evidence.Event
	err = evidence.Walk(ctx, c.tx, func(e *evidence.Event) error {
		r.Looked++
		if err := e.Verify(); err != nil {
			r.fault("%s", err)
		}
		if e.Seq != last[e.Stream]+1 {
			r.fault("证据流 %s 在第 %d 条之后缺号", e.Stream, last[e.Stream])
		}
		last[e.Stream] = e.Seq
		if _, known := c.Dictionary[e.Kind]; !known {
			r.fault("证据流 %s 第 %d 条的种类 %s 不在字典里", e.Stream, e.Seq, e.Kind)
		}
		for _, f := range e.Fields {
			if f.Salt == nil && !e.IsSecret() {
				r.fault("证据流 %s 第 %d 条的字段 %s 没有内容，也没有删除的记录", e.Stream, e.Seq, f.Name)
			}
		}
		// The clock's own stream begins with the day at which a rehearsal starts.
		if e.Stream == before.Stream && e.Stream != clock.Stream && !e.IsSecret() && e.At.Before(before.At.Add(-backwards)) && !before.IsSecret() {
			r.fault("证据流 %s 第 %d 条的时间早于前一条", e.Stream, e.Seq)
		}
		before = *e
		return nil
	})
	if err != nil {
		return err
	}
	for stream, head := range heads {
		if last[stream] != head {
			r.fault("证据流 %s 应有 %d 条，只有 %d 条", stream, head, last[stream])
		}
		delete(last, stream)
	}
	for stream := range last {
		r.fault("证据流 %s 没有登记", stream)
	}
	return c.strays(ctx, r)
}

// strays: openings that belong to no field.
func (c *checker) strays(ctx context.Context, r *Result) error {
	var stray []string
	if err := c.tx.SelectContext(ctx, &stray, `SELECT o.event_id || ' ' || o.name FROM event_opening o
		LEFT JOIN event_field f ON f.event_id = o.event_id AND f.name = o.name WHERE f.event_id IS NULL`); err != nil {
		return fmt.Errorf("look for stray openings: %w", err)
	}
	for _, s := range stray {
		r.fault("字段内容 %s 不属于任何事件", s)
	}
	return nil
}

// rowsOf says in which stream the life of a row is written.
var rowsOf = []struct{ table, label, query string }{
	{"organisation", "单位", `SELECT 'organisation/' || id FROM organisation`},
	{"person", "人员", `SELECT 'person/' || id FROM person`},
	{"project", "项目", `SELECT 'project/' || id FROM project`},
	{"lot", "标段", `SELECT 'lot/' || id FROM lot`},
}

// imported adds the organisations of lists (单位名录): their life begins in the
// import's stream, thousands of rows in one event.
func (c *checker) imported(ctx context.Context, heads map[string]int64) error {
	var streams []string
	if err := c.tx.SelectContext(ctx, &streams, `SELECT 'organisation/' || (row ->> 0) FROM event e JOIN event_opening o ON o.event_id = e.id AND o.name = 'rows'
		CROSS JOIN jsonb_array_elements(CAST(convert_from(o.value, 'UTF8') AS jsonb)) row WHERE e.kind = 'organisation.imported'`); err != nil {
		return fmt.Errorf("read the imports: %w", err)
	}
	for _, s := range streams {
		heads[s]++
	}
	return nil
}

// rows: every row has its stream, and every stream of such a kind its row.
func (c *checker) rows(ctx context.Context, r *Result) error {
	heads, err := evidence.StreamHeads(ctx, c.tx)
	if err != nil {
		return err
	}
	if err := c.imported(ctx, heads); err != nil {
		return err
	}
	for _, k := range rowsOf {
		var streams []string
		if err := c.tx.SelectContext(ctx, &streams, k.query); err != nil {
			return fmt.Errorf("read table %s: %w", k.table, err)
		}
		there := map[string]bool{}
		for _, s := range streams {
			there[s] = true
			if r.Looked++; heads[s] == 0 {
				r.fault("%s %s 没有证据", k.label, s)
			}
		}
		for s := range heads {
			if strings.HasPrefix(s, k.table+"/") && !there[s] {
				r.fault("%s %s 有证据，但行不在了", k.label, s)
			}
		}
	}
	return nil
}
