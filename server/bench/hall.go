package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
	"jianbiao/migrations"
	"jianbiao/server/live"
)

const (
	hallLot    = "bench"
	hallStream = "lot/" + hallLot
	warmUp     = 5
	rest       = 120 * time.Millisecond // between rounds: what follows an event is done
)

// hall measures how long one event takes from the hub's publish until the last
// of n viewers has read it, and how long a bare loop over n equal connections
// of the same process takes for the same bytes.
func hall(ctx context.Context, n, rounds int, human io.Writer) (Result, error) {
	if err := enoughFiles(n); err != nil {
		return Result{}, err
	}
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(human, format+"\n", a...) }
	say("启动测试用数据库……")
	db, dsn, stop, err := ownDatabase(ctx)
	if err != nil {
		return Result{}, err
	}
	defer stop()
	s := newStage(db, dsn)
	defer s.close()
	if err := s.record(ctx); err != nil { // a stream has a beginning
		return Result{}, err
	}
	say("连接 2 × %d 名观众……", n)
	if err := s.open(ctx, n); err != nil {
		return Result{}, err
	}
	ours, theirs, err := s.rounds(ctx, rounds)
	if err != nil {
		return Result{}, err
	}
	r := ratio(Result{Bench: "hall", Value: median(ours), Unit: "ms", Peer: median(theirs)})
	say("%d 轮，%d 名观众（公众九成，参与方与监督部门一成）：", rounds, n)
	say("  大厅     中位 %.1f ms（最快 %.1f，最慢 %.1f）", r.Value, fastest(ours), slowest(ours))
	say("  逐个发送 中位 %.1f ms（最快 %.1f，最慢 %.1f）", r.Peer, fastest(theirs), slowest(theirs))
	say("  比值 %.3f（目标不超过 1.3）", r.Ratio)
	return r, nil
}

func fastest(ds []time.Duration) float64 {
	return extreme(ds, func(a, b time.Duration) bool { return a < b })
}
func slowest(ds []time.Duration) float64 {
	return extreme(ds, func(a, b time.Duration) bool { return a > b })
}

func extreme(ds []time.Duration, better func(a, b time.Duration) bool) float64 {
	x := ds[0]
	for _, d := range ds {
		if better(d, x) {
			x = d
		}
	}
	return float64(x.Microseconds()) / 1000
}

// ownDatabase starts PostgreSQL in a folder of its own, which stop removes.
func ownDatabase(ctx context.Context) (db *sqlx.DB, dsn string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "jianbiao-bench-")
	if err != nil {
		return nil, "", nil, fmt.Errorf("make a folder: %w", err)
	}
	remove := func() { _ = os.RemoveAll(dir) } // what is left is in the folder for temporary files
	server, err := database.Start(ctx, database.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		remove()
		return nil, "", nil, err
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if db != nil {
			_ = db.Close()
		}
		_ = server.Stop(ctx)
		remove()
	}
	const name = "jianbiao_bench"
	if err = server.EnsureDatabase(ctx, name); err == nil {
		err = migrate(ctx, server.OwnerDSN(name))
	}
	if err == nil {
		db, err = database.Open(ctx, server.AppDSN(name))
	}
	if err != nil {
		stop()
		return nil, "", nil, err
	}
	return db, server.AppDSN(name), stop, nil
}

func migrate(ctx context.Context, dsn string) error {
	owner, err := database.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = owner.Close() }()
	return database.Migrate(ctx, owner, migrations.FS)
}

// stage is the server with both sides, and the process with their viewers.
type stage struct {
	store     *evidence.Store
	hub       *live.Hub
	published chan published
	server    *http.Server
	viewers   *exec.Cmd
	hangUp    io.Closer
	lines     chan string

	mu    sync.Mutex
	peers []peer
}

type published struct {
	seq int64
	at  int64
}

// peer is a bare connection and the audience class that it stands for.
type peer struct {
	ws    *websocket.Conn
	class int
}

func newStage(db *sqlx.DB, dsn string) *stage {
	s := &stage{store: evidence.NewStore(db), published: make(chan published, 64), lines: make(chan string, 16)}
	s.hub = live.New(live.Options{Source: s.store, Room: hallRoom{}, DSN: dsn, Log: slog.New(slog.DiscardHandler),
		Published: func(_ string, seq int64) {
			select {
			case s.published <- published{seq: seq, at: monotonic()}:
			default: // nobody measures
			}
		}})
	return s
}

// open serves both sides and starts the process with n viewers of each.
func (s *stage) open(ctx context.Context, n int) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/"+sideHub, s.serveHub)
	mux.HandleFunc("/"+sidePeer, s.servePeer)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // ends with close
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	s.viewers = exec.CommandContext(ctx, self, "bench", viewersCommand,
		"--address", listener.Addr().String(), "--viewers", strconv.Itoa(n))
	s.viewers.Stderr = os.Stderr
	stdin, err := s.viewers.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the viewers: %w", err)
	}
	stdout, err := s.viewers.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the viewers: %w", err)
	}
	if err := s.viewers.Start(); err != nil {
		return fmt.Errorf("start the viewers: %w", err)
	}
	s.hangUp = stdin
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	line, err := s.line(ctx)
	if err == nil && line != "ready" {
		err = fmt.Errorf("the viewers said %q", line)
	}
	for err == nil && s.seated() < n { // a client is connected a moment before its server knows
		time.Sleep(time.Millisecond)
		err = ctx.Err()
	}
	return err
}

