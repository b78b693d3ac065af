package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/internal/rule"
	"jianbiao/internal/seal"
)

func (c *checker) lots(ctx context.Context, r *Result) error {
	return c.eachLot(ctx, r, func(l *lot.Lot, events []evidence.Event) ([]string, error) { return lot.Audit(ctx, c.tx, l, events) })
}

func (c *checker) openings(ctx context.Context, r *Result) error {
	return c.eachLot(ctx, r, func(l *lot.Lot, events []evidence.Event) ([]string, error) {
		if l.PublishedAt == nil {
			return nil, nil
		}
		faults, err := opening.Audit(ctx, c.tx, l, events)
		if apperr.CodeOf(err) == "opening.not_scheduled" {
			return []string{"the row of its opening is missing"}, nil
		}
		return faults, err
	})
}

// reader gives the folder of files without touching what is in it.
type reader string

// Open implements the part of blob.Store that is needed.
func (dir reader) Open(_ context.Context, name string) (blob.File, error) {
	f, err := os.Open(filepath.Join(string(dir), filepath.Base(name)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, blob.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open a file: %w", err)
	}
	return f, nil
}

// digest is size and "sm3:…" of a stored file; ok is false when it is not there.
func (c *checker) digest(ctx context.Context, name string) (size int64, digest string, ok bool, err error) {
	f, err := c.files.Open(ctx, name)
	if errors.Is(err, blob.ErrNotFound) {
		return 0, "", false, nil
	}
	if err != nil {
		return 0, "", false, err
	}
	defer func() { _ = f.Close() }()
	h := sm3.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return 0, "", false, fmt.Errorf("read a file: %w", err)
	}
	return n, fmt.Sprintf("sm3:%x", h.Sum(nil)), true, nil
}

type envelopeRow struct {
	ID     string `db:"id"`
	Lot    string `db:"lot"`
	Code   string `db:"code"`
	Digest string `db:"digest"`
	Size   int64  `db:"size"`
	Head   []byte `db:"head"`
	Cause  string `db:"cause"`
}

