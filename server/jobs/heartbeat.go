package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/bidding/opening"
	"jianbiao/internal/evidence"
)

// outageFrom is how long the platform must have been silent for the silence to
// be an outage: what ran in the halls is extended by it, and who did not
// decrypt in it is not blamed without a look.
const outageFrom = 30 * time.Second

// Heartbeat notices, by the database's own clock, that the platform was away.
func Heartbeat(store *evidence.Store, openings *opening.Service) Job {
	return Job{Name: "heartbeat", Spec: "*/5 * * * * *", Timeout: time.Minute, Run: func(ctx context.Context) (int, error) {
		var silent float64
		err := store.Aside(ctx, func(tx *sqlx.Tx) error {
			if _, err := tx.ExecContext(ctx, `UPDATE clock_mark SET seen_at = clock_timestamp() WHERE seen_at < clock_timestamp()`); err != nil {
				return fmt.Errorf("note how far the clock has come: %w", err)
			}
			return tx.GetContext(ctx, &silent, `INSERT INTO job_run AS j (job, started_at) VALUES ('heartbeat.beat', clock_timestamp())
				ON CONFLICT (job) DO UPDATE SET ended_at = j.started_at, started_at = clock_timestamp()
				RETURNING COALESCE(EXTRACT(EPOCH FROM started_at - ended_at), 0)`)
		})
		if err != nil {
			return 0, fmt.Errorf("beat: %w", err)
		}
		if away := time.Duration(silent * float64(time.Second)); away >= outageFrom {
			return openings.RecordOutages(ctx, away)
		}
		return 0, nil
	}}
}
