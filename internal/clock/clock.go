// Package clock is the platform's legal time (授时): Beijing time as the
// database keeps it. In production it is real time. A rehearsal (演练) may start
// it at another day, move it forward and let it run faster, on the record; a
// production instance refuses to start on a database where that was done.
//
// Sessions, limits and signatures of witnesses live in real time and not here.
package clock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// Stream is the evidence stream of the clock.
const Stream = "platform/clock"

// MaxRate is the fastest that a rehearsal's clock may run: a day in a second.
const MaxRate = 86_400

// Clock reads the legal time and, on a rehearsal instance, changes it.
type Clock struct {
	store     *evidence.Store
	rehearsal bool
	changing  sync.Mutex // two changes that both wait for the table lock would lock each other out
}

// New makes the clock of an instance; rehearsal says which kind it is.
func New(store *evidence.Store, rehearsal bool) *Clock {
	return &Clock{store: store, rehearsal: rehearsal}
}

// Reading is both times at one instant, and how many legal seconds pass in a
// real one.
type Reading struct {
	Legal time.Time `db:"legal"`
	Real  time.Time `db:"real"`
	Rate  float64   `db:"rate"`
}

// Legal is the legal time now.
func (c *Clock) Legal(ctx context.Context) (time.Time, error) {
	var t time.Time
	if err := c.store.DB().GetContext(ctx, &t, `SELECT legal_now()`); err != nil {
		return time.Time{}, fmt.Errorf("read the legal time: %w", err)
	}
	return t, nil
}

// Read is the legal time now, with the real time and the rate.
func (c *Clock) Read(ctx context.Context) (Reading, error) {
	var r Reading
	err := c.store.DB().GetContext(ctx, &r, `
		SELECT c.base_legal + (t.real - c.base_real) * CAST(c.rate AS double precision) AS legal, t.real, c.rate
		  FROM legal_clock c, (SELECT real_now() AS real) t`)
	if err != nil {
		return Reading{}, fmt.Errorf("read the clock: %w", err)
	}
	return r, nil
}

// Move sets the legal time forward to an instant. Codes: clock.production,
// clock.role, clock.backwards, clock.busy.
func (c *Clock) Move(ctx context.Context, who actor.Actor, to time.Time) (Reading, error) {
	return c.change(ctx, who, "move", func(old Reading) (Reading, error) {
		if to.Before(old.Legal) {
			return old, apperr.New(apperr.Precondition, "clock.backwards", "演练时间只能向前调：现在是 %s。", beijing(old.Legal))
		}
		old.Legal = to
		return old, nil
	})
}

// Advance sets the legal time forward by a duration. Codes: clock.production,
// clock.role, clock.backwards, clock.busy.
func (c *Clock) Advance(ctx context.Context, who actor.Actor, by time.Duration) (Reading, error) {
	return c.change(ctx, who, "advance", func(old Reading) (Reading, error) {
		if by < 0 {
			return old, apperr.New(apperr.Precondition, "clock.backwards", "演练时间只能向前调：现在是 %s。", beijing(old.Legal))
		}
		old.Legal = old.Legal.Add(by)
		return old, nil
	})
}

// SetRate lets legal time run rate times as fast as real time, from 0 (it
// stands) to MaxRate. Codes: clock.production, clock.role, clock.rate, clock.busy.
func (c *Clock) SetRate(ctx context.Context, who actor.Actor, rate float64) (Reading, error) {
	if math.IsNaN(rate) || rate < 0 || rate > MaxRate {
		return Reading{}, apperr.New(apperr.Invalid, "clock.rate", "演练时间的倍率应在 0 与 %d 之间。", MaxRate)
	}
	return c.change(ctx, who, "set_rate", func(old Reading) (Reading, error) {
		old.Rate = rate
		return old, nil
	})
}

// Start sets the legal time of an empty rehearsal platform, backwards too.
// Codes: clock.production, clock.role, clock.started, clock.busy.
func (c *Clock) Start(ctx context.Context, who actor.Actor, at time.Time) (Reading, error) {
	var started bool
	if err := c.store.DB().GetContext(ctx, &started, `SELECT EXISTS (SELECT 1 FROM event)`); err != nil {
		return Reading{}, fmt.Errorf("look for an event: %w", err)
	}
	if started {
		return Reading{}, apperr.New(apperr.Precondition, "clock.started", "平台上已经有了记录，不能再设定演练的起始时间。")
	}
	return c.change(ctx, who, "start", func(old Reading) (Reading, error) {
		old.Legal = at
		return old, nil
	})
}

