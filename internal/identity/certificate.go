package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/evidence"
)

// Bound is a certificate (数字证书) that stands for a person in an organisation.
type Bound struct {
	ID             string     `db:"id"`
	PersonID       string     `db:"person_id"`
	OrganisationID string     `db:"organisation_id"`
	Organisation   string     `db:"organisation_name"`
	Kind           string     `db:"kind"`
	Algorithm      string     `db:"algorithm"`
	Fingerprint    string     `db:"fingerprint"`
	Serial         string     `db:"serial"`
	Issuer         string     `db:"issuer"`
	Subject        string     `db:"subject"`
	NotBefore      time.Time  `db:"not_before"`
	NotAfter       time.Time  `db:"not_after"`
	BoundAt        time.Time  `db:"bound_at"` // the day
	RevokedAt      *time.Time `db:"revoked_at"`
}

const boundColumns = `c.id, c.person_id, c.organisation_id, o.name AS organisation_name, c.kind, c.algorithm, c.fingerprint, c.serial, c.issuer,
	c.subject, c.not_before, c.not_after, c.bound_at, c.revoked_at`

// CertificateLogin is a login by certificate; Organisation and Role choose a
// membership as in LoginInput.
type CertificateLogin struct {
	CertificateProof
	Address      string
	Organisation string
	Role         actor.Role
}

func errNotBound() error {
	return apperr.New(apperr.Unauthenticated, "certificate.not_bound", "这张证书还没有绑定账号：请先用口令登录，在“账户安全”页面绑定数字证书。")
}

// LoginByCertificate makes a session by the answer to a challenge. A person's
// certificate that nobody has bound yet is bound on the way when its credit code
// is that of a certified organisation and exactly one member has its name. It
// counts as a second factor too. Codes: certificate.*, session.address,
// session.no_membership, session.membership.
func (s *Service) LoginByCertificate(ctx context.Context, in CertificateLogin) (Login, error) {
	if err := s.ceiling.check(in.Address, s.cfg.Now()); err != nil {
		return Login{}, err
	}
	c, err := s.redeem(ctx, PurposeLogin, in.CertificateProof, "")
	if apperr.KindOf(err) == apperr.Unauthenticated {
		s.ceiling.count(in.Address, s.cfg.Now())
	}
	if err != nil {
		return Login{}, err
	}
	b, err := s.boundTo(ctx, c)
	if apperr.CodeOf(err) == "certificate.not_bound" {
		b, err = s.bindByName(ctx, c)
	}
	if err != nil {
		return Login{}, err
	}
	m, err := s.membershipOf(ctx, b, in.Organisation, in.Role)
	if err != nil {
		return Login{}, err
	}
	return s.open(ctx, m, in.Address, s.factorUntil(m.Role))
}

// membershipOf is the membership chosen, or the first in the organisation that
// the certificate stands for.
func (s *Service) membershipOf(ctx context.Context, b Bound, organisation string, role actor.Role) (Membership, error) {
	if organisation != "" || role != "" {
		return s.choose(ctx, b.PersonID, organisation, role)
	}
	ms, err := s.Memberships(ctx, b.PersonID)
	if err != nil {
		return Membership{}, err
	}
	for _, m := range ms {
		if m.OrganisationID == b.OrganisationID {
			return s.choose(ctx, b.PersonID, m.OrganisationID, m.Role)
		}
	}
	return Membership{}, apperr.New(apperr.Forbidden, "session.no_membership", "您已经不在证书所属的单位，请联系系统管理员。")
}

// boundTo finds who has bound the certificate. Code: certificate.not_bound, also
// for somebody whose account was disabled.
func (s *Service) boundTo(ctx context.Context, c *certificate.Certificate) (b Bound, err error) {
	err = one(ctx, s.store.DB(), &b, errNotBound(), `SELECT `+boundColumns+` FROM certificate c JOIN organisation o ON o.id = c.organisation_id
		JOIN person p ON p.id = c.person_id AND p.disabled_at IS NULL
		WHERE c.fingerprint = $1 AND c.revoked_at IS NULL AND o.uscc = $2`, c.Fingerprint(), c.USCC)
	return b, err
}

// bindByName binds a person's certificate to the one member of the firm who has
// its name. A certificate that was unbound once is bound by its person only.
func (s *Service) bindByName(ctx context.Context, c *certificate.Certificate) (Bound, error) {
	if c.Kind != certificate.KindPerson {
		return Bound{}, errNotBound()
	}
	var found []Membership
	if err := s.store.DB().SelectContext(ctx, &found, `SELECT DISTINCT p.id AS person_id, o.id AS organisation_id, o.name AS organisation_name, o.uscc
		  FROM organisation o JOIN membership m ON m.organisation_id = o.id JOIN person p ON p.id = m.person_id
		 WHERE o.uscc = $1 AND o.certified_at IS NOT NULL AND p.name = $2 AND p.disabled_at IS NULL
		   AND NOT EXISTS (SELECT FROM certificate c WHERE c.fingerprint = $3) LIMIT 2`, c.USCC, c.Person, c.Fingerprint()); err != nil {
		return Bound{}, fmt.Errorf("whose certificate: %w", err)
	}
	if len(found) != 1 {
		return Bound{}, errNotBound()
	}
	who := actor.Actor{PersonID: found[0].PersonID, PersonName: c.Person, OrganisationID: found[0].OrganisationID, OrganisationName: found[0].OrganisationName}
	return s.bind(ctx, who, c, "name")
}

