package openingrecord

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/identity"
	"jianbiao/internal/money"
)

// Of reads the opening record of a lot from the read side of bidding and its
// evidence. site is the address at which people look the lot up. It exists once
// the session is closed; session 0 asks for the last that is. Errors:
// record.not_closed, opening.no_session.
func Of(ctx context.Context, store *evidence.Store, openings *opening.Service, l *lot.Lot, session int, site string) (Record, error) {
	snap, err := openings.SessionSnapshot(ctx, l.ID, session)
	if err != nil {
		return Record{}, err
	}
	if snap.State != opening.Closed && snap.State != opening.BetweenSessions {
		return Record{}, apperr.New(apperr.Precondition, "record.not_closed", "开标还没有结束：结束后才有开标记录表。")
	}
	events, err := store.Since(ctx, l.Stream(), 0, 1_000_000)
	if err != nil {
		return Record{}, err
	}
	events = of(events, snap)
	r := head(l, snap)
	r.VerifyURL = site + r.VerifyURL
	if err := r.addEvidence(events, l.Stream()); err != nil {
		return Record{}, err
	}
	if err := r.addCutoff(ctx, openings, l.ID); err != nil {
		return Record{}, err
	}
	r.addBids(snap)
	r.addTalk(snap)
	r.addConfirmations(snap, events)
	return r, nil
}

// of is what had happened when the session was over.
func of(events []evidence.Event, s *opening.Snapshot) []evidence.Event {
	if s.Session == lot.FirstSession && s.Sessions == lot.SecondSession {
		for i := range events {
			if events[i].Kind == "opening.first_closed" {
				return events[:i+1]
			}
		}
	}
	return events
}

func clockText(t time.Time) string {
	return t.In(evidence.Beijing).Format("2006年01月02日 15:04:05")
}

func clockPtr(t *time.Time) string {
	if t == nil {
		return ""
	}
	return clockText(*t)
}

func head(l *lot.Lot, s *opening.Snapshot) Record {
	r := Record{
		DocumentNumber: "见标开字 " + l.Code, Project: l.Project.Name, Lot: Lot{Code: l.Code, Name: l.Name}, Buyer: l.Project.Buyer,
		Agency: s.Lot.Agency, Region: regionName(l.Project.Region), Deadline: clockPtr(l.BidDeadline), ClosedAt: clockPtr(s.ClosedAt), IssuedAt: *s.ClosedAt,
		Host: l.Project.Buyer, TenderDocVersion: fmt.Sprintf("第 %d 版", l.DocumentVersion), PriceCeiling: separated(s.Lot.PriceCeiling),
		Bids: []Bid{}, Objections: []Objection{}, Remarks: []Remark{}, Pauses: []Pause{}, Confirmations: []Confirmation{},
		VerifyURL: "/lots/" + l.ID,
		Statements: []string{
			"平台在截止前只保存密文，不知道谁投了标；截止记录形成后才用开标密钥打开投标人信息。",
			"解密窗口关闭前，任何投标内容都没有打开；内容由投标人在自己的电脑上释放的份额与开标密钥合成打开。",
			"本阶段开标密钥由平台密钥库保管；平台没有核验投标内容的真实性，也不对投标是否有效作出判断。",
		},
	}
	if s.Sessions == lot.SecondSession {
		r.addSession(s)
	}
	if s.Lot.Agency != "" {
		r.Host = s.Lot.Agency + "(受 " + l.Project.Buyer + " 委托)"
	}
	if w, ok := s.Windows["sealCheck"]; ok {
		r.OpenedAt = clockPtr(w.From)
	}
	if c := s.Coefficient; c != nil {
		r.Coefficient = &Coefficient{Alpha: c.Alpha, Proof: c.Proof, Beta: c.Beta, Value: c.Value, Mapping: c.Mapping}
	}
	return r
}

// addSession says which of the two sessions (双信封) it is.
func (r *Record) addSession(s *opening.Snapshot) {
	r.Session = fmt.Sprintf("第%s次开标（%s）", map[int]string{1: "一", 2: "二"}[s.Session], map[int]string{1: "第一信封：商务及技术文件", 2: "第二信封：报价文件"}[s.Session])
	r.DocumentNumber += fmt.Sprintf("（%d）", s.Session)
	if r.FirstEnvelope = s.Session == lot.FirstSession; r.FirstEnvelope {
		r.Statements = append(r.Statements, "本次只开启第一信封。第二信封仍然密封：第二次开标的解密窗口关闭之前，平台密钥库按证据记录拒绝打开，投标人的份额也没有提交。")
		return
	}
	if v := s.Review; v != nil {
		r.Statements = append(r.Statements, fmt.Sprintf("第一信封评审（%s）：%d 家中 %d 家通过。未通过的投标人的第二信封没有打开。", v.Report, v.Of, v.Passed))
	}
}

