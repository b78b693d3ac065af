package holiday

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"jianbiao/internal/evidence"
	"jianbiao/internal/workday"
)

const (
	minReconnect = 50 * time.Millisecond
	maxReconnect = 2 * time.Second
	lookAgain    = 30 * time.Second // beside NOTIFY, for what a lost connection did not tell
)

// read reads the last effect and the newest approved notice of each year.
func read(ctx context.Context, q sqlx.QueryerContext) (effect int64, files []workday.File, err error) {
	var rows []struct {
		Effect int64  `db:"effect"`
		Days   []byte `db:"days"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT DISTINCT ON (year) effect, days FROM holiday_notice
		WHERE state = 'approved' ORDER BY year, effect DESC`); err != nil {
		return 0, nil, fmt.Errorf("read holiday notices: %w", err)
	}
	for _, r := range rows {
		f, err := workday.ParseFile(r.Days)
		if err != nil {
			return 0, nil, err
		}
		files, effect = append(files, f), max(effect, r.Effect)
	}
	return effect, files, nil
}

// Refresh takes the notices of the database into the calendar in force.
func (s *Service) Refresh(ctx context.Context) error {
	effect, files, err := read(ctx, s.store.DB())
	if err != nil {
		return err
	}
	calendar, err := workday.With(files...)
	if err != nil {
		return err
	}
	next := &state{calendar: calendar, effect: effect}
	for {
		old := s.current.Load()
		if effect < old.effect || s.current.CompareAndSwap(old, next) {
			return nil // an older reading never takes the place of a newer one
		}
	}
}

// Follow keeps the calendar up to date with what other replicas approve, until
// ctx ends.
func (s *Service) Follow(ctx context.Context, dsn string) {
	l := pq.NewListener(dsn, minReconnect, maxReconnect, nil)
	defer func() { _ = l.Close() }()
	listening := make(chan struct{})
	go func() { // Listen waits until there is a connection; Close ends it
		if err := l.Listen(evidence.Channel); err == nil {
			close(listening)
		}
	}()
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-listening:
			listening = nil
		case <-ticker.C:
			if listening == nil {
				_ = l.Ping() // an answer that never comes breaks the connection, and lib/pq makes another
			}
		case n := <-l.Notify:
			if n != nil && !strings.HasPrefix(n.Extra, "holidays/") {
				continue
			}
		}
		if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("holiday: read the notices", "error", err)
		}
	}
}
