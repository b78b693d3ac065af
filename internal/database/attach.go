package database

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"jianbiao/internal/apperr"
)

// Attach gives the database to a tool (备份、校验): the one behind a DatabaseURL, the
// one that a running program keeps in the data folder, or, when nobody uses the
// folder, one that is started for the tool and ended by Stop. It never makes a
// cluster. Errors are those of Start, and database.no_data.
func Attach(ctx context.Context, opts Options) (*Server, error) {
	if opts.DatabaseURL != "" {
		return Start(ctx, opts)
	}
	dir, err := resolveFolder(opts.DataDir)
	if err != nil {
		return nil, apperr.New(apperr.Invalid, "database.folder_unusable", "不能使用数据目录 %s：路径无效", opts.DataDir).Because(err)
	}
	data := filepath.Join(dir, "postgres", "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		return nil, apperr.New(apperr.Precondition, "database.no_data",
			"目录 %s 里没有数据库：请用 --data 指明平台的数据目录；使用外部数据库的平台要同时设置 DATABASE_URL", opts.DataDir).Because(err)
	}
	// A program that is starting holds the folder before its PostgreSQL answers.
	for end := time.Now().Add(adoptTime); ; time.Sleep(100 * time.Millisecond) {
		s, err := Start(ctx, opts)
		if apperr.CodeOf(err) != "database.in_use" {
			return s, err
		}
		if s := borrow(ctx, data, opts); s != nil {
			return s, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// borrow reaches the PostgreSQL of the program that uses the folder, nil when it
// does not answer.
func borrow(ctx context.Context, data string, opts Options) *Server {
	file, ok := readPidFile(data)
	if !ok || !file.reachable() {
		return nil
	}
	s := &Server{log: opts.Log, done: make(chan struct{}), dsn: fmt.Sprintf("%s dbname=%s", socketDSN(file.socket, socketPort), quoteSetting(DefaultName))}
	close(s.done)
	db, err := OpenPool(ctx, s.dsn, 1, 1)
	if err != nil {
		return nil
	}
	_ = db.Close()
	return s
}
