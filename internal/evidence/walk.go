package evidence

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// walkBatch is how many events Walk holds at a time.
const walkBatch = 500

// Walk gives every event of the database to visit, in the order of streams and
// within a stream of seq, with the openings that are stored. Given a
// transaction of one snapshot it sees one state of the whole.
func Walk(ctx context.Context, q sqlx.QueryerContext, visit func(*Event) error) error {
	stream, seq := "", int64(0)
	for {
		events, err := readEvents(ctx, q, `SELECT id, stream, seq, kind, at, recorded_at, body, blind, commitment FROM event
			WHERE (stream, seq) > ($1, $2) ORDER BY stream, seq LIMIT $3`, stream, seq, walkBatch)
		if err != nil {
			return err
		}
		for i := range events {
			if err := visit(&events[i]); err != nil {
				return err
			}
		}
		if len(events) < walkBatch {
			return nil
		}
		stream, seq = events[len(events)-1].Stream, events[len(events)-1].Seq
	}
}

// IsSecret says whether the event was recorded as a Secret one, whose openings
// are never stored: its id is random, and its times are the beginning of a day.
func (e *Event) IsSecret() bool {
	return len(e.ID) == 36 && e.ID[14] == '4' && e.At.Equal(Day(e.At)) && e.RecordedAt.Equal(Day(e.RecordedAt))
}

// StreamHeads gives the last seq of every stream.
func StreamHeads(ctx context.Context, q sqlx.QueryerContext) (map[string]int64, error) {
	var rows []struct {
		Stream string `db:"stream"`
		Seq    int64  `db:"seq"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT stream, seq FROM stream_head`); err != nil {
		return nil, fmt.Errorf("read the heads of the streams: %w", err)
	}
	heads := make(map[string]int64, len(rows))
	for _, r := range rows {
		heads[r.Stream] = r.Seq
	}
	return heads, nil
}

// Stream reads a whole stream, in order, from a transaction of the caller's.
func Stream(ctx context.Context, q sqlx.QueryerContext, stream string) ([]Event, error) {
	return readEvents(ctx, q, `SELECT id, stream, seq, kind, at, recorded_at, body, blind, commitment FROM event
		WHERE stream = $1 ORDER BY seq`, stream)
}
