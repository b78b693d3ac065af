package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"jianbiao/server/platform"
)

// prepare makes the rehearsal city on a rehearsal instance.
func prepare(ctx context.Context, p *platform.Platform, addr net.Addr, stdout io.Writer) error {
	if !p.Config.Rehearsal {
		return nil
	}
	_ = ctx
	fmt.Fprintln(stdout, "演练平台", addr)
	return nil
}

func rehearse(_ []string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "not yet")
	return 2
}