// BindCertificate binds a certificate to who is logged in. It must be of the
// firm for which he acts now, and a person's certificate must have his name.
// Codes: certificate.other_organisation, certificate.other_person,
// certificate.bound and those of a login.
func (s *Service) BindCertificate(ctx context.Context, who actor.Actor, in CertificateProof) (Bound, error) {
	if who.PersonID == "" {
		return Bound{}, errNoSession()
	}
	c, err := s.redeem(ctx, PurposeBind, in, who.PersonID)
	if err != nil {
		return Bound{}, err
	}
	if c.USCC != who.USCC {
		return Bound{}, apperr.New(apperr.Precondition, "certificate.other_organisation", "证书的统一社会信用代码是 %s，不是您现在所属的“%s”（%s）。请换一张证书，或换一个身份后再绑定。",
			c.USCC, who.OrganisationName, who.USCC)
	}
	if c.Kind == certificate.KindPerson && c.Person != strings.TrimSpace(who.PersonName) {
		return Bound{}, apperr.New(apperr.Precondition, "certificate.other_person", "证书上的姓名是“%s”，与您的账号不是同一个人。", c.Person)
	}
	return s.bind(ctx, who, c, "session")
}

func (s *Service) bind(ctx context.Context, who actor.Actor, c *certificate.Certificate, by string) (b Bound, err error) {
	err = s.store.Change(ctx, func(tx *evidence.Tx) error {
		b = Bound{ID: newID(), PersonID: who.PersonID, OrganisationID: who.OrganisationID, Organisation: who.OrganisationName, Kind: string(c.Kind),
			Algorithm: string(c.Algorithm), Fingerprint: c.Fingerprint(), Serial: c.Serial, Issuer: c.Issuer, Subject: c.Subject,
			NotBefore: c.NotBefore, NotAfter: c.NotAfter, BoundAt: evidence.Day(tx.Now())}
		if err := run(ctx, tx, `INSERT INTO certificate (id, person_id, organisation_id, kind, algorithm, fingerprint, serial, issuer, subject, der,
				not_before, not_after, bound_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			b.ID, b.PersonID, b.OrganisationID, b.Kind, b.Algorithm, b.Fingerprint, b.Serial, b.Issuer, b.Subject, c.DER(),
			b.NotBefore, b.NotAfter, b.BoundAt); err != nil {
			return err
		}
		// Secret: the event's day is known, not the hour at which somebody first came.
		tx.Record(evidence.Draft{Stream: "person/" + who.PersonID, Kind: "certificate.bound", Actor: who, Secret: true,
			Fields: map[string]any{"fingerprint": b.Fingerprint, "kind": b.Kind, "uscc": c.USCC, "by": by}})
		return nil
	})
	return b, err
}

// UnbindCertificate ends the binding of one's own certificate, and the sessions
// that it may have opened elsewhere. keep is the token of the session that goes
// on. Code: certificate.not_found.
func (s *Service) UnbindCertificate(ctx context.Context, who actor.Actor, keep, id string) error {
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		var fingerprint string
		err := tx.GetContext(ctx, &fingerprint, `UPDATE certificate SET revoked_at = $1
			WHERE CAST(id AS text) = $2 AND CAST(person_id AS text) = $3 AND revoked_at IS NULL RETURNING fingerprint`, evidence.Day(tx.Now()), id, who.PersonID)
		if errors.Is(err, sql.ErrNoRows) {
			return apperr.New(apperr.NotFound, "certificate.not_found", "没有找到这张已绑定的证书。")
		}
		if err != nil {
			return fmt.Errorf("unbind a certificate: %w", err)
		}
		if err := deleteSessions(ctx, tx, who.PersonID, tokenHash(keep)); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: "person/" + who.PersonID, Kind: "certificate.unbound", Actor: who, Secret: true,
			Fields: map[string]any{"fingerprint": fingerprint}})
		return nil
	})
	s.fresh.clear()
	return err
}

// Certificates are those that the person has bound, the last first.
func (s *Service) Certificates(ctx context.Context, personID string) ([]Bound, error) {
	list := []Bound{}
	if err := s.store.DB().SelectContext(ctx, &list, `SELECT `+boundColumns+` FROM certificate c JOIN organisation o ON o.id = c.organisation_id
		WHERE CAST(c.person_id AS text) = $1 AND c.revoked_at IS NULL ORDER BY c.bound_at DESC, c.id DESC`, personID); err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	return list, nil
}