func (s *stage) seated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(len(s.peers), s.hub.Viewers())
}

func (s *stage) close() {
	if s.hangUp != nil {
		_ = s.hangUp.Close()
		_ = s.viewers.Wait() // how it ends does not matter any more
	}
	if s.server != nil {
		_ = s.server.Close()
	}
	_ = s.hub.Close(5 * time.Second) // the viewers are gone
	for _, p := range s.peers {
		_ = p.ws.Close()
	}
}

// line is what the viewers say next.
func (s *stage) line(ctx context.Context) (string, error) {
	timer := time.NewTimer(2 * time.Minute)
	defer timer.Stop()
	select {
	case line, ok := <-s.lines:
		if !ok {
			return "", errors.New("the viewers have gone")
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-timer.C:
		return "", errors.New("the viewers say nothing")
	}
}

// arrived is when the last viewer of the side has read the event.
func (s *stage) arrived(ctx context.Context, side string) (int64, error) {
	line, err := s.line(ctx)
	if err != nil {
		return 0, err
	}
	at, ok := strings.CutPrefix(line, side+" ")
	if !ok {
		return 0, fmt.Errorf("the viewers said %q instead of %s", line, side)
	}
	return strconv.ParseInt(at, 10, 64)
}

func (s *stage) serveHub(w http.ResponseWriter, r *http.Request) {
	i, _ := strconv.Atoi(r.URL.Query().Get("i"))
	who := actor.Actor{PersonID: strconv.Itoa(i), OrganisationID: strconv.Itoa(i), Role: roleOf(i)}
	s.hub.Serve(w, r, hallLot, who, 1, "")
}

func (s *stage) servePeer(w http.ResponseWriter, r *http.Request) {
	i, _ := strconv.Atoi(r.URL.Query().Get("i"))
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers = append(s.peers, peer{ws: ws, class: classOf(roleOf(i))})
}

// record writes the event of one round.
func (s *stage) record(ctx context.Context) error {
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: hallStream, Kind: "remark.made", Actor: actor.System(), Fields: map[string]any{
			"text": strings.Repeat("开标现场一切正常，各投标人均已完成解密。", 6)}})
		return nil
	})
}

// rounds plays the rounds, the two sides taking turns in going first.
func (s *stage) rounds(ctx context.Context, n int) (ours, theirs []time.Duration, err error) {
	for i := range n + warmUp {
		var took [2]time.Duration
		for turn := range 2 {
			side := (i + turn) % 2
			time.Sleep(rest)
			if took[side], err = [2]func(context.Context) (time.Duration, error){s.hubRound, s.peerRound}[side](ctx); err != nil {
				return nil, nil, err
			}
		}
		if i >= warmUp {
			ours, theirs = append(ours, took[0]), append(theirs, took[1])
		}
	}
	return ours, theirs, nil
}

// hubRound records an event as every command does. The time runs from the
// moment when the hub, told of the commit, begins to publish it.
func (s *stage) hubRound(ctx context.Context) (time.Duration, error) {
	for len(s.published) > 0 {
		<-s.published
	}
	if err := s.record(ctx); err != nil {
		return 0, err
	}
	at, err := s.arrived(ctx, sideHub)
	if err != nil {
		return 0, err
	}
	return time.Duration(at - (<-s.published).at), nil
}

// peerRound writes the same bytes in the plainest way. The time runs from
// before the messages are prepared.
func (s *stage) peerRound(ctx context.Context) (time.Duration, error) {
	frames, err := s.frames(ctx)
	if err != nil {
		return 0, err
	}
	began := monotonic()
	var prepared [len(hallClasses)]*websocket.PreparedMessage
	for i, text := range frames {
		if prepared[i], err = websocket.NewPreparedMessage(websocket.TextMessage, text); err != nil {
			return 0, err
		}
	}
	for _, p := range s.peers {
		if err := p.ws.WritePreparedMessage(prepared[p.class]); err != nil {
			return 0, err
		}
	}
	at, err := s.arrived(ctx, sidePeer)
	return time.Duration(at - began), err
}

// frames are the messages with the last event, as the hub sends them.
func (s *stage) frames(ctx context.Context) (frames [len(hallClasses)][]byte, err error) {
	head, err := s.store.Head(ctx, hallStream)
	if err != nil {
		return frames, err
	}
	es, err := s.store.Since(ctx, hallStream, head-1, 1)
	if err != nil {
		return frames, err
	}
	for i, class := range hallClasses {
		var view json.RawMessage
		if view, err = (hallRoom{}).View(es[0], class); err != nil {
			return frames, err
		}
		if frames[i], err = live.EventFrame(head, view); err != nil {
			return frames, err
		}
	}
	return frames, nil
}