// envelopes: the stored file of every pending and every claimed envelope is what
// its receipt promised, its head is in the row, and it has its event.
func (c *checker) envelopes(ctx context.Context, r *Result) error {
	var rows []envelopeRow
	if err := c.tx.SelectContext(ctx, &rows, `
		SELECT id, '' AS lot, '' AS code, digest, size_class AS size, prefix AS head, '' AS cause FROM envelope
		UNION ALL
		SELECT b.envelope_id, CAST(b.lot_id AS text), l.code, b.digest, b.size, b.header, COALESCE(b.outcome_reason, '') FROM bid b JOIN lot l ON l.id = b.lot_id`); err != nil {
		return fmt.Errorf("read the envelopes: %w", err)
	}
	heads, err := evidence.StreamHeads(ctx, c.tx)
	if err != nil {
		return err
	}
	keys := c.keyStore()
	for _, row := range rows {
		r.Looked++
		c.named[row.ID] = "密封投标文件"
		if heads["bid/"+row.ID] == 0 {
			r.fault("密封投标文件 %s 没有回执的证据", short(row.Digest))
		}
		if err := c.envelope(ctx, r, row, keys); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) envelope(ctx context.Context, r *Result, row envelopeRow, keys *keystore.Store) error {
	size, digest, ok, err := c.digest(ctx, row.ID)
	if err != nil {
		return err
	}
	if !ok || digest != row.Digest || size != row.Size {
		if row.Cause == string(seal.CausePlatform) {
			r.note("标段 %s 的密封投标文件 %s 与回执不符，开标时已认定为平台原因", row.Code, short(row.Digest))
			return nil
		}
		r.fault("密封投标文件 %s（文件 %s）不在或与回执的摘要不符", short(row.Digest), row.ID)
		return nil
	}
	f, err := c.files.Open(ctx, row.ID)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if row.Lot == "" {
		head := make([]byte, len(row.Head))
		if _, err := f.ReadAt(head, 0); err != nil || !bytes.Equal(head, row.Head) {
			r.fault("密封投标文件 %s 的开头与数据库里的不同", short(row.Digest))
		}
		return nil
	}
	if keys == nil {
		return nil
	}
	key, err := keys.CutoffKey(row.Lot)
	if err != nil {
		return nil // the keys have a check of their own
	}
	h, err := seal.ReadHeader(f, key)
	var raw []byte
	if err == nil {
		raw, err = canon.Marshal(h)
	}
	if err != nil || !bytes.Equal(raw, row.Head) {
		r.fault("标段 %s 的投标文件 %s：数据库里的文件头与密封文件里的不同", row.Code, short(row.Digest))
	}
	return nil
}

// filesOf: document files and opened bid files have the size and digest of their rows.
func (c *checker) filesOf(ctx context.Context, r *Result) error {
	var rows []struct {
		ID   string `db:"id"`
		What string `db:"what"`
		Size int64  `db:"size"`
		SM3  string `db:"sm3"`
	}
	if err := c.tx.SelectContext(ctx, &rows, `
		SELECT f.id, '招标文件 ' || l.code || ' ' || f.name AS what, f.size, f.sm3 FROM document_file f JOIN lot l ON l.id = f.lot_id
		UNION ALL
		SELECT f.id, '投标文件 ' || l.code || ' ' || f.name, f.size, f.sm3 FROM bid_file f JOIN lot l ON l.id = f.lot_id`); err != nil {
		return fmt.Errorf("read the files' rows: %w", err)
	}
	for _, row := range rows {
		r.Looked++
		c.named[row.ID] = row.What
		size, digest, ok, err := c.digest(ctx, row.ID)
		if err != nil {
			return err
		}
		switch {
		case !ok:
			r.fault("%s（文件 %s）不在了", row.What, row.ID)
		case size != row.Size || digest != withTag(row.SM3):
			r.fault("%s（文件 %s）的内容与记录的摘要不符", row.What, row.ID)
		}
	}
	return c.orphans(r)
}

// withTag adds the algorithm to a digest that was stored without it.
func withTag(d string) string {
	if strings.Contains(d, ":") {
		return d
	}
	return "sm3:" + d
}

// orphans are files that no row names: left by a submission that was refused
// when the machine died, or claimed at a cut-off and replaced.
func (c *checker) orphans(r *Result) error {
	list, err := os.ReadDir(filepath.Join(c.Data, "files"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the files: %w", err)
	}
	n := 0
	for _, f := range list {
		if _, known := c.named[f.Name()]; !known && f.Type().IsRegular() {
			n++
		}
	}
	if n > 0 {
		r.note("有 %d 个文件不属于任何记录（被替换的投标文件，或中断的上传）", n)
	}
	return nil
}

// keyStore opens the key store for reading, nil when it is not there.
func (c *checker) keyStore() *keystore.Store {
	dir := filepath.Join(c.Data, "keys")
	if _, err := os.Stat(filepath.Join(dir, "platform.json")); err != nil {
		return nil
	}
	s, err := keystore.Open(dir)
	if err != nil {
		return nil
	}
	return s
}

// keys: the key store has the private halves of every lot's published keys.
func (c *checker) keys(ctx context.Context, r *Result) error {
	s := c.keyStore()
	if s == nil {
		r.fault("密钥目录 %s 不在或读不出：平台没有它就打不开投标文件", filepath.Join(c.Data, "keys"))
		return nil
	}
	return c.eachLot(ctx, r, func(l *lot.Lot, _ []evidence.Event) ([]string, error) {
		if l.CutoffKey == nil {
			return nil, nil
		}
		if fault := keyFault(s, l); fault != "" {
			return []string{fault}, nil
		}
		return nil, nil
	})
}

// keyFault is what is wrong with a lot's keys, "" when nothing is.
func keyFault(s *keystore.Store, l *lot.Lot) string {
	cutoff, open, vrf, err := s.PublicOf(l.ID)
	if err != nil {
		return "密钥读不出：" + err.Error()
	}
	if cutoff != *l.CutoffKey || open != or(l.OpeningKey) || vrf != or(l.VRFKey) {
		return "密钥与公布的公钥不符"
	}
	return ""
}

func or(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// rules: the catalogue is the one that the program was built with, and loads.
func (c *checker) rules(_ context.Context, r *Result) error {
	cat := rule.Default()
	r.Looked = len(cat.Rules())
	r.note("规则目录 %s，摘要 %s", cat.Version(), short(cat.Digest()))
	return nil
}
