package opening

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// Due is what the clock has to do: openings whose next step needs nobody.
type Due struct {
	LotID   string
	Command string
}

// Due lists what is due now by the table: the job only notices, and the guards
// decide.
func (s *Service) Due(ctx context.Context) ([]Due, error) {
	var rows []struct {
		LotID   string `db:"lot_id"`
		Command string `db:"command"`
	}
	err := s.store.DB().SelectContext(ctx, &rows, `
		SELECT lot_id, command FROM (
			SELECT o.lot_id, o.scheduled_at AS since, CASE
				WHEN o.state = 'scheduled' AND o.scheduled_at - $1::interval <= legal_now() THEN 'open_lobby'
				WHEN o.state = 'between_sessions' AND o.second_noticed_at IS NOT NULL AND o.scheduled_at - $1::interval <= legal_now() THEN 'open_lobby'
				WHEN o.state = 'lobby_open' AND o.cutoff_at IS NULL AND l.bid_deadline <= legal_now() THEN 'record_cutoff'
				WHEN o.state = 'lobby_open' AND o.cutoff_count < $2 THEN 'abort_lt3'
				WHEN o.state = 'decrypting' AND o.paused_since IS NULL AND (o.decrypt_until <= legal_now()
				     OR NOT EXISTS (SELECT FROM bid b WHERE b.lot_id = o.lot_id AND b.part_state <> 'released'
				     AND (o.session = 1 OR b.review = 'passed'))) THEN 'close_window'
				WHEN o.state = 'decrypt_closed' THEN 'import_bids'
				WHEN o.state IN ('imported', 'announcing', 'objection_window') AND o.files_checked_at IS NULL THEN 'check_files'
				WHEN o.state = 'objection_window' AND o.paused_since IS NULL AND o.objection_until <= legal_now()
				     AND NOT EXISTS (SELECT FROM bid b WHERE b.lot_id = o.lot_id AND b.outcome = 'undecided')
				     AND NOT EXISTS (SELECT FROM opening_objection x WHERE x.lot_id = o.lot_id AND x.answer IS NULL) THEN 'start_confirmation'
				WHEN o.state = 'record_confirming' AND o.paused_since IS NULL AND o.confirm_until <= legal_now()
				     AND NOT EXISTS (SELECT FROM opening_objection x WHERE x.lot_id = o.lot_id AND x.answer IS NULL)
				     AND NOT EXISTS (SELECT FROM bid b WHERE b.lot_id = o.lot_id AND b.outcome = 'undecided')
				     THEN CASE WHEN o.session = 1 AND jsonb_path_exists(convert_from(d.body, 'UTF8')::jsonb, '$.params.sections[*] ? (@.session == 2)')
				          THEN 'close_first' ELSE 'close' END
				WHEN o.state = 'reconvened' AND o.scheduled_at <= legal_now() THEN 'reopen_lobby'
			END AS command
			FROM opening o JOIN lot l ON l.id = o.lot_id JOIN document d ON d.lot_id = l.id AND d.version = l.document_version
			WHERE o.state NOT IN ('closed', 'aborted_lt3', 'postponed') AND l.suspended_since IS NULL
			  AND l.state IN ('published', 'cut_off')
		) due WHERE command IS NOT NULL ORDER BY since LIMIT 200`, fmt.Sprintf("%d seconds", int(LobbyBefore.Seconds())), MinBids)
	if err != nil {
		return nil, fmt.Errorf("list what is due: %w", err)
	}
	out := make([]Due, len(rows))
	for i, r := range rows {
		out[i] = Due{r.LotID, r.Command}
	}
	return out, nil
}

// Present says of each bid of the roster whether one of the organisations owns
// it. Before the roster it says nothing.
func (s *Service) Present(ctx context.Context, lotID string, organisations []string) (map[string]bool, error) {
	var rows []struct {
		Digest string `db:"digest"`
		There  bool   `db:"there"`
	}
	err := s.store.DB().SelectContext(ctx, &rows, `SELECT b.digest, COALESCE(CAST(b.organisation_id AS text) = ANY ($2), false) AS there
		FROM bid b JOIN opening o ON o.lot_id = b.lot_id WHERE b.lot_id = $1 AND o.roster_at IS NOT NULL`, lotID, pq.Array(organisations))
	if err != nil {
		return nil, fmt.Errorf("who is present: %w", err)
	}
	out := make(map[string]bool, len(rows))
	for _, r := range rows {
		out[r.Digest] = r.There
	}
	return out, nil
}

// Brief is what a list shows of an opening.
type Brief struct {
	LotID       string     `db:"lot_id"`
	State       State      `db:"state"`
	ScheduledAt time.Time  `db:"scheduled_at"`
	ClosedAt    *time.Time `db:"closed_at"`
	Session     int        `db:"session"`
	SecondAt    *time.Time `db:"second_at"`   // when the second session is held, once announced
	FirstEnded  *time.Time `db:"first_ended"` // when the first of two sessions was over
}

// Briefs reads the openings of some lots, by lot id.
func (s *Service) Briefs(ctx context.Context, lotIDs []string) (map[string]*Brief, error) {
	var rows []Brief
	if err := s.store.DB().SelectContext(ctx, &rows, `SELECT o.lot_id, o.state, o.scheduled_at, o.closed_at, o.session,
		CASE WHEN o.second_noticed_at IS NOT NULL THEN o.scheduled_at END AS second_at, p.closed_at AS first_ended
		FROM opening o LEFT JOIN opening_session p ON p.lot_id = o.lot_id AND p.session = 1
		WHERE o.lot_id = ANY (CAST($1 AS uuid[]))`, pq.Array(lotIDs)); err != nil {
		return nil, fmt.Errorf("read openings: %w", err)
	}
	out := make(map[string]*Brief, len(rows))
	for i := range rows {
		out[rows[i].LotID] = &rows[i]
	}
	return out, nil
}
