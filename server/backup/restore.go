package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/migrations"
)

// RestoreOptions say what is put back, and where.
type RestoreOptions struct {
	Data        string // an empty folder, or one that is not there yet
	DatabaseURL string // an empty database, for a platform whose PostgreSQL is another
	From        string // the archive; its keys are in From + ".keys"
	Passphrase  string
	WithoutKeys bool // the operator puts the keys back himself
	Log         *slog.Logger
	Say         func(format string, args ...any)
	Unsafe      bool // no fsync: tests only
}

// Pending is the folder, below the data folder, in which a restore works. While
// it is there the restore is not finished, and a platform refuses to start.
const Pending = ".restoring"

// Restore puts a backup into an empty folder. The archive is read and verified
// as a whole before anything is written; what is written appears at its place
// when all of it is there. A restore that fails leaves the folder empty.
// Errors: backup.not_empty, backup.database_not_empty, backup.passphrase,
// backup.wrong_passphrase, backup.keys_missing, backup.other_keys, and those of
// Verify.
func Restore(ctx context.Context, o RestoreOptions) (m Manifest, err error) {
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	if err := emptyFolder(o.Data); err != nil {
		return m, err
	}
	o.Say("正在核对备份文件……")
	m, sig, err := verify(ctx, o.From)
	if err != nil {
		return m, err
	}
	newest, err := database.NewestVersion(migrations.FS)
	if err != nil {
		return m, err
	}
	if m.Schema > newest {
		return m, errNewer
	}
	ring, err := o.keys(m, sig)
	if err != nil {
		return m, err
	}
	o.Say("备份核对无误：%s 制作，%d 张表，%d 个文件", m.MadeAt, len(m.Tables), m.Files)
	pending := filepath.Join(o.Data, Pending)
	if err := os.MkdirAll(pending, 0o700); err != nil {
		return m, apperr.New(apperr.Unavailable, "backup.write", "不能写入 %s：请检查权限和剩余空间。", o.Data).Because(err)
	}
	if err := o.put(ctx, m, ring, pending); err != nil {
		for _, name := range []string{"postgres", "files", "keys", Pending} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(o.Data, name)))
		}
		return m, err
	}
	return m, nil
}

func emptyFolder(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(list) == 0) {
		return nil
	}
	return apperr.New(apperr.Precondition, "backup.not_empty", "目录 %s 不是空的：恢复只写入空目录，以免覆盖还在使用的数据。请换一个目录。", dir).Because(err)
}

// keys opens FILE.keys and checks that it belongs to the archive.
func (o *RestoreOptions) keys(m Manifest, sig signature) (k keyring, err error) {
	if o.WithoutKeys {
		return k, nil
	}
	raw, err := os.ReadFile(o.From + KeysSuffix)
	if err != nil {
		return k, apperr.New(apperr.Precondition, "backup.keys_missing",
			"没有找到密钥文件 %s：没有密钥，已收到的投标文件打不开。请把它放在备份文件旁边；密钥另行保管的，用 --without-keys。", o.From+KeysSuffix).Because(err)
	}
	if o.Passphrase == "" {
		return k, apperr.New(apperr.Invalid, "backup.passphrase", "请用 --key-passphrase-file 指明存放密钥口令的文件，或设置环境变量 %s。", PassphraseEnv)
	}
	if k, err = openBox(raw, o.Passphrase); err != nil {
		return k, err
	}
	if k.Backup != m.ID || !bytes.Equal(k.platformKey(), sig.PublicKey) {
		return k, apperr.New(apperr.Precondition, "backup.other_keys", "密钥文件与备份文件不是同一次备份的：请核对文件名和日期。没有改动任何数据。")
	}
	return k, nil
}

// put writes everything below pending, and moves it into place.
func (o *RestoreOptions) put(ctx context.Context, m Manifest, ring keyring, pending string) (err error) {
	if os.Geteuid() == 0 {
		if err := os.Chmod(o.Data, 0o711); err != nil { // PostgreSQL passes through under its own account
			return fmt.Errorf("open the data folder: %w", err)
		}
	}
	server, err := database.Start(ctx, database.Options{DataDir: pending, DatabaseURL: o.DatabaseURL, Log: o.Log, Unsafe: o.Unsafe})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	db, err := database.OpenPool(ctx, server.OwnerDSN(""), 2, 1)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := emptyDatabase(ctx, db); err != nil {
		return err
	}
	if err := database.MigrateTo(ctx, db, migrations.FS, m.Schema); err != nil {
		return err
	}
	if !o.WithoutKeys {
		if err := ring.write(filepath.Join(pending, "keys")); err != nil {
			return err
		}
	}
	return o.load(ctx, db, server, m, pending)
}

// emptyDatabase refuses a database that somebody uses.
func emptyDatabase(ctx context.Context, db *sqlx.DB) error {
	var used bool
	err := db.GetContext(ctx, &used, `SELECT to_regclass('public.event') IS NOT NULL`)
	if err == nil && used {
		err = db.GetContext(ctx, &used, `SELECT EXISTS (SELECT FROM event) OR EXISTS (SELECT FROM person)`)
	}
	if err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	if used {
		return apperr.New(apperr.Precondition, "backup.database_not_empty", "DATABASE_URL 指定的数据库里已经有数据：恢复只写入空数据库。请新建一个数据库。")
	}
	return nil
}

// load reads the archive again: rows into one transaction, files into a folder.
// The transaction commits when everything else is in its place.
func (o *RestoreOptions) load(ctx context.Context, db *sqlx.DB, server *database.Server, m Manifest, pending string) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin the load: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after the commit
	l, err := newLoader(ctx, tx, m.Tables)
	if err != nil {
		return err
	}
	files := filepath.Join(pending, "files")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return fmt.Errorf("make the folder of files: %w", err)
	}
	err = walk(ctx, o.From, func(name string, r io.Reader) error {
		if table := tableOf(name); table != "" {
			return l.chunk(table, r)
		}
		if file, ok := strings.CutPrefix(name, filePrefix); ok {
			return restoreFile(filepath.Join(files, file), r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.finish(); err != nil {
		return damaged("load: %w", err)
	}
	if err := syncDir(files); err != nil {
		return fmt.Errorf("write the files: %w", err)
	}
	o.Say("数据库和文件已写入，正在完成……")
	if o.DatabaseURL != "" {
		if err := o.place(pending, "files", "keys"); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("commit the load: %w", err)
		}
		return os.Remove(pending)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit the load: %w", err)
	}
	_ = db.Close()
	if err := server.Stop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := o.place(pending, "files", "keys", "postgres"); err != nil {
		return err
	}
	return os.RemoveAll(pending)
}

// place moves what is whole from the folder of the restore to the data folder.
func (o *RestoreOptions) place(pending string, names ...string) error {
	for _, name := range names {
		err := os.Rename(filepath.Join(pending, name), filepath.Join(o.Data, name))
		if err != nil && (name != "keys" || !errors.Is(err, os.ErrNotExist)) {
			return fmt.Errorf("put %s into place: %w", name, err)
		}
	}
	return syncDir(o.Data)
}

func restoreFile(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	return nil
}
