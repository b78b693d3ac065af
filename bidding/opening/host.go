package opening

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/internal/lifecycle"
	"jianbiao/internal/seal"
)

type step = lifecycle.Row[State, Facts]

// OpenLobby opens the hall an hour before the opening, or before its second
// session (双信封).
func (s *Service) OpenLobby(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "open_lobby", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		if h.o.State != BetweenSessions {
			return nil, nil
		}
		return map[string]any{"session": lot.SecondSession}, enterSecond(ctx, tx, lotID)
	})
}

// CutoffRow is one bid of the cut-off record.
type CutoffRow struct {
	Digest string `json:"digest"`
	Number int    `json:"number"`
	Size   int64  `json:"size"`
	// Header is the digest of the sealed header, in a tender of two envelopes: it
	// binds each section's capsule to its name, and so to its session.
	Header string `json:"header,omitempty"`
}

// cutoffDigest is the SM3 of the canonical record.
func cutoffDigest(lotID string, rows []CutoffRow) (string, error) {
	raw, err := canon.Marshal(map[string]any{"tag": "jianbiao/cutoff/1", "lot": lotID, "rows": rows})
	if err != nil {
		return "", err
	}
	return lot.Digest(raw), nil
}

// RecordCutoff fixes at the deadline digest, version and padded size of every
// valid bid, sorted by digest, and the count (截止记录). Submissions in progress
// are over: they waited for this lock, or this lock for them.
func (s *Service) RecordCutoff(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "record_cutoff", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		res, err := s.submissions.Resolve(ctx, tx, lotID)
		if err != nil {
			return nil, err
		}
		rows := make([]CutoffRow, len(res.Valid))
		for i, v := range res.Valid {
			rows[i] = CutoffRow{Digest: v.Digest, Number: v.Number, Size: v.Size}
			if h.params.TwoSessions() {
				if rows[i].Header, err = v.Header.Digest(); err != nil {
					return nil, err
				}
			}
			if err := exec(ctx, tx, "store bid", `INSERT INTO bid (lot_id, digest, envelope_id, number, size, header, one_time_key, row_no)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, lotID, v.Digest, v.EnvelopeID, v.Number, v.Size, v.HeaderJSON,
				v.Header.OneTimeKey.Text(), i+1); err != nil {
				return nil, err
			}
		}
		digest, err := cutoffDigest(lotID, rows)
		if err != nil {
			return nil, err
		}
		if err := exec(ctx, tx, "record cut-off", `UPDATE opening SET cutoff_at = $1, cutoff_count = $2, cutoff_digest = $3 WHERE lot_id = $4`,
			tx.Now(), len(rows), digest, lotID); err != nil {
			return nil, err
		}
		if err := lot.Move(ctx, tx, who, h.lot, "cut_off", nil); err != nil {
			return nil, err
		}
		fields := map[string]any{"count": len(rows), "digest": digest, "rows": rows, "superseded": texts(res.Superseded)}
		if h.params.TwoSessions() {
			fields["firstSections"] = names(h.params.SectionsOf(lot.FirstSession))
		}
		return fields, nil
	})
}

func names(sections []lot.Section) []string {
	out := make([]string, len(sections))
	for i, s := range sections {
		out[i] = s.Name
	}
	return out
}

func texts(in []string) []string {
	if in == nil {
		return []string{}
	}
	return in
}

// AbortLt3 ends an opening that fewer than three bids were handed in for:
// nothing is opened and no name is shown.
func (s *Service) AbortLt3(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "abort_lt3", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		return map[string]any{"count": len(h.bids)}, lot.Move(ctx, tx, who, h.lot, "fail", map[string]any{"reason": "too_few_bidders"})
	})
}

// Start begins the opening: the bidders' clients look for their digests in the
// cut-off record (密封检查, 招标投标法 36).
func (s *Service) Start(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "start", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		until := tx.Now().Add(minutes(h.params.SealCheckMinutes))
		return map[string]any{"sealCheckUntil": stamp(until)}, exec(ctx, tx, "start opening",
			`UPDATE opening SET started_at = COALESCE(started_at, $1), seal_check_until = $2 WHERE lot_id = $3`, tx.Now(), until, lotID)
	})
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// RosterEntry is one bidder of the published roster.
type RosterEntry struct {
	No           int    `json:"no"`
	Digest       string `json:"digest"`
	Organisation string `json:"organisation"`
	USCC         string `json:"uscc"`
	Flag         string `json:"flag"`
}

// PublishRoster opens the owner sections, which need the tender's opening key
// alone, and publishes who bids.
func (s *Service) PublishRoster(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "publish_roster", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		if h.second() {
			return s.publishPassed(ctx, tx, h)
		}
		entries := make([]RosterEntry, len(h.bids))
		seen := map[string]bool{}
		for i := range h.bids {
			b := &h.bids[i]
			e, owner, err := s.openOwner(ctx, tx, b)
			if err != nil {
				return nil, err
			}
			if e.USCC != "" && seen[e.USCC] {
				e.Flag = "duplicate_owner"
			}
			seen[e.USCC] = true
			entries[i] = e
			if err := storeOwner(ctx, tx, b, e, owner); err != nil {
				return nil, err
			}
		}
		if err := exec(ctx, tx, "publish roster", `UPDATE opening SET roster_at = $1 WHERE lot_id = $2`, tx.Now(), lotID); err != nil {
			return nil, err
		}
		return map[string]any{"bidders": entries}, nil
	})
}

func storeOwner(ctx context.Context, tx *evidence.Tx, b *Bid, e RosterEntry, owner []byte) error {
	flags := Texts{}
	if e.Flag != "" {
		flags = Texts{e.Flag}
	}
	return exec(ctx, tx, "store owner", `UPDATE bid SET organisation = $1, uscc = $2, owner = $3, flags = $4,
			organisation_id = (SELECT id FROM organisation WHERE uscc = $2) WHERE lot_id = $5 AND digest = $6`,
		e.Organisation, e.USCC, owner, flags, b.LotID, b.Digest)
}

// openOwner opens the owner section. A section that does not open, or whose
// signer is not a key of the firm it names, is flagged and not rejected.
func (s *Service) openOwner(ctx context.Context, tx *evidence.Tx, b *Bid) (RosterEntry, []byte, error) {
	e := RosterEntry{No: b.RowNo, Digest: b.Digest}
	head, err := b.Header()
	if err != nil {
		return e, nil, err
	}
	section, ok := head.Section(seal.OwnerSection)
	if !ok {
		e.Organisation, e.Flag = "（投标人信息缺失）", "owner_unreadable"
		return e, nil, nil
	}
	parts, err := s.tenderParts(ctx, b, head.OpeningKey, keystore.Owners, []string{section.WrapTender})
	if strings.HasPrefix(apperr.CodeOf(err), "seal.") {
		e.Organisation, e.Flag = "（投标人信息不能读取）", "owner_unreadable"
		return e, nil, nil // flagged, not rejected
	}
	if err != nil {
		return e, nil, err
	}
	f, err := s.files.Open(ctx, b.EnvelopeID)
	if errors.Is(err, blob.ErrNotFound) {
		e.Organisation, e.Flag = "（投标人信息不能读取）", "owner_unreadable"
		return e, nil, nil // lost after its receipt: the platform's cause, found at the import
	}
	if err != nil {
		return e, nil, err
	}
	defer func() { _ = f.Close() }()
	owner, err := seal.OpenOwner(f, head, parts[0])
	if err != nil {
		e.Organisation, e.Flag = "（投标人信息不能读取）", "owner_unreadable"
		return e, nil, nil // flagged, not rejected
	}
	e.Organisation, e.USCC = owner.Name, owner.USCC
	var registered bool
	if err := tx.GetContext(ctx, &registered, `SELECT EXISTS (SELECT FROM firm_key k JOIN organisation o ON o.id = k.organisation_id
		WHERE o.uscc = $1 AND o.name = $2 AND k.public_key = $3)`, owner.USCC, owner.Name, owner.FirmKey.Text()); err != nil {
		return e, nil, fmt.Errorf("look up firm key: %w", err)
	}
	flag, byCA := s.certificateFlag(owner, head.Deadline)
	switch {
	case flag != "":
		e.Flag = flag
	case !registered && !byCA:
		e.Flag = "owner_unverified"
	}
	raw, err := canon.Marshal(owner)
	return e, raw, err
}

// tenderParts has the holders release their partials, each with a proof that it
// is right, and combines them: a false partial names its holder, and a capsule
// that does not open with a right one names its sealer.
func (s *Service) tenderParts(ctx context.Context, b *Bid, key seal.PublicKey, stage keystore.Stage, wraps []string) ([][]byte, error) {
	partials, err := s.keys.Release(ctx, keystore.Order{Lot: b.LotID, Stage: stage, Digest: b.Digest, Wraps: wraps})
	if err != nil {
		return nil, fmt.Errorf("release %s of %s: %w", stage, b.Digest, err)
	}
	out := make([][]byte, len(wraps))
	for i, wrap := range wraps {
		if len(partials[i]) != 1 {
			return nil, fmt.Errorf("%d partials of %s: %w", len(partials[i]), b.Digest, seal.ErrPartial)
		}
		if out[i], err = seal.CombineProven(wrap, key, partials[i][0]); err != nil {
			return nil, fmt.Errorf("combine partials of %s: %w", b.Digest, err)
		}
	}
	return out, nil
}

// StartDecrypt starts the decryption window of the document.
func (s *Service) StartDecrypt(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "start_decrypt", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		until := tx.Now().Add(minutes(h.params.DecryptMinutes))
		return map[string]any{"until": stamp(until), "minutes": h.params.DecryptMinutes}, exec(ctx, tx, "start window",
			`UPDATE opening SET decrypt_from = COALESCE(decrypt_from, $1), decrypt_until = $2 WHERE lot_id = $3`, tx.Now(), until, lotID)
	})
}

// PartsRow says which parts were released for a bid: the digest of them, or
// that none came.
type PartsRow struct {
	Digest string `json:"digest"`
	Parts  string `json:"parts"` // "sm3:…" of the released parts, "" for none
}

// CloseWindow ends the first half: what was released by now counts. The event
// fixes the parts, and with them the input of the random coefficient.
func (s *Service) CloseWindow(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "close_window", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		fields := map[string]any{"parts": h.partsRows(), "released": count(h.bids, func(b *Bid) bool { return b.PartState == PartReleased })}
		if h.params.TwoSessions() {
			fields["session"] = h.o.Session
		}
		return fields, exec(ctx, tx, "close window", `UPDATE opening SET closed_window_at = $1 WHERE lot_id = $2`, tx.Now(), lotID)
	})
}

func (h *hall) partsRows() []PartsRow {
	rows := make([]PartsRow, len(h.bids))
	for i, b := range h.bids {
		rows[i] = PartsRow{Digest: b.Digest}
		if b.PartState == PartReleased {
			rows[i].Parts = lot.Digest(b.Parts)
		}
	}
	return rows
}

func count(bids []Bid, is func(*Bid) bool) int {
	n := 0
	for i := range bids {
		if is(&bids[i]) {
			n++
		}
	}
	return n
}

// Announce reads the table out (唱标).
func (s *Service) Announce(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "announce", func(_ *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		table, err := h.table()
		return map[string]any{"table": table}, err
	})
}

// OpenObjections starts the time for objections (实施条例 44: raised and answered
// on the spot).
func (s *Service) OpenObjections(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "open_objections", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		until := tx.Now().Add(minutes(h.params.ObjectionMinutes))
		return map[string]any{"until": stamp(until)}, exec(ctx, tx, "open objections",
			`UPDATE opening SET objection_from = $1, objection_until = $2 WHERE lot_id = $3`, tx.Now(), until, lotID)
	})
}

// checkText refuses an empty or an endless text.
func checkText(field, text string, most int) (string, error) {
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n == 0 || n > most || !utf8.ValidString(text) {
		return "", apperr.New(apperr.Invalid, "opening.text", "请填写内容，不超过 %d 个字。", most).With(field, "必填。")
	}
	return text, nil
}

// AnswerObjection answers an objection on the spot.
func (s *Service) AnswerObjection(ctx context.Context, who actor.Actor, lotID, objection, text string) error {
	text, err := checkText("text", text, 3000)
	if err != nil {
		return err
	}
	if _, err := uuid.Parse(objection); err != nil {
		return errNoObjection
	}
	return s.command(ctx, who, lotID, "answer_objection", func(tx *evidence.Tx, _ *hall, _ step) (map[string]any, error) {
		res, err := tx.ExecContext(ctx, `UPDATE opening_objection SET answer = $1, answered_by = $2, answered_at = $3
			WHERE id = $4 AND lot_id = $5 AND answer IS NULL`, text, who.OrganisationName, tx.Now(), objection, lotID)
		if err != nil {
			return nil, fmt.Errorf("answer objection: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return nil, errNoObjection
		}
		return map[string]any{"objection": objection, "text": text}, nil
	})
}

var errNoObjection = apperr.New(apperr.NotFound, "opening.objection_not_found", "没有找到这条异议，或它已经答复过了。")

// Pause halts the opening for a fault; the windows are extended when it resumes.
// outage says that the platform or the network failed, which bears on whose
// cause an unopened bid is.
func (s *Service) Pause(ctx context.Context, who actor.Actor, lotID, reason string, outage bool) error {
	reason, err := checkText("reason", reason, 500)
	if err != nil {
		return err
	}
	return s.command(ctx, who, lotID, "pause", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		return map[string]any{"reason": reason, "outage": outage}, errors.Join(
			exec(ctx, tx, "pause", `UPDATE opening SET paused_since = $1, pause_reason = $2 WHERE lot_id = $3`, tx.Now(), reason, lotID),
			exec(ctx, tx, "pause", `INSERT INTO opening_pause (lot_id, from_at, reason, outage, session) VALUES ($1, $2, $3, $4, $5)`,
				lotID, tx.Now(), reason, outage, h.o.Session))
	})
}

// Resume ends a pause and moves the ends of the windows that it cut into by its
// length.
func (s *Service) Resume(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "resume", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		since, now := *h.o.PausedSince, tx.Now()
		seconds := int64(now.Sub(since) / time.Second)
		return map[string]any{"from": stamp(since), "extendedSeconds": seconds}, errors.Join(
			lot.ExtendWindows(ctx, tx, lotID, since, now.Sub(since)),
			exec(ctx, tx, "resume", `UPDATE opening SET paused_since = NULL, pause_reason = NULL WHERE lot_id = $1`, lotID),
			exec(ctx, tx, "resume", `UPDATE opening_pause SET until_at = $1 WHERE lot_id = $2 AND until_at IS NULL`, now, lotID))
	})
}

// Postpone breaks the session off; nothing more is released until it is
// reconvened. Parts released before stay where they are, unopened.
func (s *Service) Postpone(ctx context.Context, who actor.Actor, lotID, reason string) error {
	reason, err := checkText("reason", reason, 500)
	if err != nil {
		return err
	}
	return s.command(ctx, who, lotID, "postpone", func(tx *evidence.Tx, _ *hall, _ step) (map[string]any, error) {
		return map[string]any{"reason": reason}, errors.Join(
			exec(ctx, tx, "postpone", `UPDATE opening SET postponed_reason = $1, paused_since = NULL, pause_reason = NULL, missing_receipts = 0 WHERE lot_id = $2`, reason, lotID),
			exec(ctx, tx, "postpone", `UPDATE opening_pause SET until_at = $1 WHERE lot_id = $2 AND until_at IS NULL`, tx.Now(), lotID))
	})
}

// Reconvene announces when the postponed session goes on (复会).
func (s *Service) Reconvene(ctx context.Context, who actor.Actor, lotID string, at time.Time) error {
	return s.command(ctx, who, lotID, "reconvene", func(tx *evidence.Tx, _ *hall, _ step) (map[string]any, error) {
		if !at.After(tx.Now()) {
			return nil, apperr.New(apperr.Invalid, "opening.reconvene_past", "复会时间应晚于现在。").With("at", "请选择更晚的时间。")
		}
		return map[string]any{"at": stamp(at)}, exec(ctx, tx, "reconvene", `UPDATE opening SET scheduled_at = $1 WHERE lot_id = $2`, at, lotID)
	})
}

// ReopenLobby begins the reconvened session.
func (s *Service) ReopenLobby(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "reopen_lobby", func(*evidence.Tx, *hall, step) (map[string]any, error) { return nil, nil })
}

// DecideBid is the buyer's finding on a bid that did not open while an outage
// lay in the window: revoked (the bidder's cause) or withdrawn (any other).
func (s *Service) DecideBid(ctx context.Context, who actor.Actor, lotID, digest, outcome, reason string) error {
	reason, err := checkText("reason", reason, 1000)
	if err != nil {
		return err
	}
	if outcome != OutcomeRevoked && outcome != OutcomeWithdrawn {
		return apperr.New(apperr.Invalid, "opening.outcome", "请选择“视为撤销”或“视为撤回”。").With("outcome", "请选择。")
	}
	return s.command(ctx, who, lotID, "decide_bid", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		b := h.bid(digest)
		if b == nil || b.Outcome == nil || *b.Outcome != OutcomeUndecided {
			return nil, apperr.New(apperr.Precondition, "opening.not_undecided", "这份投标不需要认定。")
		}
		return map[string]any{"digest": digest, "outcome": outcome, "reason": reason}, exec(ctx, tx, "decide bid",
			`UPDATE bid SET outcome = $1, outcome_reason = $2 WHERE lot_id = $3 AND digest = $4`, outcome, reason, lotID, digest)
	})
}

// StartConfirmation freezes the record's content and asks everybody to confirm.
func (s *Service) StartConfirmation(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "start_confirmation", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		digest, err := s.freeze(ctx, tx, h)
		if err != nil {
			return nil, err
		}
		until := tx.Now().Add(minutes(h.params.ConfirmMinutes))
		return map[string]any{"until": stamp(until), "recordDigest": digest}, exec(ctx, tx, "start confirmation",
			`UPDATE opening SET confirm_from = $1, confirm_until = $2 WHERE lot_id = $3`, tx.Now(), until, lotID)
	})
}

// SignRecord is the host's own confirmation.
func (s *Service) SignRecord(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "sign_record", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		return map[string]any{"recordDigest": *h.o.RecordDigest}, exec(ctx, tx, "sign record",
			`UPDATE opening SET host_confirmed_at = $1 WHERE lot_id = $2`, tx.Now(), lotID)
	})
}

// Close ends the opening and hands the lot on.
func (s *Service) Close(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "close", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		silent := count(h.bids, func(b *Bid) bool { return b.opened() && b.ConfirmedAt == nil })
		return map[string]any{"recordDigest": *h.o.RecordDigest, "unconfirmed": silent}, errors.Join(
			exec(ctx, tx, "close opening", `UPDATE opening SET closed_at = $1 WHERE lot_id = $2`, tx.Now(), lotID),
			lot.Move(ctx, tx, who, h.lot, "open", nil))
	})
}

func (b *Bid) opened() bool { return b.Outcome != nil && *b.Outcome == OutcomeOpened }

// Remark is a supervisor's or witness's remark. It steers nothing.
func (s *Service) Remark(ctx context.Context, who actor.Actor, lotID, text string) error {
	text, err := checkText("text", text, 1000)
	if err != nil {
		return err
	}
	return s.command(ctx, who, lotID, "remark", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		return map[string]any{"text": text}, exec(ctx, tx, "remark", `INSERT INTO opening_remark (id, lot_id, at, person, organisation, role, text, session)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, uuid.NewString(), lotID, tx.Now(), who.PersonName, who.OrganisationName, string(who.Role), text, h.o.Session)
	})
}

// RecordOutages extends what runs in every hall by the real time that the
// platform was away, and notes the outage: it bears on whose cause an unopened
// bid is. It says how many halls it touched.
func (s *Service) RecordOutages(ctx context.Context, away time.Duration) (int, error) {
	var ids []string
	if err := s.store.DB().SelectContext(ctx, &ids, `SELECT lot_id FROM opening WHERE paused_since IS NULL
		AND state IN ('started', 'decrypting', 'objection_window', 'record_confirming')`); err != nil {
		return 0, fmt.Errorf("list running halls: %w", err)
	}
	var failures []error
	for _, id := range ids {
		failures = append(failures, s.command(ctx, actor.System(), id, "record_outage", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
			since := tx.Now().Add(-away)
			return map[string]any{"seconds": int64(away / time.Second), "from": stamp(since)}, errors.Join(
				lot.ExtendWindows(ctx, tx, id, since, away),
				exec(ctx, tx, "record outage", `INSERT INTO opening_pause (lot_id, from_at, until_at, reason, outage, session) VALUES ($1, $2, $3, $4, true, $5)
					ON CONFLICT DO NOTHING`, id, since, tx.Now(), "平台中断服务", h.o.Session))
		}))
	}
	return len(ids), errors.Join(failures...)
}
