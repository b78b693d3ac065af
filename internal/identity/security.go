package identity

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// Security is what a person's account is secured with.
type Security struct {
	EnrolledAt *time.Time // the day on which the authenticator was started; nil: none
	Recovery   int        // recovery codes that are left
	Policy     FactorPolicy
	Trusted    bool // certificates of some CA may be used here
}

// Security tells it of one's own account.
func (s *Service) Security(ctx context.Context, who actor.Actor) (Security, error) {
	out := Security{Policy: s.cfg.SecondFactor, Trusted: !s.cfg.Trust.Empty()}
	var row struct {
		EnrolledAt *time.Time `db:"enrolled_at"`
		Recovery   int        `db:"recovery"`
	}
	if err := one(ctx, s.store.DB(), &row, errNoPerson(), `SELECT f.enrolled_at,
			(SELECT count(*) FROM recovery_code r WHERE r.person_id = p.id AND r.used_at IS NULL) AS recovery
		FROM person p LEFT JOIN second_factor f ON f.person_id = p.id WHERE CAST(p.id AS text) = $1`, who.PersonID); err != nil {
		return out, err
	}
	out.EnrolledAt, out.Recovery = row.EnrolledAt, row.Recovery
	return out, nil
}

// OwnSession is one of a person's sessions. There is no row that says from where
// or when it came.
type OwnSession struct {
	ID           string
	Organisation string
	Role         actor.Role
	ExpiresAt    time.Time // rounded up to the hour, and put off while it is used
	Current      bool
}

// sessionIDBytes of the token's hash name a session to its owner.
const sessionIDBytes = 12

// Sessions lists one's own sessions; token is that of the present one.
func (s *Service) Sessions(ctx context.Context, who actor.Actor, token string) ([]OwnSession, error) {
	var rows []sessionRow
	if err := s.store.DB().SelectContext(ctx, &rows, `SELECT s.token_hash, s.role, s.expires_at, o.name AS organisation_name
		  FROM session s JOIN organisation o ON o.id = s.organisation_id
		 WHERE CAST(s.person_id AS text) = $1 AND s.expires_at > $2 ORDER BY s.expires_at DESC, s.token_hash LIMIT 100`, who.PersonID, s.cfg.Now()); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	own, out := hex.EncodeToString(tokenHash(token)[:sessionIDBytes]), make([]OwnSession, len(rows))
	for i, r := range rows {
		id := hex.EncodeToString(r.TokenHash[:sessionIDBytes])
		out[i] = OwnSession{id, r.OrganisationName, r.Role, r.ExpiresAt, id == own}
	}
	return out, nil
}

// EndSession ends one of one's own sessions. Code: session.not_found.
func (s *Service) EndSession(ctx context.Context, who actor.Actor, id string) error {
	err := s.store.Aside(ctx, func(tx *sqlx.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM session WHERE CAST(person_id AS text) = $1 AND encode(substring(token_hash FROM 1 FOR $2), 'hex') = $3`,
			who.PersonID, sessionIDBytes, id)
		if err != nil {
			return fmt.Errorf("end a session: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return apperr.New(apperr.NotFound, "session.not_found", "这个登录已经结束，请刷新页面。").Because(err)
		}
		return nil
	})
	s.fresh.clear()
	return err
}
