package identity

import (
	"context"
	"fmt"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// The states of a grant request.
const (
	GrantPending  = "pending"  // 待审批
	GrantApproved = "approved" // 已授予
	GrantRejected = "rejected" // 已驳回
)

// GrantRequest is a role that the system administrator asks for somebody and
// that takes effect when the security administrator approves it.
type GrantRequest struct {
	ID               string     `db:"id"`
	PersonID         string     `db:"person_id"`
	PersonName       string     `db:"person_name"`
	Login            string     `db:"login"`
	OrganisationID   string     `db:"organisation_id"`
	OrganisationName string     `db:"organisation_name"`
	Role             actor.Role `db:"role"`
	Region           string     `db:"region"` // GB/T 2260
	State            string     `db:"state"`
	New              bool       `db:"new"` // the person has no role yet: approving this one lets it in
	RequestedBy      string     `db:"requested_by"`
	Requester        string     `db:"requester"`
	RequestedAt      time.Time  `db:"requested_at"`
	DecidedBy        *string    `db:"decided_by"`
	Decider          *string    `db:"decider"`
	DecidedAt        *time.Time `db:"decided_at"`
	Reason           *string    `db:"reason"`
}

func (g GrantRequest) membership() Membership {
	return Membership{PersonID: g.PersonID, OrganisationID: g.OrganisationID, Role: g.Role, Region: g.Region}
}

const grantQuery = `
	SELECT g.id, g.person_id, p.name AS person_name, p.login, g.organisation_id, o.name AS organisation_name, g.role, g.region, g.state,
	       NOT EXISTS (SELECT FROM membership m WHERE m.person_id = g.person_id) AS new,
	       g.requested_by, r.name AS requester, g.requested_at, g.decided_by, d.name AS decider, g.decided_at, g.reason
	  FROM grant_request g
	  JOIN person p ON p.id = g.person_id
	  JOIN organisation o ON o.id = g.organisation_id
	  JOIN person r ON r.id = g.requested_by
	  LEFT JOIN person d ON d.id = g.decided_by`

// Grants lists up to limit requests in a state ("" for all), the newest first.
func (s *Service) Grants(ctx context.Context, state string, limit int) ([]GrantRequest, error) {
	out := []GrantRequest{}
	err := s.store.DB().SelectContext(ctx, &out, grantQuery+` WHERE $1 = '' OR g.state = $1 ORDER BY g.requested_at DESC, g.id DESC LIMIT $2`, state, limit)
	if err != nil {
		return nil, fmt.Errorf("list grant requests: %w", err)
	}
	return out, nil
}

// checkRole refuses roles that nobody can be given.
func checkRole(m Membership) error {
	if !m.Role.Known() || m.Role == actor.Public || m.Role == actor.Clock || m.Role == actor.Rehearsal {
		const detail = "没有这个角色，或者这个角色不能授予个人。"
		return apperr.New(apperr.Invalid, "membership.role", detail).With("role", detail)
	}
	return CheckRegion(m.Region)
}

// AddMembership gives a person a role at once. Only the conductor of a rehearsal
// may: everywhere else a role is asked for and granted by two administrators
// (RequestMembership, DecideGrant). Codes: identity.not_admin, membership.role,
// membership.exclusive, region.unknown, person.not_found,
// organisation.not_found, membership.exists.
func (s *Service) AddMembership(ctx context.Context, who actor.Actor, m Membership) error {
	if !s.cfg.Rehearsal || who.Role != actor.Rehearsal {
		return errNotAdmin(actor.SecurityAdmin)
	}
	if err := checkRole(m); err != nil {
		return err
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error { return s.addMembership(ctx, tx, who, m) })
}

func (s *Service) addMembership(ctx context.Context, tx *evidence.Tx, who actor.Actor, m Membership) error {
	if err := admissible(ctx, tx, m); err != nil {
		return err
	}
	if err := insertMembership(ctx, tx, m); err != nil {
		return err
	}
	if m.Role == actor.Bidder { // with its vault, filled with random bytes, so that a vault row says nothing about its use
		if err := insertVault(ctx, tx, vaultRow{m.PersonID, newETag(), s.vaults.fresh(m.PersonID)}); err != nil {
			return err
		}
	}
	tx.Record(evidence.Draft{Stream: "person/" + m.PersonID, Kind: "membership.added", Actor: who,
		Fields: map[string]any{"organisation": m.OrganisationID, "role": string(m.Role), "region": m.Region}})
	return nil
}

// admissible locks organisation and person and refuses a role that this person
// cannot have beside the ones it has.
func admissible(ctx context.Context, tx *evidence.Tx, m Membership) error {
	if _, err := lockOrganisation(ctx, tx, m.OrganisationID); err != nil {
		return err
	}
	p, err := lockPerson(ctx, tx, m.PersonID)
	if err != nil {
		return err
	}
	if p.DisabledAt != nil {
		return apperr.New(apperr.Conflict, "person.disabled", "“%s”的账号已经停用。", p.Name)
	}
	var held []actor.Role
	if err := tx.SelectContext(ctx, &held, `SELECT role FROM membership WHERE person_id = $1`, p.ID); err != nil {
		return fmt.Errorf("roles held: %w", err)
	}
	for _, r := range held {
		if r != m.Role && r.Administers() && m.Role.Administers() {
			return errExclusive()
		}
	}
	return nil
}

// errExclusive refuses a second administrator's role for one person.
func errExclusive() *apperr.Error {
	const detail = "系统管理员、安全管理员、审计管理员必须由三个不同的人担任，一个人只能有其中一个角色（在任何单位都一样）。"
	return apperr.New(apperr.Precondition, "membership.exclusive", detail).With("role", detail).By(basisThree)
}

// RequestMembership asks for a role; the security administrator decides. Codes:
// identity.not_admin, membership.role, membership.exclusive, membership.exists,
// grant.exists, region.unknown, person.not_found, person.disabled,
// organisation.not_found.
func (s *Service) RequestMembership(ctx context.Context, who actor.Actor, m Membership) (GrantRequest, error) {
	if who.Role != actor.SystemAdmin || who.PersonID == "" {
		return GrantRequest{}, errNotAdmin(actor.SystemAdmin)
	}
	if err := checkRole(m); err != nil {
		return GrantRequest{}, err
	}
	id := newID()
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		if err := admissible(ctx, tx, m); err != nil {
			return err
		}
		var held bool
		if err := tx.GetContext(ctx, &held, `SELECT EXISTS (SELECT FROM membership WHERE person_id = $1 AND organisation_id = $2 AND role = $3)`,
			m.PersonID, m.OrganisationID, m.Role); err != nil {
			return fmt.Errorf("look for the membership: %w", err)
		}
		if held {
			return apperr.New(apperr.Conflict, "membership.exists", "这个人在该单位已经有这个角色。")
		}
		if err := run(ctx, tx, `INSERT INTO grant_request (id, person_id, organisation_id, role, region, requested_by, requested_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, id, m.PersonID, m.OrganisationID, m.Role, m.Region, who.PersonID, tx.Now()); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: "person/" + m.PersonID, Kind: "membership.requested", Actor: who,
			Fields: map[string]any{"request": id, "organisation": m.OrganisationID, "role": string(m.Role), "region": m.Region}})
		return nil
	})
	if err != nil {
		return GrantRequest{}, err
	}
	return s.grant(ctx, id)
}

func (s *Service) grant(ctx context.Context, id string) (g GrantRequest, err error) {
	err = one(ctx, s.store.DB(), &g, errNoGrant(), grantQuery+` WHERE CAST(g.id AS text) = $1`, id)
	return g, err
}

func errNoGrant() error {
	return apperr.New(apperr.NotFound, "grant.not_found", "没有找到这份申请。")
}

// DecideGrant approves or rejects a request; approved, the role holds at once.
// A rejection states its reason. Codes: identity.not_admin, grant.not_found,
// grant.decided, grant.self, identity.text, membership.exclusive,
// person.disabled, membership.exists.
func (s *Service) DecideGrant(ctx context.Context, who actor.Actor, id string, approve bool, reason string) (GrantRequest, error) {
	if who.Role != actor.SecurityAdmin || who.PersonID == "" {
		return GrantRequest{}, errNotAdmin(actor.SecurityAdmin)
	}
	if !approve {
		if err := checkText("reason", "驳回理由", reason, 2, 500); err != nil {
			return GrantRequest{}, err
		}
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error { return s.decide(ctx, tx, who, id, approve, reason) })
	if err != nil {
		return GrantRequest{}, err
	}
	s.fresh.clear()
	return s.grant(ctx, id)
}

func (s *Service) decide(ctx context.Context, tx *evidence.Tx, who actor.Actor, id string, approve bool, reason string) error {
	var g GrantRequest
	if err := one(ctx, tx, &g, errNoGrant(), grantQuery+` WHERE CAST(g.id AS text) = $1 FOR UPDATE OF g`, id); err != nil {
		return err
	}
	switch {
	case g.State != GrantPending:
		return apperr.New(apperr.Conflict, "grant.decided", "这份申请已经处理过。")
	case g.RequestedBy == who.PersonID || g.PersonID == who.PersonID:
		return apperr.New(apperr.Precondition, "grant.self", "不能审批自己提出的申请，也不能给自己授予角色，请由另一位安全管理员办理。").By(basisThree)
	}
	if err := tx.Reread(ctx); err != nil {
		return err
	}
	state := GrantRejected
	if approve {
		state = GrantApproved
		if err := s.addMembership(ctx, tx, who, g.membership()); err != nil {
			return err
		}
	} else {
		tx.Record(evidence.Draft{Stream: "person/" + g.PersonID, Kind: "membership.rejected", Actor: who,
			Fields: map[string]any{"request": id, "organisation": g.OrganisationID, "role": string(g.Role), "reason": reason}})
	}
	return run(ctx, tx, `UPDATE grant_request SET state = $1, decided_by = $2, decided_at = $3, reason = NULLIF($4, '') WHERE id = $5`,
		state, who.PersonID, tx.Now(), reason, g.ID)
}

// RemoveMembership takes a role away, at once: the person's sessions in it end.
// Codes: identity.not_admin, identity.text, membership.not_found, person.self,
// identity.last_administrator.
func (s *Service) RemoveMembership(ctx context.Context, who actor.Actor, m Membership, reason string) error {
	if err := s.authorise(who, actor.SecurityAdmin); err != nil {
		return err
	}
	if who.PersonID == m.PersonID {
		return apperr.New(apperr.Precondition, "person.self", "不能收回自己的角色，请由另一位安全管理员办理。")
	}
	if err := checkText("reason", "收回理由", reason, 2, 500); err != nil {
		return err
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		if _, err := lockPerson(ctx, tx, m.PersonID); err != nil {
			return err
		}
		if m.Role.Administers() {
			if err := keepOneEach(ctx, tx, m.PersonID, m.Role); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM membership WHERE person_id = $1 AND CAST(organisation_id AS text) = $2 AND role = $3`,
			m.PersonID, m.OrganisationID, m.Role)
		if err != nil {
			return fmt.Errorf("remove a membership: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return apperr.New(apperr.NotFound, "membership.not_found", "这个人在该单位没有这个角色。")
		}
		tx.Record(evidence.Draft{Stream: "person/" + m.PersonID, Kind: "membership.removed", Actor: who,
			Fields: map[string]any{"organisation": m.OrganisationID, "role": string(m.Role), "reason": reason}})
		return nil
	})
	s.fresh.clear()
	return err
}

// keepOneEach refuses an act after which one of the three administrators' roles
// that the person holds (or only role) would have nobody left who can log in.
func keepOneEach(ctx context.Context, tx *evidence.Tx, personID string, role actor.Role) error {
	if err := run(ctx, tx, `SELECT pg_advisory_xact_lock($1)`, bootstrapLock); err != nil {
		return err
	}
	var left []actor.Role
	err := tx.SelectContext(ctx, &left, `SELECT m.role FROM membership m
		WHERE CAST(m.person_id AS text) = $1 AND m.role IN ('system_admin', 'security_admin', 'audit_admin') AND ($2 = '' OR m.role = $2)
		  AND NOT EXISTS (SELECT FROM membership x JOIN person p ON p.id = x.person_id AND p.disabled_at IS NULL
		                   WHERE x.role = m.role AND x.person_id <> m.person_id)`, personID, role)
	if err != nil {
		return fmt.Errorf("look for another administrator: %w", err)
	}
	if len(left) > 0 {
		return apperr.New(apperr.Precondition, "identity.last_administrator", "这是最后一位%s：请先授予另一个人这个角色。", left[0].Label()).By(basisThree)
	}
	return nil
}
