// Package jobs is the timetable: robfig/cron notices what falls due, and the
// ordinary commands, given as role clock, decide by their guards. One server of
// many runs a job at a time (advisory lock). A missed tick loses nothing: the
// next one finds the same rows.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/robfig/cron/v3"

	"jianbiao/internal/evidence"
)

// Job is a line of the timetable. Run does what is due, in a bounded batch, and
// says how much; one bad row is reported and does not stop the rest.
type Job struct {
	Name    string
	Spec    string // cron, with seconds
	Timeout time.Duration
	Run     func(ctx context.Context) (done int, err error)
}

// Runner runs the timetable.
type Runner struct {
	cron  *cron.Cron
	store *evidence.Store
	log   *slog.Logger
	mu    sync.Mutex
	lines []*Line
}

// Line is a line of the timetable, as this server has run it.
type Line struct {
	Name string
	Spec string
	Last *time.Time // when its last run ended
	Next *time.Time
	Err  error // of the last run
	id   cron.EntryID
}

// Lines tells how the timetable stands.
func (r *Runner) Lines() []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Line, len(r.lines))
	for i, l := range r.lines {
		out[i] = *l
		if next := r.cron.Entry(l.id).Next; !next.IsZero() {
			out[i].Next = &next
		}
	}
	return out
}

func (r *Runner) ran(name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		if l.Name == name {
			now := time.Now()
			l.Last, l.Err = &now, err
		}
	}
}

// Start runs the jobs until Stop. Recover is the inner wrapper: outside
// SkipIfStillRunning one panic would stop a job for good (cron v3.0.1).
func Start(store *evidence.Store, log *slog.Logger, jobs []Job) (*Runner, error) {
	logger := cron.PrintfLogger(slog.NewLogLogger(log.Handler(), slog.LevelError))
	r := &Runner{store: store, log: log, cron: cron.New(cron.WithSeconds(), cron.WithLocation(evidence.Beijing),
		cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger), cron.Recover(logger)))}
	for _, j := range jobs {
		id, err := r.cron.AddFunc(j.Spec, func() { r.run(j) })
		if err != nil {
			return nil, fmt.Errorf("timetable: %s: %w", j.Name, err)
		}
		r.lines = append(r.lines, &Line{Name: j.Name, Spec: j.Spec, id: id})
	}
	r.cron.Start()
	return r, nil
}

// Stop ends the timetable and waits for the jobs that run.
func (r *Runner) Stop(ctx context.Context) {
	select {
	case <-r.cron.Stop().Done():
	case <-ctx.Done():
	}
}

func (r *Runner) run(j Job) {
	ctx, cancel := context.WithTimeout(context.Background(), j.Timeout)
	defer cancel()
	err := r.Once(ctx, j)
	r.ran(j.Name, err)
	if err != nil {
		r.log.Error("job failed", "job", j.Name, "error", err.Error())
	}
}

// Once runs a job now, unless another server is at it. Its run is kept for the
// operator's page when it did something or failed.
func (r *Runner) Once(ctx context.Context, j Job) error {
	conn, err := r.store.DB().Connx(ctx)
	if err != nil {
		return fmt.Errorf("connection for the lock: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var mine bool
	if err := conn.GetContext(ctx, &mine, `SELECT pg_try_advisory_lock(hashtext('job/' || $1))`, j.Name); err != nil || !mine {
		return err
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtext('job/' || $1))`, j.Name)
	}()
	done, err := j.Run(ctx)
	if done == 0 && err == nil {
		return nil
	}
	return errors.Join(err, r.keep(context.WithoutCancel(ctx), j.Name, done, err))
}

func (r *Runner) keep(ctx context.Context, name string, done int, failure error) error {
	var text *string
	if failure != nil {
		s := failure.Error()
		text = &s
	}
	return r.store.Aside(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO job_run (job, started_at, ended_at, done, error) VALUES ($1, clock_timestamp(), clock_timestamp(), $2, $3)
			ON CONFLICT (job) DO UPDATE SET ended_at = excluded.ended_at, done = job_run.done + excluded.done, error = excluded.error`, name, done, text)
		return err
	})
}
