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
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}
