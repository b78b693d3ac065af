package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"jianbiao/server/city"
	"jianbiao/server/platform"
)

// prepare makes the rehearsal city on a rehearsal instance.
func prepare(ctx context.Context, p *platform.Platform, _ net.Addr, stdout io.Writer) error {
	if !p.Config.Rehearsal {
		return nil
	}
	fmt.Fprintln(stdout, "正在准备演练城市宿迁…… preparing the rehearsal city")
	return city.Make(ctx, p)
}

func rehearse(_ []string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "not yet")
	return 2
}
