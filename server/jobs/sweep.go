package jobs

import (
	"context"
	"time"

	"jianbiao/internal/identity"
)

// Sweep forgets what is over: sessions, lock-out counters, idempotency answers.
func Sweep(ids *identity.Service) Job {
	return Job{Name: "sweep", Spec: "17 */10 * * * *", Timeout: time.Minute, Run: func(ctx context.Context) (int, error) {
		n, err := ids.Sweep(ctx)
		return int(n), err
	}}
}
