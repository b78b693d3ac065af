package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// Openings is the job that moves openings along when something falls due: the
// lobby, the cut-off, the ends of windows, the import. A refusal by a guard is
// no failure: the row was due a moment ago and is not any more.
func Openings(openings *opening.Service) Job {
	return Job{Name: "openings", Spec: "* * * * * *", Timeout: 10 * time.Minute, Run: func(ctx context.Context) (int, error) {
		due, err := openings.Due(ctx)
		if err != nil {
			return 0, err
		}
		done := 0
		var failures []error
		for _, d := range due {
			_, err := openings.Do(ctx, actor.System(), d.LotID, d.Command, nil)
			switch {
			case err == nil:
				done++
			case apperr.KindOf(err) != apperr.Precondition && apperr.KindOf(err) != apperr.Conflict:
				failures = append(failures, fmt.Errorf("%s of lot %s: %w", d.Command, d.LotID, err))
			}
		}
		return done, errors.Join(failures...)
	}}
}
