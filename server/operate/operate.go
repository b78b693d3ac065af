// Package operate is what the one who runs the machine looks at: whether the
// program lives and is ready, its figures for a collector, and the page of its
// health (平台运行状况).
//
// Nothing here may tell who bids, for what, or how many: silent routes are not
// counted, sockets and disk are told in coarse steps, and no figure belongs to
// one lot.
package operate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sys/unix"

	"jianbiao/internal/database"
	"jianbiao/server/jobs"
)

// Deps is what the operator looks at. A nil part is not there.
type Deps struct {
	DB           *sqlx.DB
	Data         string
	Version      string
	Schema       int64      // the newest migration of the program
	PID          func() int // of our own PostgreSQL, 0 for another
	Viewers      func() int // of all halls together
	Jobs         func() []jobs.Line
	MetricsToken string // "" closes /metrics on the ordinary address
}

// Operator answers the one who runs the machine.
type Operator struct {
	d       Deps
	started time.Time
	traffic traffic
	mu      sync.Mutex
	last    *Health // for a moment, so that a page left open by many costs nothing
	lastAt  time.Time
}

// New makes an Operator; Set gives it what to look at.
func New() *Operator { return &Operator{started: time.Now(), traffic: newTraffic()} }

// Set gives the parts, once they are there.
func (o *Operator) Set(d Deps) { o.d = d }

// Observe counts a request; it is api.Deps.Observe.
func (o *Operator) Observe(method, route string, status int, took time.Duration) {
	o.traffic.observe(method, route, status, took)
}

// The least free space with which the platform is ready, and below which the
// page warns.
const (
	leastFree = 1 << 30
	warnFree  = 10 << 30
)

// maxOffset is how far the machine's clock may be from the database's, and how
// far behind what was seen already, before that is a warning.
const maxOffset = 2 * time.Second

// Disk is the file system of the data folder, in GiB: finer figures would tell
// of each sealed bid that comes in.
type Disk struct {
	TotalGiB int64 `json:"totalGiB"`
	FreeGiB  int64 `json:"freeGiB"`
}

func (o *Operator) disk() (d Disk, free uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(o.d.Data, &s); err != nil {
		return d, 0, fmt.Errorf("look at the disk: %w", err)
	}
	size := uint64(s.Bsize)
	free = s.Bavail * size
	return Disk{TotalGiB: int64(s.Blocks * size >> 30), FreeGiB: int64(free >> 30)}, free, nil
}

// Clock compares the machine's clock with the database's and with the latest
// time that was seen.
type Clock struct {
	Legal         time.Time `json:"legal" db:"legal"`
	Real          time.Time `json:"real" db:"real"`
	Rate          float64   `json:"rate" db:"rate"`
	OffsetSeconds float64   `json:"offsetSeconds"` // database minus this machine
	BehindSeconds float64   `json:"behindSeconds" db:"behind"`
}

func (o *Operator) clock(ctx context.Context) (c Clock, err error) {
	before := time.Now()
	err = o.d.DB.GetContext(ctx, &c, `SELECT legal_now() AS legal, clock_timestamp() AS real, CAST(rate AS double precision) AS rate,
		GREATEST(0, EXTRACT(EPOCH FROM (SELECT seen_at FROM clock_mark) - clock_timestamp())) AS behind FROM legal_clock`)
	if err != nil {
		return c, fmt.Errorf("read the clock: %w", err)
	}
	after := time.Now()
	c.OffsetSeconds = c.Real.Sub(before.Add(after.Sub(before) / 2)).Seconds()
	return c, nil
}

// keyStore says whether the private keys can be read.
func (o *Operator) keyStore() error {
	f, err := os.Open(filepath.Join(o.d.Data, "keys", "platform.json"))
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	_, err = f.Read(b)
	return errors.Join(err, f.Close())
}

// Readiness is whether the program can do its work, check by check.
type Readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // ok, or what is wrong
}

// Ready looks whether the database answers under the schema of this program,
// the disk has room, the key store can be read and the clock is right.
func (o *Operator) Ready(ctx context.Context) Readiness {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r := Readiness{Ready: true, Checks: map[string]string{}}
	say := func(name, wrong string) {
		if wrong == "" {
			wrong = "ok"
		} else {
			r.Ready = false
		}
		r.Checks[name] = wrong
	}
	say("database", o.readyDatabase(ctx))
	wrong := ""
	if _, free, err := o.disk(); err != nil || free < leastFree {
		wrong = "full"
	}
	say("disk", wrong)
	wrong = ""
	if o.keyStore() != nil {
		wrong = "unreadable"
	}
	say("keys", wrong)
	wrong = ""
	if c, err := o.clock(ctx); err == nil && c.wrong() { // without the database there is nothing to compare with
		wrong = "off"
	}
	say("clock", wrong)
	return r
}

func (c Clock) wrong() bool {
	limit := maxOffset.Seconds()
	return c.OffsetSeconds > limit || c.OffsetSeconds < -limit || c.BehindSeconds > limit
}

func (o *Operator) readyDatabase(ctx context.Context) string {
	version, err := database.SchemaVersion(ctx, o.d.DB)
	switch {
	case err != nil:
		return "unreachable"
	case version != o.d.Schema:
		return "schema"
	default:
		return ""
	}
}

// memory is what the program has from the system, in MiB.
func memory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys >> 20)
}

// crowd tells a number of viewers in steps of ten: in a hall before its roster
// an exact one would tell how many bidders wait.
func crowd(n int) int { return (n + 9) / 10 * 10 }
