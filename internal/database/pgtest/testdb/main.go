// Command testdb starts and stops the PostgreSQL cluster that the tests share.
//
//	go run ./internal/database/pgtest/testdb start   # start it, print its address
//	go run ./internal/database/pgtest/testdb stop    # end it, at the end of make test
//
// Tests need neither: the first of them starts the cluster, and it ends by
// itself two minutes after the last (JIANBIAO_PGTEST_IDLE=1h for longer).
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"jianbiao/internal/database/pgtest"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		os.Exit(1) //nolint:gocritic // the context dies with the program
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "start":
		dsn, err := pgtest.Start(ctx)
		if err != nil {
			return err
		}
		fmt.Println(dsn)
		return nil
	case len(args) == 1 && args[0] == "stop":
		return pgtest.Stop(ctx)
	default:
		return fmt.Errorf("say start or stop")
	}
}
