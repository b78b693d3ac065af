package submission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
)

// Valid is a bid that stands at the cut-off: the newest of its number chain,
// not withdrawn.
type Valid struct {
	EnvelopeID string
	Digest     string
	Number     int
	Size       int64
	Header     seal.Header
	HeaderJSON []byte
}

// Resolution is what the cut-off finds.
type Resolution struct {
	Valid      []Valid  // sorted by digest
	Superseded []string // digests that were replaced or withdrawn; nobody opens them
	Claimed    []string // ids of all envelopes of the lot
}

type pending struct {
	ID     string `db:"id"`
	Digest string `db:"digest"`
	Size   int64  `db:"size_class"`
	Prefix []byte `db:"prefix"`
}

// Resolve tries the lot's cut-off key on every pending envelope, within the
// transaction of the cut-off, which holds the lot's lock: every submission that
// came in time is committed and none can follow. Claimed envelopes leave the
// pending table; their files stay.
func (s *Service) Resolve(ctx context.Context, tx *evidence.Tx, lotID string) (Resolution, error) {
	key, err := s.keys.CutoffKey(lotID)
	if err != nil {
		return Resolution{}, err
	}
	s.withdrawUnfinished(tx, lotID, key)
	var all []pending
	if err := tx.SelectContext(ctx, &all, `SELECT id, digest, size_class, substring(prefix FROM 1 FOR $1) AS prefix FROM envelope`, seal.PrefixSize); err != nil {
		return Resolution{}, fmt.Errorf("read pending envelopes: %w", err)
	}
	var res Resolution
	newest := map[string]Valid{}
	for _, p := range all {
		if !seal.Mine(p.Prefix, key) {
			continue
		}
		var head []byte // from the row, not from the file: a file that is lost or damaged does not hold up the cut-off
		if err := tx.GetContext(ctx, &head, `SELECT prefix FROM envelope WHERE id = $1`, p.ID); err != nil {
			return Resolution{}, fmt.Errorf("read the head of an envelope: %w", err)
		}
		h, err := s.header(lotID, head)
		if err != nil {
			return Resolution{}, fmt.Errorf("header of a claimed envelope: %w", err)
		}
		res.Claimed = append(res.Claimed, p.ID)
		v := Valid{EnvelopeID: p.ID, Digest: p.Digest, Number: h.Number, Size: p.Size, Header: h}
		chain := h.OneTimeKey.Text()
		if old, ok := newest[chain]; ok {
			if old.Number > v.Number {
				old, v = v, old
			}
			res.Superseded = append(res.Superseded, old.Digest)
		}
		newest[chain] = v
	}
	return res, s.finish(ctx, tx, &res, newest)
}

func (s *Service) finish(ctx context.Context, tx *evidence.Tx, res *Resolution, newest map[string]Valid) error {
	for _, v := range newest {
		if v.Header.Kind == seal.KindWithdrawal {
			res.Superseded = append(res.Superseded, v.Digest)
			continue
		}
		raw, err := canon.Marshal(v.Header)
		if err != nil {
			return err
		}
		v.HeaderJSON = raw
		res.Valid = append(res.Valid, v)
	}
	slices.SortFunc(res.Valid, func(a, b Valid) int { return strings.Compare(a.Digest, b.Digest) })
	slices.Sort(res.Superseded)
	for _, id := range res.Claimed {
		if _, err := tx.ExecContext(ctx, `DELETE FROM envelope WHERE id = $1`, id); err != nil {
			return fmt.Errorf("claim envelope: %w", err)
		}
	}
	return nil
}

// RegisterFirmKey registers a signing key (单位签名公钥) that the firm made in its
// vault. A bid names its owner truly when it is signed with such a key. It says
// nothing about a lot: firms register when they first make a vault.
func (s *Service) RegisterFirmKey(ctx context.Context, who actor.Actor, publicKey string) error {
	if !who.In(actor.Bidder) || !who.Certified {
		return errNotFirm
	}
	key, err := seal.ParsePublicKey(publicKey)
	if err != nil {
		return apperr.New(apperr.Invalid, "firm_key.malformed", "公钥的格式不对：请用本平台的保险箱重新生成。").Because(err)
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		if _, err := uuid.Parse(who.OrganisationID); err != nil {
			return errNotFirm
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO firm_key (organisation_id, public_key, registered_on) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, who.OrganisationID, key.Text(), tx.Now()); err != nil {
			return fmt.Errorf("register firm key: %w", err)
		}
		tx.Record(evidence.Draft{Stream: "organisation/" + who.OrganisationID, Kind: "organisation.key_registered", Actor: who,
			Fields: map[string]any{"publicKey": key.Text()}})
		return nil
	})
}
