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
	"crypto/cipher"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
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
	// Secret is kept apart from the database, at least 32 bytes: vaults are
	// hidden at rest and device cookies authenticated under keys derived from
	// it. Who loses it loses the vaults stored here. Required.
	Secret []byte
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
	// Trust are the CAs whose certificates may be used; nil: none.
	Trust *certificate.Trust
	// SecondFactor says of whom a second factor (第二验证) is asked before a
	// sensitive act. Empty: FactorEnrolled.
	SecondFactor FactorPolicy
}

// Service is the only writer of organisations, people, memberships, sessions,
// lock-out counters and vaults.
type Service struct {
	store    *evidence.Store
	cfg      Config
	hasher   *hasher
	devices  []byte // key of the device cookies
	vaults   vaultBox
	secrets  cipher.AEAD // hides the secrets of authenticators
	proofs   []byte      // key of the challenges
	fresh    freshSessions
	attempts keyedMutex
	ceiling  ceiling
}

// NewService wires the package. It panics without a clock or a secret.
func NewService(store *evidence.Store, cfg Config) *Service {
	if cfg.Now == nil {
		panic("identity: no clock given")
	}
	if len(cfg.Secret) < 32 {
		panic("identity: no secret given")
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
	if cfg.SecondFactor == "" {
		cfg.SecondFactor = FactorEnrolled
	}
	if cfg.AddressCeiling == 0 {
		cfg.AddressCeiling = 300
	}
	return &Service{
		store: store, cfg: cfg, hasher: newHasher(cfg.Cost, runtime.GOMAXPROCS(0)),
		devices: derive(cfg.Secret, "device"), vaults: newVaultBox(cfg.Secret, "vault"),
		secrets: newVaultBox(cfg.Secret, "totp").aead, proofs: derive(cfg.Secret, "challenge"),
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
	SuspendedAt *time.Time `db:"suspended_at"` // its people may not act for it since
	Suspension  *string    `db:"suspended_reason"`
}

// Person is somebody who can log in.
type Person struct {
	ID         string     `db:"id"`
	Login      string     `db:"login"`
	Name       string     `db:"name"`
	DisabledAt *time.Time `db:"disabled_at"`
	CreatedAt  time.Time  `db:"created_at"`
	Once       bool       `db:"password_once"` // the password was chosen by somebody else
	Rehearsal  bool       `db:"rehearsal"`     // made by a rehearsal (演练); production refuses to start with one
}

// Membership is a role that a person may take in an organisation.
type Membership struct {
	PersonID         string     `db:"person_id"`
	OrganisationID   string     `db:"organisation_id"`
	OrganisationName string     `db:"organisation_name"`
	USCC             string     `db:"uscc"`
	Role             actor.Role `db:"role"`
	Region           string     `db:"region"`    // GB/T 2260; where the role holds
	Suspended        bool       `db:"suspended"` // of the organisation: nobody acts for it
}

// basisThree is the standard by which three administrators hold each other in
// check (三员分立).
const basisThree = "GB/T 22239-2019 8.1.5（系统管理、审计管理、安全管理）"

// errNotAdmin refuses whoever is not the administrator whose act it is.
func errNotAdmin(role actor.Role) *apperr.Error {
	return apperr.New(apperr.Forbidden, "identity.not_admin", "这件事只由%s办理，请与他联系。", role.Label()).By(basisThree)
}

// authorise lets one of the three administrators through, and the conductor of
// a rehearsal on a rehearsal instance.
func (s *Service) authorise(who actor.Actor, role actor.Role) error {
	if who.Role == role && who.PersonID != "" || s.cfg.Rehearsal && who.Role == actor.Rehearsal {
		return nil
	}
	return errNotAdmin(role)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// checkText refuses a text of less than least or more than most characters.
func checkText(field, label, text string, least, most int) error {
	if n := utf8.RuneCountInString(text); utf8.ValidString(text) && !strings.ContainsRune(text, 0) && n >= least && n <= most {
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
		"organisation_uscc_unique":     apperr.New(apperr.Conflict, "organisation.exists", "这个统一社会信用代码的单位已经登记。"),
		"person_login_unique":          apperr.New(apperr.Conflict, "person.exists", "这个登录名已经有人使用,请换一个。"),
		"grant_request_pending":        apperr.New(apperr.Conflict, "grant.exists", "这个角色已经申请过，正在等安全管理员审批。"),
		"membership_pkey":              apperr.New(apperr.Conflict, "membership.exists", "这个人在该单位已经有这个角色。"),
		"membership_one_administrator": errExclusive(),
		"certificate_bound_once":       apperr.New(apperr.Conflict, "certificate.bound", "这张证书已经绑定了账号，不需要再次绑定；如果不是您绑定的，请联系系统管理员。"),
		"second_factor_pkey":           apperr.New(apperr.Conflict, "factor.enrolled", "您已经启用了动态口令；要换一个，请先停用现在的。"),
	} {
		if database.Violates(err, name) {
			return e.Because(err)
		}
	}
	return err
}