func (c *Clock) authorise(who actor.Actor) error {
	switch {
	case !c.rehearsal:
		return apperr.New(apperr.Forbidden, "clock.production", "这是正式运行的平台，授时不能改动。")
	case who.Role != actor.Rehearsal:
		return apperr.New(apperr.Forbidden, "clock.role", "只有演练主持可以调整演练时间。")
	default:
		return nil
	}
}

// change reads the clock, asks next for the new reading and stores it, on the
// record. Readers of legal_now() wait meanwhile (the table lock): otherwise one
// who reads the old row between the change and its commit would, when the rate
// is lowered, see time go back.
func (c *Clock) change(ctx context.Context, who actor.Actor, command string, next func(Reading) (Reading, error)) (Reading, error) {
	if err := c.authorise(who); err != nil {
		return Reading{}, err
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	var now Reading
	err := c.store.Change(ctx, func(tx *evidence.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		old, err := read(ctx, tx)
		if err != nil {
			return err
		}
		if now, err = next(old); err != nil {
			return err
		}
		if err := write(ctx, tx, now); err != nil {
			return err
		}
		if err := tx.Reread(ctx); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: Stream, Kind: "clock.changed", Actor: who, Fields: map[string]any{
			"command": command, "from": old.Legal.UTC().Format(time.RFC3339Nano), "to": now.Legal.UTC().Format(time.RFC3339Nano),
			"fromRate": rateText(old.Rate), "toRate": rateText(now.Rate)}})
		return nil
	})
	if lockTimeout(err) {
		return Reading{}, apperr.New(apperr.Unavailable, "clock.busy", "平台正忙，演练时间没有改动，请再试一次。").Because(err)
	}
	return now, err
}

// lockTimeout says whether err is PostgreSQL's lock_not_available.
func lockTimeout(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && pe.Code == pqerror.LockNotAvailable
}

func lock(ctx context.Context, tx *evidence.Tx) error {
	for _, query := range []string{
		`SET LOCAL lock_timeout = '10s'`,
		`LOCK TABLE legal_clock IN ACCESS EXCLUSIVE MODE`,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("lock the clock: %w", err)
		}
	}
	return nil
}

func read(ctx context.Context, tx *evidence.Tx) (r Reading, err error) {
	err = tx.GetContext(ctx, &r, `
		SELECT c.base_legal + (t.real - c.base_real) * CAST(c.rate AS double precision) AS legal, t.real, c.rate
		  FROM legal_clock c, (SELECT real_now() AS real) t`)
	if err != nil {
		return Reading{}, fmt.Errorf("read the clock: %w", err)
	}
	return r, nil
}

func write(ctx context.Context, tx *evidence.Tx, r Reading) error {
	if _, err := tx.ExecContext(ctx, `UPDATE legal_clock SET base_legal = $1, base_real = $2, rate = $3`,
		r.Legal, r.Real, rateText(r.Rate)); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	return nil
}

// CheckProduction refuses a database in which a rehearsal took place: its clock
// was changed, or it has people made by a rehearsal. A production instance MUST
// call it before it serves. Codes: clock.rehearsed, person.rehearsal.
func (c *Clock) CheckProduction(ctx context.Context) error {
	var seen struct {
		Clock  bool `db:"clock"`
		People int  `db:"people"`
	}
	err := c.store.DB().GetContext(ctx, &seen, `
		SELECT (SELECT bool_or(rate <> 1 OR base_legal <> base_real) FROM legal_clock) AS clock,
		       (SELECT count(*) FROM person WHERE rehearsal) AS people`)
	if err != nil {
		return fmt.Errorf("check the clock: %w", err)
	}
	if seen.Clock {
		return apperr.New(apperr.Precondition, "clock.rehearsed",
			"这个数据库的授时在演练中改动过，不能用于正式运行：请换一个空的数据目录或数据库，或者以 --rehearsal 启动。")
	}
	if seen.People > 0 {
		return apperr.New(apperr.Precondition, "person.rehearsal",
			"这个数据库里有 %d 名演练人员，不能用于正式运行：请换一个空的数据目录或数据库，或者以 --rehearsal 启动。", seen.People)
	}
	return nil
}

// rateText keeps floats out of evidence and database: a decimal, as short as
// it can be.
func rateText(rate float64) string { return strconv.FormatFloat(rate, 'f', -1, 64) }

func beijing(t time.Time) string { return t.In(evidence.Beijing).Format("2006年1月2日 15:04:05") }
