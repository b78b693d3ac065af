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
	if err := s.authorise(who); err != nil {
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
	if err := s.authorise(who); err != nil {
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

// CreatePerson enters a person, who can log in once it has a membership. A
// person made by a rehearsal's conductor is marked as such for ever. Codes:
// identity.not_admin, person.login, person.exists, person.password_weak,
// identity.text.
func (s *Service) CreatePerson(ctx context.Context, who actor.Actor, in CreatePersonInput) (Person, error) {
	if err := s.authorise(who); err != nil {
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
	p := Person{ID: newID(), Login: in.Login, Name: in.Name, CreatedAt: tx.Now(), Rehearsal: who.Role == actor.Rehearsal}
	if err := insertPerson(ctx, tx, p, phc); err != nil {
		return Person{}, err
	}
	tx.Record(evidence.Draft{Stream: "person/" + p.ID, Kind: "person.created", Actor: who,
		Fields: map[string]any{"login": p.Login, "name": p.Name, "rehearsal": p.Rehearsal}})
	return p, nil
}

// AddMembership gives a person a role in an organisation. With the first role of
// a bidder comes its vault, filled with random bytes, so that a vault row says
// nothing about its use. Codes: identity.not_admin, membership.role,
// region.unknown, person.not_found, organisation.not_found, membership.exists.
func (s *Service) AddMembership(ctx context.Context, who actor.Actor, m Membership) error {
	if err := s.authorise(who); err != nil {
		return err
	}
	if !m.Role.Known() || m.Role == actor.Public || m.Role == actor.Clock || m.Role == actor.Rehearsal {
		const detail = "没有这个角色,或者这个角色不能授予个人。"
		return apperr.New(apperr.Invalid, "membership.role", detail).With("role", detail)
	}
	if err := CheckRegion(m.Region); err != nil {
		return err
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error { return s.addMembership(ctx, tx, who, m) })
}

func (s *Service) addMembership(ctx context.Context, tx *evidence.Tx, who actor.Actor, m Membership) error {
	if _, err := lockOrganisation(ctx, tx, m.OrganisationID); err != nil {
		return err
	}
	if _, err := lockPerson(ctx, tx, m.PersonID); err != nil {
		return err
	}
	if err := insertMembership(ctx, tx, m); err != nil {
		return err
	}
	if m.Role == actor.Bidder {
		if err := insertVault(ctx, tx, vaultRow{m.PersonID, newETag(), s.vaults.fresh(m.PersonID)}); err != nil {
			return err
		}
	}
	tx.Record(evidence.Draft{Stream: "person/" + m.PersonID, Kind: "membership.added", Actor: who,
		Fields: map[string]any{"organisation": m.OrganisationID, "role": string(m.Role), "region": m.Region}})
	return nil
}

// SetPassword gives a person a new password by an administrator's act, and ends
// the person's sessions. Codes: identity.not_admin, person.not_found,
// person.password_weak.
func (s *Service) SetPassword(ctx context.Context, who actor.Actor, personID, password string) error {
	if err := s.authorise(who); err != nil {
		return err
	}
	return s.setPassword(ctx, who, personID, password, nil)
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
	return s.setPassword(ctx, who, p.ID, password, tokenHash(keep))
}

func (s *Service) setPassword(ctx context.Context, who actor.Actor, personID, password string, keep []byte) error {
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
		if err := updatePassword(ctx, tx, personID, phc); err != nil {
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
// Codes: identity.not_admin, person.not_found, person.disabled, person.self.
func (s *Service) DisablePerson(ctx context.Context, who actor.Actor, personID, reason string) error {
	if err := s.authorise(who); err != nil {
		return err
	}
	if who.PersonID == personID {
		return apperr.New(apperr.Precondition, "person.self", "不能停用自己的账号,请由另一位系统管理员办理。")
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

// BootstrapInput is the first administrator and its organisation.
type BootstrapInput struct {
	Organisation CreateOrganisationInput
	Person       CreatePersonInput
}

// Bootstrap makes the first administrator of an empty platform: the only way in
// that needs no administrator. Codes: identity.bootstrapped and those of the
// commands that it stands for.
func (s *Service) Bootstrap(ctx context.Context, in BootstrapInput) (Person, error) {
	if err := in.Organisation.check(); err != nil {
		return Person{}, err
	}
	if err := in.Person.check(); err != nil {
		return Person{}, err
	}
	phc, err := s.hasher.hash(ctx, in.Person.Password)
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = s.store.Change(ctx, func(tx *evidence.Tx) error {
		if err := refuseSecondBootstrap(ctx, tx); err != nil {
			return err
		}
		o, err := createOrganisation(ctx, tx, actor.System(), in.Organisation)
		if err != nil {
			return err
		}
		if p, err = createPerson(ctx, tx, actor.System(), in.Person, phc); err != nil {
			return err
		}
		return s.addMembership(ctx, tx, actor.System(), Membership{
			PersonID: p.ID, OrganisationID: o.ID, Role: actor.Admin, Region: o.Region})
	})
	return p, err
}
