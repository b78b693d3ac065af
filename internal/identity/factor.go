package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/totp"
)

// FactorPolicy says of whom a second factor (第二验证) is asked.
type FactorPolicy string

// The policies: of nobody; of those who have enrolled; of everybody who does
// something sensitive, so that whoever has not enrolled must do it first.
const (
	FactorOff      FactorPolicy = "off"
	FactorEnrolled FactorPolicy = "enrolled"
	FactorRequired FactorPolicy = "required"
)

// factorFor is how long a second factor holds for a session.
const factorFor = 15 * time.Minute

// recoveryCodes are made at a time.
const recoveryCodes = 10

// factorUntil is when a factor given now runs out; nil for a bidder, who has no
// act that asks for one and whose rows must not say when he was here.
func (s *Service) factorUntil(role actor.Role) *time.Time {
	if role == actor.Bidder {
		return nil
	}
	until := s.cfg.Now().Add(factorFor)
	return &until
}

// RequireFactor refuses a sensitive act of a session that has no fresh second
// factor. Codes: session.second_factor, session.second_factor_none.
func (s *Service) RequireFactor(ctx context.Context, who actor.Actor, token string) error {
	if s.cfg.SecondFactor == FactorOff || who.PersonID == "" {
		return nil
	}
	var is struct {
		Fresh    bool `db:"fresh"`
		Enrolled bool `db:"enrolled"`
		Bound    bool `db:"bound"`
	}
	err := one(ctx, s.store.DB(), &is, errNoSession(), `SELECT COALESCE(s.factor_until > $2, false) AS fresh,
			EXISTS (SELECT FROM second_factor f WHERE f.person_id = s.person_id) AS enrolled,
			EXISTS (SELECT FROM certificate c WHERE c.person_id = s.person_id AND c.revoked_at IS NULL) AS bound
		FROM session s WHERE s.token_hash = $1`, tokenHash(token), s.cfg.Now())
	switch {
	case err != nil:
		return err
	case is.Fresh, !is.Enrolled && s.cfg.SecondFactor == FactorEnrolled:
		return nil
	case !is.Enrolled && !is.Bound:
		return apperr.New(apperr.Forbidden, "session.second_factor_none", "这项操作需要第二验证，您还没有启用：请先在“账户安全”页面启用动态口令或绑定数字证书。")
	}
	return apperr.New(apperr.Unauthenticated, "session.second_factor", "这项操作需要再次验证身份：请输入动态口令，或用数字证书签名。")
}

// Factor is a second factor: a code of the authenticator, a recovery code, or a
// certificate's answer to a challenge.
type Factor struct {
	Code  string
	Proof *CertificateProof
}

// GiveFactor checks a second factor and lets the session do sensitive acts for
// a quarter of an hour. Codes: factor.code, factor.none, factor.locked,
// certificate.*.
func (s *Service) GiveFactor(ctx context.Context, who actor.Actor, token string, f Factor) error {
	if err := s.checkFactor(ctx, who, f); err != nil {
		return err
	}
	until := s.factorUntil(who.Role)
	return s.store.Aside(ctx, func(tx *sqlx.Tx) error {
		return run(ctx, tx, `UPDATE session SET factor_until = $1 WHERE token_hash = $2`, until, tokenHash(token))
	})
}

func (s *Service) checkFactor(ctx context.Context, who actor.Actor, f Factor) error {
	if f.Proof == nil {
		return s.checkCode(ctx, who, f.Code)
	}
	c, err := s.redeem(ctx, PurposeFactor, *f.Proof, who.PersonID)
	if err != nil {
		return err
	}
	b, err := s.boundTo(ctx, c)
	if err == nil && b.PersonID != who.PersonID {
		err = errNotBound()
	}
	return err
}

func errCode() error {
	return apperr.New(apperr.Unauthenticated, "factor.code", "动态口令不正确或已经用过：请核对手机时间，等下一个口令出现后再试。").With("code", "动态口令不正确或已经用过：请核对手机时间，等下一个口令出现后再试。")
}

