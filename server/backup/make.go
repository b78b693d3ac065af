package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/internal/keystore"
)

// Options say what is backed up, and where to.
type Options struct {
	Data        string // the platform's data folder
	DatabaseURL string // of a platform whose PostgreSQL is another
	Out         string // the archive; the keys go to Out + ".keys"
	Passphrase  string // of the keys
	WithoutKeys bool   // leave the keys out: the operator keeps them by other means
	Program     string // version of the program
	Log         *slog.Logger
	Say         func(format string, args ...any) // progress, in Chinese; may be nil
}

// KeysSuffix is added to the archive's name for the file of the keys.
const KeysSuffix = ".keys"

// Make writes a backup of a platform that may be running: the rows of one
// snapshot, and every file that they name. The archive appears under its name
// when it is complete, or not at all. Errors: backup.exists, backup.passphrase,
// vault.weak_passphrase, backup.write, database.*.
func Make(ctx context.Context, o Options) (m Manifest, err error) {
	if err := o.check(); err != nil {
		return m, err
	}
	server, err := database.Attach(ctx, database.Options{DataDir: o.Data, DatabaseURL: o.DatabaseURL, Log: o.Log})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	db, err := database.OpenPool(ctx, server.OwnerDSN(""), 2, 1)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err = o.write(ctx, db)
	return m, errors.Join(err, note(context.WithoutCancel(ctx), db, m, err))
}

func (o *Options) check() error {
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	if !o.WithoutKeys && o.Passphrase == "" {
		return apperr.New(apperr.Invalid, "backup.passphrase", "备份密钥要有口令：用 --key-passphrase-file 指明存放口令的文件，或设置环境变量 %s；密钥另行保管的，用 --without-keys。", PassphraseEnv)
	}
	for _, path := range []string{o.Out, o.Out + KeysSuffix} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return apperr.New(apperr.Conflict, "backup.exists", "文件 %s 已经存在：备份不覆盖旧文件，请换一个文件名。", path).Because(err)
		}
	}
	return nil
}

// note keeps when the last backup was made, for the operator's page. The table
// is off the record; an older schema may not have what is asked for, and a
// backup is not worth less for that.
func note(ctx context.Context, db *sqlx.DB, m Manifest, failure error) error {
	var text *string
	if failure != nil {
		s := failure.Error()
		text = &s
	}
	_, err := db.ExecContext(ctx, `INSERT INTO job_run (job, started_at, ended_at, done, error) VALUES ('backup', clock_timestamp(), clock_timestamp(), $1, $2)
		ON CONFLICT (job) DO UPDATE SET started_at = CASE WHEN excluded.error IS NULL THEN excluded.started_at ELSE job_run.started_at END,
			ended_at = excluded.ended_at, done = excluded.done, error = excluded.error`, m.Files, text)
	if err != nil && failure == nil {
		return fmt.Errorf("note the backup: %w", err)
	}
	return nil
}

// write makes archive and keys under other names and gives them their own when
// both are whole.
func (o *Options) write(ctx context.Context, db *sqlx.DB) (m Manifest, err error) {
	out, err := os.CreateTemp(filepath.Dir(o.Out), ".backup-*")
	if err != nil {
		return m, apperr.New(apperr.Unavailable, "backup.write", "不能在 %s 写备份：请检查目录是否存在、权限和剩余空间。", filepath.Dir(o.Out)).Because(err)
	}
	keysTemp := out.Name() + KeysSuffix
	defer func() {
		_ = out.Close()
		_ = os.Remove(out.Name()) // gone already after the rename
		_ = os.Remove(keysTemp)
	}()
	m, err = o.archive(ctx, db, out)
	if err == nil {
		err = errors.Join(out.Sync(), out.Close())
	}
	if err == nil && !o.WithoutKeys {
		err = o.writeKeys(keysTemp, m.ID)
	}
	if err != nil {
		if _, ours := apperr.From(err); ours || ctx.Err() != nil {
			return m, err
		}
		return m, apperr.New(apperr.Unavailable, "backup.write", "备份没有完成，没有留下半个文件：请检查磁盘空间和日志后再试一次。").Because(err)
	}
	if !o.WithoutKeys {
		if err := os.Rename(keysTemp, o.Out+KeysSuffix); err != nil {
			return m, fmt.Errorf("name the keys' file: %w", err)
		}
	}
	if err := os.Rename(out.Name(), o.Out); err != nil {
		return m, fmt.Errorf("name the archive: %w", err)
	}
	return m, syncDir(filepath.Dir(o.Out))
}

func (o *Options) writeKeys(path, id string) error {
	ring, err := readKeys(filepath.Join(o.Data, "keys"), id)
	if err != nil {
		return err
	}
	box, err := ring.box(o.Passphrase)
	if err != nil {
		return err
	}
	o.Say("密钥 %d 个，已加密", len(ring.Files))
	return writeSynced(path, box)
}

