package database

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate brings the schema of db up to the newest file in fsys (goose's SQL
// format, forward only). It connects as the owner, never as AppRole. Servers
// that start at once wait for one another, at most five minutes, on a session
// lock in the database; the one that comes second finds nothing to do. The
// lock is asked for again and again and not waited for inside a statement: a
// waiting statement would hold up CREATE INDEX CONCURRENTLY for ever.
func Migrate(ctx context.Context, db *sqlx.DB, fsys fs.FS) error {
	return MigrateTo(ctx, db, fsys, 0)
}

// MigrateTo is Migrate that stops at a version; 0 is the newest. A restored
// backup begins with the schema that it was made under.
func MigrateTo(ctx context.Context, db *sqlx.DB, fsys fs.FS, version int64) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return fmt.Errorf("make the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db.DB, fsys,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	// The provider is not closed: that would close db, which is the caller's.
	if version == 0 {
		_, err = provider.Up(ctx)
	} else {
		_, err = provider.UpTo(ctx, version)
	}
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// NewestVersion is the number of the last migration in fsys.
func NewestVersion(fsys fs.FS) (int64, error) {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list the migrations: %w", err)
	}
	var newest int64
	for _, name := range names {
		n, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("number of migration %s: %w", name, err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// SchemaVersion is the number of the last migration that ran on the database.
func SchemaVersion(ctx context.Context, q sqlx.QueryerContext) (int64, error) {
	var n int64
	if err := sqlx.GetContext(ctx, q, &n, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`); err != nil {
		return 0, fmt.Errorf("read the version of the schema: %w", err)
	}
	return n, nil
}
