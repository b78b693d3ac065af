package bench

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"jianbiao/bidding/lot"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/server/city"
)

// rushMeasure measures the minutes before a deadline: how many bids a second are
// finally received, through HTTP and by many clients at once, into one lot. The
// envelopes were uploaded before, as the bidder's page does it; a commit is all
// that makes an upload a bid: session, header and deadline judged, file taken
// over, row and evidence committed, receipt signed. The peer is pgbench's
// simple-update transaction on the same PostgreSQL, by as many connections. The
// rounds of both take turns.
func rushMeasure(ctx context.Context, flags *flag.FlagSet, args []string, human io.Writer) ([]Result, error) {
	clients, seconds, rounds := flags.Int("clients", 64, ""), flags.Int("seconds", 5, ""), flags.Int("rounds", 5, "")
	if err := parse(flags, args, clients, seconds, rounds); err != nil {
		return nil, err
	}
	r, err := rush(ctx, *clients, *rounds, time.Duration(*seconds)*time.Second, human)
	return []Result{r}, err
}

func rush(ctx context.Context, clients, rounds int, length time.Duration, human io.Writer) (Result, error) {
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(human, format+"\n", a...) }
	say("建立 %d 家投标人并登录……", clients)
	f, err := openFloor(ctx, clients)
	if err != nil {
		return Result{}, err
	}
	defer f.stop()
	l, err := f.published(ctx, 1)
	if err != nil {
		return Result{}, err
	}
	hands, err := f.logIn(ctx)
	if err != nil {
		return Result{}, err
	}
	peer, err := newPgbench(ctx, f.p.Database.OwnerDSN(""), clients)
	if err != nil {
		return Result{}, err
	}
	defer peer.close()
	var ours, theirs []float64
	for i := range rounds {
		say("第 %d/%d 轮：先密封并上传文件……", i+1, rounds)
		if err := f.uploadAhead(ctx, hands, l, perSecondEach*int(length/time.Second)); err != nil {
			return Result{}, err
		}
		n, took, err := together(ctx, clients, length, func(ctx context.Context, i int) error { return hands[i].submit(ctx, f.url) })
		if err != nil {
			return Result{}, err
		}
		ours = append(ours, float64(n)/took.Seconds())
		if n, took, err = together(ctx, clients, length, peer.transaction); err != nil {
			return Result{}, err
		}
		theirs = append(theirs, float64(n)/took.Seconds())
		say("  提交 %.0f 份/秒，simple-update %.0f 次/秒", ours[i], theirs[i])
	}
	r := ratio(Result{Bench: "rush", Value: middle(ours), Unit: "1/s", Peer: middle(theirs)})
	say("%d 个客户端、一个标段：提交 %.0f 份/秒，simple-update %.0f 次/秒，比值 %.3f（目标不低于 0.4）", clients, r.Value, r.Peer, r.Ratio)
	return r, nil
}

// middle is the median.
func middle(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	m := s[len(s)/2]
	if len(s)%2 == 0 {
		m = (m + s[len(s)/2-1]) / 2
	}
	return float64(int(m*1000+0.5)) / 1000
}

var errNothingLeft = errors.New("bench: no envelope is left")

// together lets n workers do one thing over and over until the time is over, or
// one of them has nothing left to do. It counts what was done.
func together(ctx context.Context, n int, length time.Duration, do func(ctx context.Context, i int) error) (int, time.Duration, error) {
	var (
		done   atomic.Int64
		over   atomic.Bool
		failed atomic.Pointer[error]
		wait   sync.WaitGroup
	)
	began := time.Now()
	for i := range n {
		wait.Go(func() {
			for !over.Load() && time.Since(began) < length {
				switch err := do(ctx, i); {
				case errors.Is(err, errNothingLeft):
					over.Store(true)
				case err != nil:
					failed.Store(&err)
					over.Store(true)
				default:
					done.Add(1)
				}
			}
		})
	}
	wait.Wait()
	took := time.Since(began)
	if err := failed.Load(); err != nil {
		return 0, took, *err
	}
	return int(done.Load()), took, nil
}

// hand is one client with its session and its uploaded envelopes.
type hand struct {
	http *http.Client
	left []string // ids of uploads
}