// writer is the archive that is being made.
type writer struct {
	tar     *tar.Writer
	members []Member
	day     time.Time
}

// put adds a member of n bytes.
func (w *writer) put(name string, n int64, r io.Reader) error {
	if err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: n, Mode: 0o600, ModTime: w.day, Format: tar.FormatPAX}); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	sum := newSumming()
	copied, err := io.Copy(io.MultiWriter(w.tar, sum), r)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if copied != n {
		return fmt.Errorf("write %s: it has %d bytes, not %d", name, copied, n)
	}
	w.members = append(w.members, sum.member(name))
	return nil
}

func (o *Options) archive(ctx context.Context, db *sqlx.DB, out io.Writer) (m Manifest, err error) {
	zip, err := gzip.NewWriterLevel(out, gzip.BestSpeed) // sealed files do not get smaller
	if err != nil {
		return m, err
	}
	w := &writer{tar: tar.NewWriter(zip), day: time.Unix(0, 0)} // a listing says nothing about when a bid came
	shadow, err := newShadow(o.Data)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, shadow.remove()) }()
	// A file comes before its row and goes after it: what is linked before or
	// after the snapshot begins has every file of the snapshot's rows.
	if err := shadow.link(); err != nil {
		return m, err
	}
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return m, fmt.Errorf("begin the snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if m.Head, err = o.head(ctx, tx); err != nil {
		return m, err
	}
	if err := shadow.link(); err != nil {
		return m, err
	}
	if err := w.json(headName, m.Head); err != nil {
		return m, err
	}
	if err := o.tables(ctx, tx, w, &m); err != nil {
		return m, err
	}
	if err := o.files(ctx, shadow, w, &m); err != nil {
		return m, err
	}
	m.Members = slices.Clone(w.members)
	if err := o.seal(w, m); err != nil {
		return m, err
	}
	return m, errors.Join(w.tar.Close(), zip.Close())
}

func (w *writer) json(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return w.bytes(name, b)
}

func (o *Options) head(ctx context.Context, tx *sqlx.Tx) (Head, error) {
	h := Head{Format: Format, ID: uuid.NewString(), Program: o.Program}
	var at struct {
		Real  time.Time `db:"real"`
		Legal time.Time `db:"legal"`
	}
	if _, err := tx.ExecContext(ctx, snapshotSettings); err != nil {
		return h, fmt.Errorf("prepare the snapshot: %w", err)
	}
	if err := tx.GetContext(ctx, &at, `SELECT clock_timestamp() AS real, legal_now() AS legal`); err != nil {
		return h, fmt.Errorf("begin the snapshot: %w", err)
	}
	h.MadeAt, h.LegalAt = at.Real.UTC().Format(time.RFC3339), at.Legal.UTC().Format(time.RFC3339)
	var err error
	h.Schema, err = database.SchemaVersion(ctx, tx)
	return h, err
}

func (o *Options) tables(ctx context.Context, tx *sqlx.Tx, w *writer, m *Manifest) (err error) {
	if m.Tables, err = listTables(ctx, tx); err != nil {
		return err
	}
	var rows int64
	for i := range m.Tables {
		if err := dumpTable(ctx, tx, &m.Tables[i], w.bytes); err != nil {
			return err
		}
		rows += m.Tables[i].Rows
	}
	o.Say("数据库 %d 张表，%d 行", len(m.Tables), rows)
	return nil
}

func (o *Options) files(ctx context.Context, s *shadow, w *writer, m *Manifest) error {
	names, err := s.names()
	if err != nil {
		return err
	}
	said := time.Now()
	for i, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.put(w, name)
		if err != nil {
			return err
		}
		m.Files++
		m.Bytes += n
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			o.Say("文件 %d/%d，%d MB", i+1, len(names), m.Bytes>>20)
		}
	}
	o.Say("文件 %d 个，%d MB", m.Files, m.Bytes>>20)
	return nil
}

// seal ends the archive with the manifest, signed with the platform's key.
func (o *Options) seal(w *writer, m Manifest) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	if err := w.bytes(manifestName, raw); err != nil {
		return err
	}
	dir := filepath.Join(o.Data, "keys")
	if _, err := os.Stat(filepath.Join(dir, "platform.json")); err != nil {
		return w.json(sigName, signature{}) // the keys are kept elsewhere
	}
	keys, err := keystore.Open(dir)
	if err != nil {
		return err
	}
	key := keys.Platform().Ed25519
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("the platform's key has no public half")
	}
	return w.json(sigName, signature{PublicKey: pub, Signature: ed25519.Sign(key, append([]byte(sigTag), raw...))})
}
