package operate

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// request is what requests are counted by: the route as registered, never a
// path.
type request struct {
	method, route string
	status        int
}

type sum struct {
	count   int64
	seconds float64
}

// traffic counts requests.
type traffic struct {
	mu    sync.Mutex
	seen  map[request]*sum
	total int64
}

func newTraffic() traffic { return traffic{seen: map[request]*sum{}} }

func (t *traffic) observe(method, route string, status int, took time.Duration) {
	if strings.HasSuffix(route, "/hall") {
		return // how many come to a hall before its roster is nobody's business
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
	k := request{method, route, status}
	s := t.seen[k]
	if s == nil {
		s = &sum{}
		t.seen[k] = s
	}
	s.count++
	s.seconds += took.Seconds()
}

// snapshot copies the counts, in a fixed order.
func (t *traffic) snapshot() ([]request, map[request]sum) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[request]sum, len(t.seen))
	for k, s := range t.seen {
		out[k] = *s
	}
	return slices.SortedFunc(maps.Keys(out), func(a, b request) int {
		return strings.Compare(fmt.Sprint(a.route, a.method, a.status), fmt.Sprint(b.route, b.method, b.status))
	}), out
}

// WriteMetrics writes the figures in Prometheus' text format (0.0.4).
func (o *Operator) WriteMetrics(ctx context.Context, w io.Writer) error {
	b := bufio.NewWriter(w)
	gauge := func(name, help string, v float64) {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n%s %v\n", name, help, name, name, v)
	}
	flag := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	fmt.Fprintf(b, "# HELP jianbiao_info The program.\n# TYPE jianbiao_info gauge\njianbiao_info{version=%q,go=%q} 1\n", o.d.Version, runtime.Version())
	gauge("jianbiao_start_time_seconds", "When the program started.", float64(o.started.Unix()))
	gauge("jianbiao_goroutines", "Goroutines.", float64(runtime.NumGoroutine()))
	gauge("jianbiao_memory_mebibytes", "Memory taken from the system.", float64(memory()))
	h := o.look(ctx)
	gauge("jianbiao_ready", "Whether the program can do its work.", flag(h.Ready.Ready))
	gauge("jianbiao_database_up", "Whether the database answers.", flag(h.Database.OK))
	if h.Database.OK {
		gauge("jianbiao_database_connections", "Connections of this program to the database.", float64(h.Database.Open))
		gauge("jianbiao_database_connections_waited", "How often a request had to wait for a connection.", float64(h.Database.Waited))
		gauge("jianbiao_clock_offset_seconds", "Database's clock minus this machine's.", round(h.Clock.OffsetSeconds))
		gauge("jianbiao_clock_behind_seconds", "How far the clock is behind what was seen already.", round(h.Clock.BehindSeconds))
		if h.Backup.At != nil {
			gauge("jianbiao_backup_time_seconds", "When the last backup was made.", float64(h.Backup.At.Unix()))
		}
	}
	gauge("jianbiao_disk_free_gibibytes", "Free space of the data folder, in whole GiB.", float64(h.Disk.FreeGiB))
	gauge("jianbiao_disk_total_gibibytes", "Size of the data folder's file system.", float64(h.Disk.TotalGiB))
	gauge("jianbiao_sockets", "Websockets of all halls together, rounded up to tens.", float64(h.Sockets))
	o.writeJobs(b, h)
	o.writeTraffic(b)
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}

// round keeps milliseconds.
func round(seconds float64) float64 { return float64(int64(seconds*1000)) / 1000 }

func (o *Operator) writeJobs(b *bufio.Writer, h *Health) {
	fmt.Fprint(b, "# HELP jianbiao_job_failed Whether the last run of a job failed.\n# TYPE jianbiao_job_failed gauge\n")
	for _, j := range h.Jobs {
		failed := 0
		if j.Failed {
			failed = 1
		}
		fmt.Fprintf(b, "jianbiao_job_failed{job=%q} %d\n", j.Name, failed)
	}
	fmt.Fprint(b, "# HELP jianbiao_job_run_time_seconds When a job ran last on this server.\n# TYPE jianbiao_job_run_time_seconds gauge\n")
	for _, j := range h.Jobs {
		if j.Last != nil {
			fmt.Fprintf(b, "jianbiao_job_run_time_seconds{job=%q} %d\n", j.Name, j.Last.Unix())
		}
	}
}

func (o *Operator) writeTraffic(b *bufio.Writer) {
	keys, sums := o.traffic.snapshot()
	fmt.Fprint(b, "# HELP jianbiao_http_requests_total Requests by route; routes of sealed bids, vaults and halls are not counted.\n# TYPE jianbiao_http_requests_total counter\n")
	for _, k := range keys {
		fmt.Fprintf(b, "jianbiao_http_requests_total{method=%q,route=%q,status=\"%d\"} %d\n", k.method, k.route, k.status, sums[k].count)
	}
	fmt.Fprint(b, "# HELP jianbiao_http_request_seconds_total Time spent on them.\n# TYPE jianbiao_http_request_seconds_total counter\n")
	for _, k := range keys {
		fmt.Fprintf(b, "jianbiao_http_request_seconds_total{method=%q,route=%q,status=\"%d\"} %.3f\n", k.method, k.route, k.status, sums[k].seconds)
	}
}
