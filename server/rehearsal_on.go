package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"jianbiao/server/city"
	"jianbiao/server/platform"
	"jianbiao/server/rehearse"
)

// prepare makes the rehearsal city on a rehearsal instance, and gives it its
// conductor.
func prepare(ctx context.Context, p *platform.Platform, addr net.Addr, stdout io.Writer) (wait func(), err error) {
	if !p.Config.Rehearsal {
		return func() {}, nil
	}
	fmt.Fprintln(stdout, "正在准备演练城市宿迁…… preparing the rehearsal city")
	runs := rehearse.NewRuns(ctx, "http://"+addr.String(), p.Config.Log)
	runs.Register(p)
	return runs.Wait, city.Make(ctx, p)
}
