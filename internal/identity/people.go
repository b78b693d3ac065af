package identity

import (
	"context"
	"strings"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// CreateOrganisationInput is what CreateOrganisation needs to know.
type CreateOrganisationInput struct{ USCC, Name, Region string }

func (in *CreateOrganisationInput) check() error {
	in.USCC, in.Name = strings.ToUpper(strings.TrimSpace(in.USCC)), strings.TrimSpace(in.Name)
	if err := CheckUSCC(in.USCC); err != nil {
		return err
	}
	if err := checkText("name", "单位名称", in.Name, 2, 100); err != nil {
		return err
	}
	return CheckRegion(in.Region)
}

// CreateOrganisation enters an organisation, not yet certified. Codes:
// identity.not_admin, organisation.uscc, organisation.exists, region.unknown,
// identity.text.
func (s *Service) CreateOrganisation(ctx context.Context, who actor.Actor, in CreateOrganisationInput) (Organisation, error) {
	if err := s.authorise(who, actor.SystemAdmin); err != nil {
		return Organisation{}, err
	}
	if err := in.check(); err != nil {
		return Organisation{}, err
	}
	var o Organisation
	err := s.store.Change(ctx, func(tx *evidence.Tx) (err error) {
		o, err = createOrganisation(ctx, tx, who, in)
		return err
	})
	return o, err
}

func createOrganisation(ctx context.Context, tx *evidence.Tx, who actor.Actor, in CreateOrganisationInput) (Organisation, error) {
	o := Organisation{ID: newID(), USCC: in.USCC, Name: in.Name, Region: in.Region, CreatedAt: tx.Now()}
	if err := insertOrganisation(ctx, tx, o); err != nil {
		return Organisation{}, err
	}
	tx.Record(evidence.Draft{Stream: "organisation/" + o.ID, Kind: "organisation.created", Actor: who,
		Fields: map[string]any{"uscc": o.USCC, "name": o.Name, "region": o.Region}})
	return o, nil
}

// CertifyOrganisation records that the organisation's papers were checked; only
// a certified firm may submit bids. Codes: identity.not_admin,
// organisation.not_found, organisation.certified.
func (s *Service) CertifyOrganisation(ctx context.Context, who actor.Actor, id string) error {
	if err := s.authorise(who, actor.SystemAdmin); err != nil {
		return err
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		o, err := lockOrganisation(ctx, tx, id)
		if err != nil {
			return err
		}
		if o.CertifiedAt != nil {
			return apperr.New(apperr.Conflict, "organisation.certified", "“%s”已经核验过,不需要再次核验。", o.Name)
		}
		if err := tx.Reread(ctx); err != nil {
			return err
		}
		if err := certifyOrganisation(ctx, tx, id); err != nil {
			return err
		}
		s.fresh.clear()
		tx.Record(evidence.Draft{Stream: "organisation/" + id, Kind: "organisation.certified", Actor: who,
			Fields: map[string]any{"uscc": o.USCC}})
		return nil
	})
}

// CreatePersonInput is what CreatePerson needs to know.
type CreatePersonInput struct{ Login, Name, Password string }

func (in *CreatePersonInput) check() error {
	in.Login, in.Name = normalLogin(in.Login), strings.TrimSpace(in.Name)
	if err := checkLogin(in.Login); err != nil {
		return err
	}
	if err := checkText("name", "姓名", in.Name, 1, 50); err != nil {
		return err
	}
	return checkPassword(in.Login, in.Password)
}

// CreatePerson enters a person, who can log in once a membership was granted to
// it, and must change the password then. A person made by a rehearsal's
// conductor is marked as such for ever. Codes:
// identity.not_admin, person.login, person.exists, person.password_weak,
// identity.text.
func (s *Service) CreatePerson(ctx context.Context, who actor.Actor, in CreatePersonInput) (Person, error) {
	if err := s.authorise(who, actor.SystemAdmin); err != nil {
		return Person{}, err
	}
	if err := in.check(); err != nil {
		return Person{}, err
	}
	phc, err := s.hasher.hash(ctx, in.Password) // outside the transaction: it is slow
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = s.store.Change(ctx, func(tx *evidence.Tx) (err error) {
		p, err = createPerson(ctx, tx, who, in, phc)
		return err
	})
	return p, err
}

