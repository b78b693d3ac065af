// Command apifuzz asks a running rehearsal instance everything that its own
// description (/openapi.json) allows, and much that it does not, as one of the
// public and as two people of every role. It ends with 1 when an answer is a
// fault of the server, is a refusal that is no Chinese problem, is not what the
// description says, or belongs to somebody else. scripts/fuzz-openapi.sh runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

func main() {
	var r run
	base := flag.String("url", "http://127.0.0.1:8080", "a rehearsal instance of its own: much is changed in it")
	flag.IntVar(&r.requests, "requests", 100_000, "how many, over all roles")
	flag.IntVar(&r.workers, "workers", 8, "at once")
	flag.Uint64Var(&r.seed, "seed", uint64(time.Now().UnixNano()), "of the inputs")
	flag.BoolVar(&r.verbose, "v", false, "name the operations that were never done rightly")
	careful := flag.Bool("careful", false, "tell only which operations are held back, and why")
	flag.Parse()
	r.base = *base
	if *careful {
		tellCareful()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := r.prepare(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	r.all(ctx)
	if r.report(os.Stdout) > 0 {
		os.Exit(1)
	}
}

func tellCareful() {
	meant := map[care]string{stranger: "only on what the run made itself", broken: "only with bodies that nothing allows", nobody: "only without a login"}
	for name, c := range careful {
		fmt.Printf("%-45s %s: %s\n", name, meant[c.care], c.why)
	}
}

func (r *run) prepare(ctx context.Context) (err error) {
	if r.d, err = describe(ctx, r.base); err != nil {
		return err
	}
	if r.people, err = cityPeople(ctx, r.base); err != nil {
		return err
	}
	r.ids = newPool()
	marks, firms, err := plant(ctx, r.base, r.people, r.ids, rand.New(rand.NewPCG(r.seed, 0)))
	if err != nil {
		return err
	}
	r.marks, r.people = marks, append(r.people, firms...)
	r.whole = wholes(rand.New(rand.NewPCG(r.seed, 1<<32)))
	return r.samples(ctx)
}