// checkCode checks a code of the authenticator or a recovery code, and counts
// failures. Codes: factor.code, factor.none, factor.locked.
func (s *Service) checkCode(ctx context.Context, who actor.Actor, code string) error {
	name := bucket("factor", who.PersonID)
	unlock, err := s.attempts.lock(ctx, name)
	if err != nil {
		return fmt.Errorf("wait for the last try: %w", err)
	}
	defer unlock()
	now := s.cfg.Now()
	failed, err := readFailures(ctx, s.store.DB(), name, now)
	if err != nil {
		return err
	}
	if failed.LockedUntil != nil && now.Before(*failed.LockedUntil) {
		return apperr.New(apperr.TooMany, "factor.locked", "动态口令多次输错，请在 %d 分钟后再试，或改用数字证书。", int(failed.LockedUntil.Sub(now)/time.Minute)+1)
	}
	ok, err := s.acceptCode(ctx, who, code)
	if err != nil {
		return err
	}
	if ok {
		return s.store.Aside(ctx, deleteFailures(ctx, name))
	}
	if err := s.countFailure(ctx, name, failed.Failures+1); apperr.CodeOf(err) != "session.bad_credentials" {
		return err
	}
	return errCode()
}

// acceptCode says whether the code is good, and uses it up.
func (s *Service) acceptCode(ctx context.Context, who actor.Actor, code string) (bool, error) {
	secret, err := s.authenticator(ctx, who.PersonID)
	if err != nil {
		return false, err
	}
	if step, ok := totp.Check(secret, code, s.cfg.Now()); ok {
		return s.spend(ctx, "totp", who.PersonID+"/"+strconv.FormatInt(step, 10), s.cfg.Now())
	}
	return s.useRecoveryCode(ctx, who, code)
}

// authenticator is the person's secret. Code: factor.none.
func (s *Service) authenticator(ctx context.Context, personID string) ([]byte, error) {
	var sealed []byte
	none := apperr.New(apperr.Precondition, "factor.none", "您还没有启用动态口令，请先在“账户安全”页面启用。")
	if err := one(ctx, s.store.DB(), &sealed, none, `SELECT secret FROM second_factor WHERE CAST(person_id AS text) = $1`, personID); err != nil {
		return nil, err
	}
	n := s.secrets.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("identity: a stored authenticator is damaged")
	}
	secret, err := s.secrets.Open(nil, sealed[:n], sealed[n:], []byte(personID))
	if err != nil {
		return nil, fmt.Errorf("open an authenticator: %w", err)
	}
	return secret, nil
}

func recoveryHash(personID, code string) []byte {
	h := sha256.Sum256([]byte("jianbiao/recovery/1\x00" + personID + "\x00" + strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))))
	return h[:]
}

