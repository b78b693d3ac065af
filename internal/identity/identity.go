// Package identity knows organisations (单位), people, and in which role and
// region a person acts for an organisation; it checks passwords and keeps
// sessions and the opaque vaults of the bidders.
//
// Organisations and people change by commands, on the record. Sessions, lock-out
// counters and vaults are off the record: a login is no act in a tender, and
// before an opening nobody may learn from them who is preparing a bid. So none
// of their rows says when somebody came, and none is logged.
package identity

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
)

// Config are the settings of a Service; zero values mean the defaults.
type Config struct {
	// Now is the real time; sessions and limits live in it, never in legal
	// time. Required.
	Now func() time.Time
	// Rehearsal allows the role rehearsal to make people and organisations.
	Rehearsal bool
	// DeviceKey authenticates the device cookies (32 bytes). Empty: a random
	// one, so that devices are forgotten when the server starts again.
	DeviceKey []byte
	// Cost of password hashes made from now on. Zero: DefaultCost.
	Cost Cost
	// IdleFor ends a session that was not used. Zero: 8 hours.
	IdleFor time.Duration
	// FreshFor is how long an answer of Authenticate may be remembered. Zero: 3
	// seconds; negative: not at all.
	FreshFor time.Duration
	// AddressCeiling is how many failed logins one network address may make in
	// ten minutes. A whole county office may sit behind one address, so it is
	// high. Zero: 300; negative: no ceiling.
	AddressCeiling int
}

// Service is the only writer of organisations, people, memberships, sessions,
// lock-out counters and vaults.
type Service struct {
	store    *evidence.Store
	cfg      Config
	hasher   *hasher
	fresh    freshSessions
	attempts keyedMutex
	ceiling  ceiling
}

// NewService wires the package. It panics without a clock.
func NewService(store *evidence.Store, cfg Config) *Service {
	if cfg.Now == nil {
		panic("identity: no clock given")
	}
	if len(cfg.DeviceKey) == 0 {
		cfg.DeviceKey = random(32)
	}
	if cfg.Cost == (Cost{}) {
		cfg.Cost = DefaultCost
	}
	if cfg.IdleFor == 0 {
		cfg.IdleFor = 8 * time.Hour
	}
	if cfg.FreshFor == 0 {
		cfg.FreshFor = 3 * time.Second
	}
	if cfg.AddressCeiling == 0 {
		cfg.AddressCeiling = 300
	}
	return &Service{
		store: store, cfg: cfg, hasher: newHasher(cfg.Cost, runtime.GOMAXPROCS(0)),
		fresh:   freshSessions{byToken: map[string]freshSession{}},
		ceiling: ceiling{limit: cfg.AddressCeiling, failures: map[string]failures{}},
	}
}

// Organisation is a unit (单位) that takes part in tenders or watches them.
type Organisation struct {
	ID          string     `db:"id"`
	USCC        string     `db:"uscc"` // 统一社会信用代码
	Name        string     `db:"name"`
	Region      string     `db:"region"`       // GB/T 2260
	CertifiedAt *time.Time `db:"certified_at"` // legal time at which its papers were checked
	CreatedAt   time.Time  `db:"created_at"`
}

// Person is somebody who can log in.
type Person struct {
	ID         string     `db:"id"`
	Login      string     `db:"login"`
	Name       string     `db:"name"`
	DisabledAt *time.Time `db:"disabled_at"`
	CreatedAt  time.Time  `db:"created_at"`
	Rehearsal  bool       `db:"rehearsal"` // made by a rehearsal (演练); production refuses to start with one
}

// Membership is a role that a person may take in an organisation.
type Membership struct {
	PersonID         string     `db:"person_id"`
	OrganisationID   string     `db:"organisation_id"`
	OrganisationName string     `db:"organisation_name"`
	USCC             string     `db:"uscc"`
	Role             actor.Role `db:"role"`
	Region           string     `db:"region"` // GB/T 2260; where the role holds
}

// errNotAdmin refuses whoever is not an administrator.
func errNotAdmin() *apperr.Error {
	return apperr.New(apperr.Forbidden, "identity.not_admin", "单位和人员由系统管理员维护,请与管理员联系。")
}

// authorise lets the administrator through, and the conductor of a rehearsal on
// a rehearsal instance.
func (s *Service) authorise(who actor.Actor) error {
	if who.Role == actor.Admin && who.PersonID != "" || s.cfg.Rehearsal && who.Role == actor.Rehearsal {
		return nil
	}
	return errNotAdmin()
}

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
	return s.store.Change(ctx, func(tx *evidence.Tx) error { return addMembership(ctx, tx, who, m) })
}

func addMembership(ctx context.Context, tx *evidence.Tx, who actor.Actor, m Membership) error {
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
		if err := insertVault(ctx, tx, m.PersonID); err != nil {
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
		return addMembership(ctx, tx, actor.System(), Membership{
			PersonID: p.ID, OrganisationID: o.ID, Role: actor.Admin, Region: o.Region})
	})
	return p, err
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// checkText refuses a text of less than least or more than most characters.
func checkText(field, label, text string, least, most int) error {
	if n := utf8.RuneCountInString(text); utf8.ValidString(text) && n >= least && n <= most {
		return nil
	}
	detail := fmt.Sprintf("%s应为 %d 至 %d 个字。", label, least, most)
	return apperr.New(apperr.Invalid, "identity.text", "%s", detail).With(field, detail)
}

// normalLogin is the one spelling under which a login is stored and looked up.
func normalLogin(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// checkLogin wants 3 to 40 characters: letters, digits, dot, dash, underscore
// and Chinese characters.
func checkLogin(login string) error {
	n := utf8.RuneCountInString(login)
	bad := strings.ContainsFunc(login, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("._-@", r) || 0x4e00 <= r && r <= 0x9fff)
	})
	if n < 3 || n > 40 || bad {
		const detail = "登录名应为 3 至 40 个字符,可以用汉字、字母、数字和 . _ - @。"
		return apperr.New(apperr.Invalid, "person.login", detail).With("login", detail)
	}
	return nil
}

// errExists turns a unique constraint into its sentence; other errors pass.
func errExists(err error) error {
	for name, e := range map[string]*apperr.Error{
		"organisation_uscc_unique": apperr.New(apperr.Conflict, "organisation.exists", "这个统一社会信用代码的单位已经登记。"),
		"person_login_unique":      apperr.New(apperr.Conflict, "person.exists", "这个登录名已经有人使用,请换一个。"),
		"membership_pkey":          apperr.New(apperr.Conflict, "membership.exists", "这个人在该单位已经有这个角色。"),
	} {
		if database.Violates(err, name) {
			return e.Because(err)
		}
	}
	return err
}
