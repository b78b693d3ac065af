package jobs

import (
	"context"
	"time"

	"jianbiao/internal/identity"
	"jianbiao/internal/upload"
)

// Sweep forgets what is over: sessions, lock-out counters, idempotency answers.
func Sweep(ids *identity.Service) Job {
	return Job{Name: "sweep", Spec: "17 */10 * * * *", Timeout: time.Minute, Run: func(ctx context.Context) (int, error) {
		n, err := ids.Sweep(ctx)
		return int(n), err
	}}
}

// SweepUploads removes uploads that broke off and were not gone on with for a
// day.
func SweepUploads(uploads *upload.Store) Job {
	return Job{Name: "uploads", Spec: "41 5 * * * *", Timeout: time.Minute, Run: func(context.Context) (int, error) {
		return uploads.Sweep(time.Now())
	}}
}
