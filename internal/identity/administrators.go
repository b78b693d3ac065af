package identity

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// BootstrapInput is the operator's organisation and the first three
// administrators, one each, in the order of actor.Administrators.
type BootstrapInput struct {
	Organisation CreateOrganisationInput
	People       [3]CreatePersonInput
}

// Bootstrap makes the first three administrators of an empty platform: the only
// way in that needs no administrator. Each must change his password at the first
// login. Codes: identity.bootstrapped and those of the commands that it stands
// for.
func (s *Service) Bootstrap(ctx context.Context, in BootstrapInput) ([3]Person, error) {
	var people [3]Person
	if err := in.Organisation.check(); err != nil {
		return people, err
	}
	var hashes [3]string
	for i := range in.People {
		if err := in.People[i].check(); err != nil {
			return people, err
		}
		phc, err := s.hasher.hash(ctx, in.People[i].Password)
		if err != nil {
			return people, err
		}
		hashes[i] = phc
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		if err := refuseSecondBootstrap(ctx, tx); err != nil {
			return err
		}
		o, err := createOrganisation(ctx, tx, actor.System(), in.Organisation)
		if err != nil {
			return err
		}
		for i, role := range actor.Administrators() {
			if people[i], err = createPerson(ctx, tx, actor.System(), in.People[i], hashes[i]); err != nil {
				return err
			}
			if err := s.addMembership(ctx, tx, actor.System(), Membership{PersonID: people[i].ID, OrganisationID: o.ID, Role: role, Region: o.Region}); err != nil {
				return err
			}
		}
		return nil
	})
	return people, err
}

// noteLogin puts an administrator's login on the record. Nobody else's is kept:
// before an opening it would say who is preparing a bid.
func (s *Service) noteLogin(ctx context.Context, who actor.Actor, address string) error {
	if !who.Role.Administers() {
		return nil
	}
	who.Address = address
	return s.note(ctx, evidence.Draft{Stream: "person/" + who.PersonID, Kind: "administrator.logged_in", Actor: who})
}

// noteRefusal puts a wrong password for an administrator's account on the
// record; the lock-out bounds how many there can be.
func (s *Service) noteRefusal(ctx context.Context, login, address string) error {
	var ids []string
	err := s.store.DB().SelectContext(ctx, &ids, `SELECT p.id FROM person p WHERE p.login = $1
		AND EXISTS (SELECT FROM membership m WHERE m.person_id = p.id AND m.role = ANY ($2))`, login, pq.Array(actor.Administrators()))
	if err != nil {
		return fmt.Errorf("whose login: %w", err)
	}
	for _, id := range ids {
		if err := s.note(ctx, evidence.Draft{Stream: "person/" + id, Kind: "administrator.login_refused",
			Actor: actor.Actor{Role: actor.Public, Address: address}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) note(ctx context.Context, d evidence.Draft) error {
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		tx.Record(d)
		return nil
	})
}

// SuspendOrganisation keeps everybody from acting for an organisation until it
// is resumed; its people's sessions in it end. Codes: identity.not_admin,
// identity.text, organisation.not_found, organisation.suspended.
func (s *Service) SuspendOrganisation(ctx context.Context, who actor.Actor, id, reason string) error {
	if err := checkText("reason", "暂停理由", reason, 2, 500); err != nil {
		return err
	}
	return s.switchOrganisation(ctx, who, id, &reason)
}

// ResumeOrganisation lets a suspended organisation's people act again. Codes:
// identity.not_admin, organisation.not_found, organisation.not_suspended.
func (s *Service) ResumeOrganisation(ctx context.Context, who actor.Actor, id string) error {
	return s.switchOrganisation(ctx, who, id, nil)
}

// switchOrganisation suspends with a reason and resumes without one.
func (s *Service) switchOrganisation(ctx context.Context, who actor.Actor, id string, reason *string) error {
	if err := s.authorise(who, actor.SystemAdmin); err != nil {
		return err
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		o, err := lockOrganisation(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case reason != nil && o.SuspendedAt != nil:
			return apperr.New(apperr.Conflict, "organisation.suspended", "“%s”已经暂停。", o.Name)
		case reason == nil && o.SuspendedAt == nil:
			return apperr.New(apperr.Conflict, "organisation.not_suspended", "“%s”没有被暂停。", o.Name)
		case reason != nil && o.ID == who.OrganisationID:
			return apperr.New(apperr.Precondition, "organisation.own", "不能暂停自己所在的单位。")
		}
		if err := tx.Reread(ctx); err != nil {
			return err
		}
		if reason == nil {
			tx.Record(evidence.Draft{Stream: "organisation/" + id, Kind: "organisation.resumed", Actor: who})
			return run(ctx, tx, `UPDATE organisation SET suspended_at = NULL, suspended_reason = NULL WHERE id = $1`, o.ID)
		}
		tx.Record(evidence.Draft{Stream: "organisation/" + id, Kind: "organisation.suspended", Actor: who, Fields: map[string]any{"reason": *reason}})
		return run(ctx, tx, `UPDATE organisation SET suspended_at = $1, suspended_reason = $2 WHERE id = $3`, tx.Now(), *reason, o.ID)
	})
	s.fresh.clear()
	return err
}
