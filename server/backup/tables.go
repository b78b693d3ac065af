package backup

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// versionTable belongs to the migrations, which write it anew at a restore.
const versionTable = "goose_db_version"

// snapshotSettings make the texts of values independent of how a database is
// set up, so that any PostgreSQL reads what another wrote.
const snapshotSettings = `SELECT set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true), set_config('bytea_output', 'hex', true),
	set_config('intervalstyle', 'iso_8601', true), set_config('extra_float_digits', '1', true), set_config('statement_timeout', '0', true),
	set_config('idle_in_transaction_session_timeout', '0', true)`

// listTables lists the tables of the schema with their columns, a table after
// all that it refers to.
func listTables(ctx context.Context, q sqlx.QueryerContext) ([]Table, error) {
	var rows []struct {
		Name    string         `db:"name"`
		Columns pq.StringArray `db:"columns"`
		Refers  pq.StringArray `db:"refers"`
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT c.relname AS name,
		       ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		             ORDER BY a.attnum) AS columns,
		       ARRAY(SELECT DISTINCT f.relname FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
		             WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid) AS refers
		  FROM pg_class c
		 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace AND c.relname <> $1
		 ORDER BY c.relname`, versionTable)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	var out []Table
	done := map[string]bool{}
	for len(out) < len(rows) {
		before := len(out)
		for _, r := range rows {
			if !done[r.Name] && !slices.ContainsFunc(r.Refers, func(f string) bool { return !done[f] }) {
				done[r.Name] = true
				out = append(out, Table{Name: r.Name, Columns: r.Columns})
			}
		}
		if len(out) == before {
			return nil, errors.New("the tables refer to each other in a circle")
		}
	}
	return out, nil
}

// chunkSize is the size in bytes after which a table goes on in another member.
const chunkSize = 4 << 20

// dumpTable writes the rows of a table in members of about chunkSize, and
// counts them. A row is held in memory, a table never.
func dumpTable(ctx context.Context, tx *sqlx.Tx, t *Table, put func(name string, body []byte) error) error {
	cols := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = "CAST(" + pq.QuoteIdentifier(c) + " AS text)"
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(cols, ", ")+" FROM "+pq.QuoteIdentifier(t.Name))
	if err != nil {
		return fmt.Errorf("read table %s: %w", t.Name, err)
	}
	defer func() { _ = rows.Close() }()
	var chunk bytes.Buffer
	enc := json.NewEncoder(&chunk)
	enc.SetEscapeHTML(false)
	n := 0
	flush := func() error {
		n++
		err := put(fmt.Sprintf("%s%s/%06d.jsonl", tablePrefix, t.Name, n), chunk.Bytes())
		chunk.Reset()
		return err
	}
	values, targets := make([]*string, len(cols)), make([]any, len(cols))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return fmt.Errorf("read table %s: %w", t.Name, err)
		}
		if err := enc.Encode(values); err != nil {
			return fmt.Errorf("encode table %s: %w", t.Name, err)
		}
		if t.Rows++; chunk.Len() >= chunkSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read table %s: %w", t.Name, err)
	}
	if chunk.Len() > 0 {
		return flush()
	}
	return nil
}

// loader puts the rows of a backup into the tables of an empty database, in one
// transaction. The triggers that keep events append-only and changes on the
// record are off meanwhile: what is loaded was on the record where it was made.
type loader struct {
	ctx    context.Context
	tx     *sqlx.Tx
	tables []Table
	open   string // the table that is being loaded
	stmt   *sql.Stmt
	rows   map[string]int64
}

func newLoader(ctx context.Context, tx *sqlx.Tx, tables []Table) (*loader, error) {
	l := &loader{ctx: ctx, tx: tx, tables: tables, rows: map[string]int64{}}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = pq.QuoteIdentifier(t.Name)
	}
	for _, name := range names {
		if err := l.exec("ALTER TABLE " + name + " DISABLE TRIGGER USER"); err != nil {
			return nil, err
		}
	}
	if _, err := tx.ExecContext(ctx, snapshotSettings); err != nil {
		return nil, fmt.Errorf("prepare the load: %w", err)
	}
	return l, l.exec("TRUNCATE " + strings.Join(names, ", "))
}

func (l *loader) exec(query string) error {
	if _, err := l.tx.ExecContext(l.ctx, query); err != nil {
		return fmt.Errorf("load the tables: %w", err)
	}
	return nil
}

// chunk loads one member of a table.
func (l *loader) chunk(table string, r io.Reader) error {
	if err := l.turn(table); err != nil {
		return err
	}
	dec := json.NewDecoder(r)
	for {
		var row []*string
		err := dec.Decode(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("decode table %s: %w", table, err)
		}
		values := make([]any, len(row))
		for i, v := range row {
			if v != nil {
				values[i] = *v
			}
		}
		if _, err := l.stmt.ExecContext(l.ctx, values...); err != nil {
			return fmt.Errorf("load table %s: %w", table, err)
		}
		l.rows[table]++
	}
}

// turn ends the load of one table and begins that of another; "" begins none.
func (l *loader) turn(table string) (err error) {
	if l.open == table {
		return nil
	}
	if l.stmt != nil {
		if _, err := l.stmt.ExecContext(l.ctx); err != nil {
			return fmt.Errorf("load table %s: %w", l.open, err)
		}
		if err := l.stmt.Close(); err != nil {
			return fmt.Errorf("load table %s: %w", l.open, err)
		}
		l.stmt = nil
	}
	if l.open = table; table == "" {
		return nil
	}
	i := slices.IndexFunc(l.tables, func(t Table) bool { return t.Name == table })
	if i < 0 {
		return fmt.Errorf("table %s is not in the manifest", table)
	}
	columns := make([]string, len(l.tables[i].Columns))
	for j, c := range l.tables[i].Columns {
		columns[j] = pq.QuoteIdentifier(c)
	}
	if l.stmt, err = l.tx.PrepareContext(l.ctx, fmt.Sprintf("COPY %s (%s) FROM STDIN", pq.QuoteIdentifier(table), strings.Join(columns, ", "))); err != nil {
		return fmt.Errorf("load table %s: %w", table, err)
	}
	return nil
}

// finish compares the rows with the manifest, sets sequences behind what was
// loaded and switches the triggers on again.
func (l *loader) finish() error {
	if err := l.turn(""); err != nil {
		return err
	}
	for _, t := range l.tables {
		if l.rows[t.Name] != t.Rows {
			return fmt.Errorf("table %s has %d rows, the manifest says %d", t.Name, l.rows[t.Name], t.Rows)
		}
		for _, c := range t.Columns {
			var seq *string
			if err := l.tx.GetContext(l.ctx, &seq, `SELECT pg_get_serial_sequence($1, $2)`, pq.QuoteIdentifier(t.Name), c); err != nil {
				return fmt.Errorf("sequence of %s.%s: %w", t.Name, c, err)
			}
			if seq == nil {
				continue
			}
			column, name := pq.QuoteIdentifier(c), pq.QuoteIdentifier(t.Name)
			if err := l.exec(fmt.Sprintf("SELECT setval(%s, COALESCE(max(%s), 1), max(%s) IS NOT NULL) FROM %s", pq.QuoteLiteral(*seq), column, column, name)); err != nil {
				return err
			}
		}
		if err := l.exec("ALTER TABLE " + pq.QuoteIdentifier(t.Name) + " ENABLE TRIGGER USER"); err != nil {
			return err
		}
	}
	return nil
}