// separated is an amount as it is printed, with thousands separators.
func separated(text string) string {
	d, err := money.Parse(text)
	if err != nil {
		return text
	}
	return money.Format(d)
}

func regionName(code string) string {
	if place, ok := identity.Region(code); ok {
		return place.FullName()
	}
	return code
}

// addEvidence says which events the record stands on: their commitments under
// one Merkle root, so that the record and the stream can be held together.
func (r *Record) addEvidence(events []evidence.Event, stream string) error {
	if len(events) == 0 {
		return evidence.ErrNoStream
	}
	commitments := make([][]byte, len(events))
	for i := range events {
		commitments[i] = events[i].Commitment
	}
	r.Evidence = Evidence{Stream: stream, FirstSeq: events[0].Seq, LastSeq: events[len(events)-1].Seq, Events: int64(len(events)),
		Root: hex.EncodeToString(evidence.Root(commitments))}
	return nil
}

func (r *Record) addCutoff(ctx context.Context, openings *opening.Service, lotID string) error {
	c, err := openings.Cutoff(ctx, lotID)
	if err != nil {
		return err
	}
	if c == nil {
		return apperr.New(apperr.Precondition, "opening.no_cutoff", "还没有截止记录。")
	}
	r.Cutoff = Cutoff{Count: c.Count, DigestOfRecord: c.Digest, Rows: []CutoffRow{}}
	for _, row := range c.Rows {
		r.Cutoff.Rows = append(r.Cutoff.Rows, CutoffRow{Digest: row.Digest, Size: fmt.Sprintf("%d 字节", row.Size), Number: fmt.Sprintf("第 %d 次递交", row.Number)})
	}
	return nil
}

var results = map[string]string{opening.OutcomeOpened: Opened, opening.OutcomeRevoked: Revoked,
	opening.OutcomeWithdrawn: Withdrawn, opening.OutcomeUndecided: Undecided, opening.OutcomeRejected: Rejected}

func (r *Record) addBids(s *opening.Snapshot) {
	halls := map[string]opening.HallBid{}
	for _, b := range s.Bids {
		halls[b.Digest] = b
	}
	for _, row := range s.Table {
		h := halls[row.Digest]
		b := Bid{No: row.No, Name: row.Organisation, USCC: row.USCC, SealCheck: "未到场检查", Price: separated(row.Price), Duration: row.Duration,
			Quality: row.Quality, Manager: row.Manager, Deposit: row.Deposit, Flags: []string{},
			Decrypt: Decryption{Result: results[row.Outcome], At: clockPtr(h.Part.At), Reason: row.Reason}}
		if h.SealChecked != nil {
			b.SealCheck = "完好 " + clockPtr(h.SealChecked)
		}
		if capital, err := money.CapitalAmount(row.Price); err == nil {
			b.PriceCapital = capital
		}
		if row.Capital != "" {
			b.PriceCapital = row.Capital // as the bidder wrote it; a difference is flagged
		}
		for _, f := range row.Flags {
			b.Flags = append(b.Flags, opening.Flags[f])
		}
		r.Bids = append(r.Bids, b)
	}
}

func (r *Record) addTalk(s *opening.Snapshot) {
	for _, o := range s.Objections {
		v := Objection{At: clockText(o.At), By: o.Organisation, Text: o.Text, AnswerAt: clockPtr(o.AnsweredAt)}
		if o.Answer != nil {
			v.Answer, v.AnswerBy = *o.Answer, *o.AnsweredBy
		}
		r.Objections = append(r.Objections, v)
	}
	for _, m := range s.Remarks {
		r.Remarks = append(r.Remarks, Remark{At: clockText(m.At), By: m.Organisation + "(" + m.Role.Label() + ")", Text: m.Text})
	}
	for _, p := range s.Pauses {
		r.Pauses = append(r.Pauses, Pause{From: clockText(p.From), To: clockPtr(p.Until), Reason: p.Reason})
	}
}

func (r *Record) addConfirmations(s *opening.Snapshot, events []evidence.Event) {
	signatures := map[string]string{}
	for i := range events {
		if events[i].Kind == "opening.record_confirmed" && events[i].Text("recordDigest") == s.RecordDigest {
			signatures[events[i].Text("digest")] = lot.Digest([]byte(events[i].Text("signature")))
		}
	}
	if s.HostSigned != nil {
		r.Confirmations = append(r.Confirmations, Confirmation{Name: r.Host, How: Signed, At: clockPtr(s.HostSigned)})
	} else {
		r.Confirmations = append(r.Confirmations, Confirmation{Name: r.Host, How: TimedOut})
	}
	for _, b := range s.Bids {
		if b.Outcome != opening.OutcomeOpened {
			continue
		}
		c := Confirmation{Name: b.Organisation, How: TimedOut}
		if b.Confirmed != nil {
			c.How, c.At, c.SignatureDigest = Signed, clockPtr(b.Confirmed), signatures[b.Digest]
		}
		r.Confirmations = append(r.Confirmations, c)
	}
}
