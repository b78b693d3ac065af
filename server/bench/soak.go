package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/actor"
	"jianbiao/server/city"
)

// soakMeasure keeps many sockets in many halls for a while, with something
// happening in every hall all the time: remarks by the supervisor, presence,
// people who come and go. Memory at the end is compared with that of the third
// minute: Value and Peer are MiB of heap and stacks in use after a collection,
// of the process that holds the server and its viewers.
func soakMeasure(ctx context.Context, flags *flag.FlagSet, args []string, human io.Writer) ([]Result, error) {
	minutes, sockets, halls := flags.Int("minutes", 15, ""), flags.Int("sockets", 3000, ""), flags.Int("halls", 30, "")
	if err := parse(flags, args, minutes, sockets, halls); err != nil {
		return nil, err
	}
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(human, format+"\n", a...) }
	if err := enoughFiles(*sockets); err != nil {
		return nil, err
	}
	s, err := newSoak(ctx, *halls, say)
	if err != nil {
		return nil, err
	}
	defer s.f.stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	say("连接 %d 个观众……", *sockets)
	if err := s.connect(ctx, *sockets); err != nil {
		return nil, err
	}
	var wait sync.WaitGroup
	wait.Go(func() { s.talk(ctx) })
	wait.Go(func() { s.comeAndGo(ctx) })
	third, end, err := s.watch(ctx, *minutes, say)
	cancel()
	wait.Wait()
	if err != nil {
		return nil, err
	}
	if err := s.failed(); err != nil {
		return nil, err
	}
	r := ratio(Result{Bench: "soak", Value: end, Unit: "MiB", Peer: third})
	say("%d 分钟，%d 个连接，%d 个大厅，%d 条事件，送达 %d 次：内存 %.1f MiB，第 3 分钟 %.1f MiB，比值 %.3f（目标 0.95 至 1.05）",
		*minutes, *sockets, *halls, s.events.Load(), s.delivered.Load(), r.Value, r.Peer, r.Ratio)
	return []Result{r}, nil
}

type soak struct {
	f         *floor
	who       actor.Actor
	lots      []string
	events    atomic.Int64
	delivered atomic.Int64
	failure   atomic.Pointer[error]
}

// newSoak opens the halls: each lot's lobby an hour before its deadline.
func newSoak(ctx context.Context, halls int, say func(string, ...any)) (*soak, error) {
	say("开放 %d 个大厅……", halls)
	f, err := openFloor(ctx, 1)
	if err != nil {
		return nil, err
	}
	s := &soak{f: f}
	err = s.open(ctx, halls)
	if err != nil {
		f.stop()
	}
	return s, err
}

func (s *soak) open(ctx context.Context, halls int) (err error) {
	s.f.settled++
	if s.who, err = city.Settle(ctx, s.f.p.Identity, s.f.settled, actor.Supervisor, "测量监督部门", "supervisor", "某人"); err != nil {
		return err
	}
	for i := range halls {
		l, err := s.f.published(ctx, i+1)
		if err != nil {
			return err
		}
		s.lots = append(s.lots, l.ID)
	}
	if _, err := s.f.p.Clock.Move(ctx, city.Conductor(), deadline.Add(-time.Hour)); err != nil {
		return err
	}
	for _, id := range s.lots {
		if err := s.f.p.Openings.OpenLobby(ctx, actor.System(), id); err != nil {
			return err
		}
	}
	return nil
}

// viewer is one public viewer of a hall, who reads everything.
func (s *soak) viewer(ctx context.Context, lot string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{ReadBufferSize: 1024, WriteBufferSize: 256, WriteBufferPool: &sync.Pool{}}
	ws, res, err := dialer.DialContext(ctx, strings.Replace(s.f.url, "http", "ws", 1)+"/api/lots/"+lot+"/hall?view=public", http.Header{})
	if err != nil {
		return nil, fmt.Errorf("enter the hall: %w", err)
	}
	_ = res.Body.Close()
	go watch(ws, func() { s.delivered.Add(1) })
	return ws, nil
}

func (s *soak) connect(ctx context.Context, n int) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && s.failure.Load() == nil; i = next.Add(1) - 1 {
				if _, err := s.viewer(ctx, s.lots[int(i)%len(s.lots)]); err != nil {
					s.failure.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wait.Wait()
	return s.failed()
}

func (s *soak) failed() error {
	if err := s.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// talk lets something happen in one hall after another, ten times a second.
func (s *soak) talk(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.f.p.Openings.Remark(ctx, s.who, s.lots[i%len(s.lots)], "测量中的一条备注，长度与平常相仿。"); err != nil && ctx.Err() == nil {
			s.failure.CompareAndSwap(nil, &err)
			return
		}
		s.events.Add(1)
	}
}

// comeAndGo lets one viewer enter and another leave, five times a second.
func (s *soak) comeAndGo(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ws, err := s.viewer(ctx, s.lots[i%len(s.lots)])
		if err != nil {
			if ctx.Err() == nil {
				s.failure.CompareAndSwap(nil, &err)
			}
			return
		}
		time.AfterFunc(2*time.Second, func() { _ = ws.Close() })
	}
}

// watch measures each minute, and keeps the third and the last.
func (s *soak) watch(ctx context.Context, minutes int, say func(string, ...any)) (third, end float64, err error) {
	first := min(3, minutes)
	for m := 1; m <= minutes; m++ {
		select {
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		case <-time.After(time.Minute):
		}
		if err := s.failed(); err != nil {
			return 0, 0, err
		}
		end = liveHeap()
		if m == first {
			third = end
		}
		say("  第 %d 分钟：堆 %.1f MiB，进程 %.0f MiB，%d 条事件，送达 %d 次，%d 个 goroutine", m, end, resident(), s.events.Load(), s.delivered.Load(), runtime.NumGoroutine())
	}
	return third, end, nil
}

// liveHeap is what is in use after a collection, in MiB.
func liveHeap() float64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(int((float64(m.HeapInuse)+float64(m.StackInuse))/(1<<20)*1000+0.5)) / 1000
}

// resident is the memory of the process, in MiB; 0 where the system does not say.
func resident() float64 {
	raw, err := os.ReadFile(filepath.Join("/proc", "self", "statm"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20)
}
