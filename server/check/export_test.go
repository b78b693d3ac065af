package check

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// RunIn makes every check in a transaction of the test's, which may have changed
// what it likes.
func RunIn(ctx context.Context, o Options, tx *sqlx.Tx) (Report, error) { return o.run(ctx, tx) }