func (s *Service) useRecoveryCode(ctx context.Context, who actor.Actor, code string) (bool, error) {
	if len(code) < 16 {
		return false, nil
	}
	errNone := errors.New("no such code")
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE recovery_code SET used_at = $1 WHERE person_id = $2 AND hash = $3 AND used_at IS NULL`,
			evidence.Day(tx.Now()), who.PersonID, recoveryHash(who.PersonID, code))
		if err != nil {
			return fmt.Errorf("use a recovery code: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(errNone, err)
		}
		tx.Record(evidence.Draft{Stream: "person/" + who.PersonID, Kind: "factor.recovery_code_used", Secret: true})
		return nil
	})
	if errors.Is(err, errNone) {
		return false, nil
	}
	return err == nil, err
}

// EnrolFactor starts an authenticator with a secret that the person's app has
// taken: code is what the app shows. It gives the recovery codes, which are
// shown once and stored as hashes. Codes: factor.secret, factor.code,
// factor.enrolled.
func (s *Service) EnrolFactor(ctx context.Context, who actor.Actor, secretText, code string) ([]string, error) {
	secret, ok := totp.ParseText(secretText)
	if !ok {
		return nil, apperr.New(apperr.Invalid, "factor.secret", "密钥不对，请刷新页面，重新扫描二维码。")
	}
	step, ok := totp.Check(secret, code, s.cfg.Now())
	if !ok {
		return nil, errCode()
	}
	if fresh, err := s.spend(ctx, "totp", who.PersonID+"/"+strconv.FormatInt(step, 10), s.cfg.Now()); err != nil || !fresh {
		return nil, errors.Join(errCode(), err)
	}
	nonce := random(s.secrets.NonceSize())
	sealed := s.secrets.Seal(nonce, nonce, secret, []byte(who.PersonID))
	var codes []string
	err := s.store.Change(ctx, func(tx *evidence.Tx) (err error) {
		if err := run(ctx, tx, `INSERT INTO second_factor (person_id, secret, enrolled_at) VALUES ($1, $2, $3)`, who.PersonID, sealed, evidence.Day(tx.Now())); err != nil {
			return err
		}
		codes, err = makeRecoveryCodes(ctx, tx, who.PersonID)
		tx.Record(evidence.Draft{Stream: "person/" + who.PersonID, Kind: "factor.enrolled", Secret: true})
		return err
	})
	return codes, err
}

// makeRecoveryCodes replaces the person's recovery codes.
func makeRecoveryCodes(ctx context.Context, tx *evidence.Tx, personID string) ([]string, error) {
	if err := run(ctx, tx, `DELETE FROM recovery_code WHERE person_id = $1`, personID); err != nil {
		return nil, err
	}
	codes := make([]string, recoveryCodes)
	for i := range codes {
		raw := make([]byte, 10)
		if _, err := rand.Read(raw); err != nil {
			return nil, fmt.Errorf("randomness: %w", err)
		}
		text := base32.StdEncoding.EncodeToString(raw) // 16 characters
		codes[i] = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
		if err := run(ctx, tx, `INSERT INTO recovery_code (person_id, hash) VALUES ($1, $2)`, personID, recoveryHash(personID, codes[i])); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// RenewRecoveryCodes replaces one's recovery codes; a fresh code proves that the
// authenticator is at hand. Codes: those of GiveFactor.
func (s *Service) RenewRecoveryCodes(ctx context.Context, who actor.Actor, code string) (codes []string, err error) {
	if err := s.checkCode(ctx, who, code); err != nil {
		return nil, err
	}
	err = s.store.Change(ctx, func(tx *evidence.Tx) (err error) {
		codes, err = makeRecoveryCodes(ctx, tx, who.PersonID)
		tx.Record(evidence.Draft{Stream: "person/" + who.PersonID, Kind: "factor.recovery_codes_made", Secret: true})
		return err
	})
	return codes, err
}

// RemoveFactor ends one's authenticator, by a code of it. Codes: those of
// GiveFactor.
func (s *Service) RemoveFactor(ctx context.Context, who actor.Actor, code string) error {
	if err := s.checkCode(ctx, who, code); err != nil {
		return err
	}
	return s.removeFactor(ctx, who, who.PersonID, true)
}

// ResetFactor ends the authenticator of somebody who has lost it, by an
// administrator's act. Codes: identity.not_admin, person.not_found,
// person.self, factor.none.
func (s *Service) ResetFactor(ctx context.Context, who actor.Actor, personID string) error {
	if err := s.authorise(who, actor.SecurityAdmin); err != nil {
		return err
	}
	if who.PersonID == personID {
		return apperr.New(apperr.Precondition, "person.self", "不能重置自己的第二验证，请由另一位安全管理员办理。")
	}
	if _, err := s.Person(ctx, personID); err != nil {
		return err
	}
	return s.removeFactor(ctx, who, personID, false)
}

func (s *Service) removeFactor(ctx context.Context, who actor.Actor, personID string, secret bool) error {
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		var id string
		err := tx.GetContext(ctx, &id, `DELETE FROM second_factor WHERE CAST(person_id AS text) = $1 RETURNING CAST(person_id AS text)`, personID)
		if errors.Is(err, sql.ErrNoRows) {
			return apperr.New(apperr.Precondition, "factor.none", "没有启用动态口令。")
		}
		if err != nil {
			return fmt.Errorf("remove an authenticator: %w", err)
		}
		if err := run(ctx, tx, `DELETE FROM recovery_code WHERE person_id = $1`, id); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: "person/" + id, Kind: "factor.removed", Actor: who, Secret: secret})
		return nil
	})
}