func (f *floor) logIn(ctx context.Context) ([]*hand, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	out := make([]*hand, len(f.firms))
	for i, t := range f.firms {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return nil, err
		}
		out[i] = &hand{http: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
		body, err := json.Marshal(map[string]string{"login": t.login, "password": city.Password})
		if err != nil {
			return nil, err
		}
		if err := out[i].post(ctx, f.url+"/api/session", "application/json", body, http.StatusOK); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (h *hand) post(ctx context.Context, url, media string, body []byte, want int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", media)
	res, err := h.http.Do(req)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode != want {
		return apperr.New(apperr.Internal, "bench.refused", "平台答复 %d：%s", res.StatusCode, raw)
	}
	return nil
}

// perSecondEach is how many bids are ready for each client and second: so many
// that none runs out on a fast machine.
const perSecondEach = 10

func (h *hand) submit(ctx context.Context, url string) error {
	if len(h.left) == 0 {
		return errNothingLeft
	}
	id := h.left[0]
	h.left = h.left[1:]
	return h.post(ctx, url+"/api/bids?upload="+id, "application/octet-stream", nil, http.StatusCreated)
}

// uploadAhead gives each client so many uploaded first bids of its firm for the
// lot. The counters of the day begin anew: they are for people.
func (f *floor) uploadAhead(ctx context.Context, hands []*hand, l *lot.Lot, each int) error {
	f.p.Submissions.ForgetDay()
	f.p.Uploads.ForgetDay()
	g, ctx := errgroup.WithContext(ctx)
	for i, h := range hands {
		g.Go(func() error {
			h.left = nil
			for range each {
				id, err := f.uploaded(ctx, &f.firms[i], l)
				if err != nil {
					return err
				}
				h.left = append(h.left, id)
			}
			return nil
		})
	}
	return g.Wait()
}

func (f *floor) uploaded(ctx context.Context, t *tenderer, l *lot.Lot) (string, error) {
	var envelope bytes.Buffer
	if _, err := t.Seal(&envelope, known(l), offer("45000000.00"), birth); err != nil {
		return "", err
	}
	digest := fmt.Sprintf("sm3:%x", sm3.Sum(envelope.Bytes()))
	id, err := f.p.Submissions.Announce(t.who, int64(envelope.Len()), digest)
	if err != nil {
		return "", err
	}
	if _, err := f.p.Uploads.Append(ctx, id, 0, digest, &envelope); err != nil {
		return "", err
	}
	return id, f.p.Submissions.Begin(ctx, id)
}

// pgbench is the simple-update transaction of pgbench (-N), scale 10.
type pgbench struct{ db *sqlx.DB }

const pgbenchScale = 10

func newPgbench(ctx context.Context, dsn string, clients int) (*pgbench, error) {
	db, err := database.OpenPool(ctx, dsn, clients, clients)
	if err != nil {
		return nil, err
	}
	p := &pgbench{db: db}
	for _, q := range []string{
		`CREATE SCHEMA pgbench`,
		`CREATE TABLE pgbench.accounts (aid int NOT NULL, bid int, abalance int, filler char(84))`,
		`CREATE TABLE pgbench.history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))`,
		fmt.Sprintf(`INSERT INTO pgbench.accounts SELECT n, (n - 1) / 100000 + 1, 0, '' FROM generate_series(1, %d) n`, pgbenchScale*100_000),
		`ALTER TABLE pgbench.accounts ADD PRIMARY KEY (aid)`,
		`VACUUM ANALYZE pgbench.accounts`,
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			p.close()
			return nil, fmt.Errorf("prepare pgbench: %w", err)
		}
	}
	return p, nil
}

func (p *pgbench) close() { _ = p.db.Close() }

func (p *pgbench) transaction(ctx context.Context, _ int) error {
	aid, bid, tid, delta := rand.IntN(pgbenchScale*100_000)+1, rand.IntN(pgbenchScale)+1, rand.IntN(pgbenchScale*10)+1, rand.IntN(10_001)-5000
	tx, err := p.db.BeginTxx(ctx, &sql.TxOptions{})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after the commit
	var balance int
	if _, err := tx.ExecContext(ctx, `UPDATE pgbench.accounts SET abalance = abalance + $1 WHERE aid = $2`, delta, aid); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if err := tx.GetContext(ctx, &balance, `SELECT abalance FROM pgbench.accounts WHERE aid = $1`, aid); err != nil {
		return fmt.Errorf("select: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO pgbench.history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)`, tid, bid, aid, delta); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	return tx.Commit()
}