func createPerson(ctx context.Context, tx *evidence.Tx, who actor.Actor, in CreatePersonInput, phc string) (Person, error) {
	p := Person{ID: newID(), Login: in.Login, Name: in.Name, CreatedAt: tx.Now(), Rehearsal: who.Role == actor.Rehearsal, Once: who.Role != actor.Rehearsal}
	if err := insertPerson(ctx, tx, p, phc); err != nil {
		return Person{}, err
	}
	tx.Record(evidence.Draft{Stream: "person/" + p.ID, Kind: "person.created", Actor: who,
		Fields: map[string]any{"login": p.Login, "name": p.Name, "rehearsal": p.Rehearsal}})
	return p, nil
}

// SetPassword gives a person a new password by the security administrator's act,
// to be changed at the next login, and ends the person's sessions. Codes: identity.not_admin, person.not_found,
// person.password_weak.
func (s *Service) SetPassword(ctx context.Context, who actor.Actor, personID, password string) error {
	if err := s.authorise(who, actor.SecurityAdmin); err != nil {
		return err
	}
	return s.setPassword(ctx, who, personID, password, nil, who.Role != actor.Rehearsal)
}

// ChangePassword gives the acting person a new password. keep is the token of
// the session that goes on; all others end. A wrong old password counts as a
// failed login. Codes: session.none, session.bad_credentials, session.locked,
// person.password_weak.
func (s *Service) ChangePassword(ctx context.Context, who actor.Actor, keep, old, password string) error {
	if who.PersonID == "" {
		return errNoSession()
	}
	p, err := s.Person(ctx, who.PersonID)
	if err != nil {
		return err
	}
	if _, err := s.attempt(ctx, attempt{login: p.Login, password: old, bucket: bucket("person", p.ID)}); err != nil {
		return err
	}
	return s.setPassword(ctx, who, p.ID, password, tokenHash(keep), false)
}

func (s *Service) setPassword(ctx context.Context, who actor.Actor, personID, password string, keep []byte, once bool) error {
	p, err := s.Person(ctx, personID)
	if err != nil {
		return err
	}
	if err := checkPassword(p.Login, password); err != nil {
		return err
	}
	phc, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	err = s.store.Change(ctx, func(tx *evidence.Tx) error {
		if err := updatePassword(ctx, tx, personID, phc, once); err != nil {
			return err
		}
		if err := deleteSessions(ctx, tx, personID, keep); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: "person/" + personID, Kind: "person.password_set", Actor: who})
		return nil
	})
	s.fresh.clear()
	return err
}

// DisablePerson ends a person's sessions and lets nobody log in as it again.
// Codes: identity.not_admin, person.not_found, person.disabled, person.self,
// identity.last_administrator.
func (s *Service) DisablePerson(ctx context.Context, who actor.Actor, personID, reason string) error {
	if err := s.authorise(who, actor.SecurityAdmin); err != nil {
		return err
	}
	if who.PersonID == personID {
		return apperr.New(apperr.Precondition, "person.self", "不能停用自己的账号,请由另一位安全管理员办理。")
	}
	if err := checkText("reason", "停用理由", reason, 2, 500); err != nil {
		return err
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		p, err := lockPerson(ctx, tx, personID)
		if err != nil {
			return err
		}
		if p.DisabledAt != nil {
			return apperr.New(apperr.Conflict, "person.disabled", "“%s”的账号已经停用。", p.Name)
		}
		if err := keepOneEach(ctx, tx, personID, ""); err != nil {
			return err
		}
		if err := tx.Reread(ctx); err != nil {
			return err
		}
		if err := disablePerson(ctx, tx, personID); err != nil {
			return err
		}
		if err := deleteSessions(ctx, tx, personID, nil); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: "person/" + personID, Kind: "person.disabled", Actor: who,
			Fields: map[string]any{"reason": reason}})
		return nil
	})
	s.fresh.clear()
	return err
}
