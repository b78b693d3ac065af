package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
)

// pagesMeasure measures the two public pages that everybody reads: a lot, and
// the list of notices. The peer is a bare Echo handler of the same process that
// asks the database the same questions and writes what comes as JSON: no
// session, no permissions, no labels, no headers. Both answer at their own pace
// to as many clients at once; what is compared is the p99 of the answers.
func pagesMeasure(ctx context.Context, flags *flag.FlagSet, args []string, human io.Writer) ([]Result, error) {
	clients, seconds, rounds := flags.Int("clients", 16, ""), flags.Int("seconds", 5, ""), flags.Int("rounds", 5, "")
	if err := parse(flags, args, clients, seconds, rounds); err != nil {
		return nil, err
	}
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(human, format+"\n", a...) }
	say("建立 60 个标段……")
	f, err := openFloor(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	var l *lot.Lot
	for i := range 60 {
		if l, err = f.published(ctx, i+1); err != nil {
			return nil, err
		}
	}
	bare, stop, err := f.bareHandlers(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	var out []Result
	for _, page := range []struct{ name, path string }{{"pages/lot", "/api/lots/" + l.ID}, {"pages/list", "/api/lots?limit=20"}} {
		var ours, theirs []float64
		for range *rounds {
			for _, side := range []struct {
				base string
				into *[]float64
			}{{f.url, &ours}, {bare, &theirs}} {
				p99, err := load(ctx, side.base+page.path, *clients, time.Duration(*seconds)*time.Second)
				if err != nil {
					return nil, err
				}
				*side.into = append(*side.into, ms(p99))
			}
		}
		r := ratio(Result{Bench: page.name, Value: middle(ours), Unit: "ms", Peer: middle(theirs)})
		say("%s：p99 %.2f ms，只做查询 %.2f ms，比值 %.3f（目标不超过 2）", page.name, r.Value, r.Peer, r.Ratio)
		out = append(out, r)
	}
	return out, nil
}

// bareHandlers serves the same questions to the database and nothing else.
func (f *floor) bareHandlers(ctx context.Context) (url string, stop func(), err error) {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/api/lots/:id", func(c echo.Context) error {
		ctx := c.Request().Context()
		l, err := f.p.Lots.Get(ctx, c.Param("id"))
		if err != nil {
			return err
		}
		briefs, err := f.p.Openings.Briefs(ctx, []string{l.ID})
		if err != nil {
			return err
		}
		legal, err := f.p.Clock.Legal(ctx)
		if err != nil {
			return err
		}
		doc, err := f.p.Lots.Document(ctx, l.ID)
		if err != nil {
			return err
		}
		notices, err := f.p.Lots.Notices(ctx, l.ID)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, map[string]any{"lot": l, "opening": briefs[l.ID], "now": legal, "document": doc, "notices": notices})
	})
	e.GET("/api/lots", func(c echo.Context) error {
		ctx := c.Request().Context()
		lots, err := f.p.Lots.List(ctx, actor.Actor{Role: actor.Public}, lot.Filter{Limit: 20})
		if err != nil {
			return err
		}
		ids := make([]string, len(lots))
		for i := range lots {
			ids[i] = lots[i].ID
		}
		briefs, err := f.p.Openings.Briefs(ctx, ids)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, map[string]any{"items": lots, "openings": briefs})
	})
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close
	return "http://" + l.Addr().String(), func() { _ = srv.Close() }, nil
}

// load asks for a page by many clients for a while and gives the p99 of the
// times until the whole answer was there.
func load(ctx context.Context, url string, clients int, length time.Duration) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var times []time.Duration
	_, _, err := together(ctx, clients, length, func(ctx context.Context, _ int) error {
		began := time.Now()
		if err := fetch(ctx, client, url); err != nil {
			return err
		}
		took := time.Since(began)
		mu.Lock()
		times = append(times, took)
		mu.Unlock()
		return nil
	})
	if err != nil {
		return 0, err
	}
	if len(times) == 0 {
		return 0, errors.New("bench: no answer")
	}
	slices.Sort(times)
	return times[len(times)*99/100], nil
}

func fetch(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, res.StatusCode)
	}
	return nil
}
