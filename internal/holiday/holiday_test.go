package holiday_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
	"jianbiao/internal/holiday"
	"jianbiao/internal/identity"
	"jianbiao/internal/workday"
)

// made up, in the official style; no such notice exists
const made = `国务院办公厅关于2027年部分节假日安排的通知
国办发明电〔2026〕99号
一、元旦：1月1日（周五）至3日（周日）放假，共3天。
二、春节：2月5日（农历除夕、周五）至13日（周六）放假调休，共9天。1月31日（周日）、2月14日（周日）上班。
三、清明节：4月3日（周六）至5日（周一）放假，共3天。
四、劳动节：5月1日（周六）至5日（周三）放假调休，共5天。4月25日（周日）、5月8日（周六）上班。
五、端午节：6月9日（周三）放假1天，不调休。
六、中秋节：9月15日（周三）放假1天，不调休。
七、国庆节：10月1日（周五）至7日（周四）放假调休，共7天。9月26日（周日）、10月9日（周六）上班。`

type house struct {
	*testing.T
	db               *pgtest.DB
	store            *evidence.Store
	system, security actor.Actor
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, db: pgtest.New(t)}
	h.store = evidence.NewStore(h.db.App)
	ids := identity.NewService(h.store, identity.Config{Now: time.Now, Secret: []byte(strings.Repeat("x", 32)), Cost: identity.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	in := identity.BootstrapInput{Organisation: identity.CreateOrganisationInput{USCC: identity.MakeUSCC("12321300MB0000001"), Name: "交易中心", Region: "321300"}}
	for i := range in.People {
		in.People[i] = identity.CreatePersonInput{Login: fmt.Sprintf("guanli-%d", i), Name: "管理员", Password: "Xunlian-2026-kaibiao"}
	}
	people, err := ids.Bootstrap(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	h.system = actor.Actor{PersonID: people[0].ID, Role: actor.SystemAdmin}
	h.security = actor.Actor{PersonID: people[1].ID, Role: actor.SecurityAdmin}
	return h
}

func (h *house) service() *holiday.Service {
	return holiday.NewService(h.store, slog.New(slog.DiscardHandler))
}

func (h *house) code(what string, err error, code string) {
	h.Helper()
	if apperr.CodeOf(err) != code || code == "" && err != nil {
		h.Errorf("%s: %v, want %q", what, err, code)
	}
}

var festival = workday.Date(2027, time.February, 8) // a Monday

// A notice is proposed by one administrator and approved by another; only then
// is it the calendar, here and on every other replica without a restart.
func TestNotice_proposedApprovedFollowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	here, there := h.service(), h.service()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { there.Follow(ctx, h.db.AppDSN); close(done) }()
	defer func() { cancel(); <-done }()

	for _, who := range []actor.Actor{h.security, {Role: actor.AuditAdmin, PersonID: h.system.PersonID}, {Role: actor.SystemAdmin}, {}} {
		_, err := here.Propose(ctx, who, holiday.Input{Text: made})
		h.code("proposed by "+string(who.Role), err, "holiday.not_admin")
	}
	for text, code := range map[string]string{" ": "holiday.empty", "放假通知": "holiday.faults", strings.Replace(made, "国办发明电〔2026〕99号", "", 1): "holiday.number",
		strings.Replace(made, "（周五）至3日", "（周四）至3日", 1): "holiday.faults"} {
		_, err := here.Propose(ctx, h.system, holiday.Input{Text: text})
		h.code("proposed "+code, err, code)
	}
	n, err := here.Propose(ctx, h.system, holiday.Input{Text: made})
	if err != nil || n.State != holiday.Pending || n.Version != 1 {
		t.Fatalf("%+v %v", n, err)
	}
	_, err = here.Propose(ctx, h.system, holiday.Input{Text: made})
	h.code("proposed twice", err, "holiday.pending")
	if !here.Calendar().IsWorkday(festival) {
		t.Error("a proposal is in force")
	}
	_, err = here.Decide(ctx, h.system, n.ID, true, "")
	h.code("approved by the system administrator", err, "holiday.not_admin")
	_, err = here.Decide(ctx, actor.Actor{PersonID: h.system.PersonID, Role: actor.SecurityAdmin}, n.ID, true, "")
	h.code("approved by who proposed it", err, "holiday.self")
	_, err = here.Decide(ctx, h.security, n.ID, false, "")
	h.code("rejected without a reason", err, "holiday.reason")
	_, err = here.Decide(ctx, h.security, "x", true, "")
	h.code("approved nothing", err, "holiday.not_found")
	if n, err = here.Decide(ctx, h.security, n.ID, true, ""); err != nil || n.State != holiday.Approved || n.Effect == nil {
		t.Fatalf("%+v %v", n, err)
	}
	_, err = here.Decide(ctx, h.security, n.ID, true, "")
	h.code("approved twice", err, "holiday.decided")
	if here.Calendar().IsWorkday(festival) || !here.Calendar().Noticed(2027) || here.Calendar().Papers(2027)[0] != "国办发明电〔2026〕99号" {
		t.Error("an approved notice is not in force")
	}
	eventually(t, "the other replica", func() bool { return !there.Calendar().IsWorkday(festival) })
	fresh := h.service()
	if err := fresh.Refresh(ctx); err != nil || fresh.Calendar().Digest() != here.Calendar().Digest() {
		t.Errorf("after a restart: %v", err)
	}
}

// A second notice of the year takes the place of the first; one that was
// rejected changes nothing.
func TestNotice_versions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, ctx := h.service(), t.Context()
	put := func(text string, approve bool) *holiday.Notice {
		t.Helper()
		n, err := s.Propose(ctx, h.system, holiday.Input{Text: text, Table: true, Year: 2027, Number: "国办发明电〔2027〕1号"})
		if err != nil {
			t.Fatal(err)
		}
		if n, err = s.Decide(ctx, h.security, n.ID, approve, "核对无误"); err != nil {
			t.Fatal(err)
		}
		return n
	}
	put("日期,名称,类型\n2027-02-08,春节,放假", true)
	if s.Calendar().IsWorkday(festival) {
		t.Error("the first is not in force")
	}
	put("2027-02-09,春节,放假", false)
	if s.Calendar().IsWorkday(festival) {
		t.Error("a rejected one is in force")
	}
	if n := put("2027-02-09,春节,放假", true); n.Version != 3 {
		t.Errorf("version %d", n.Version)
	}
	if !s.Calendar().IsWorkday(festival) || s.Calendar().IsWorkday(festival+1) {
		t.Error("the second is not in force")
	}
	list, err := s.List(ctx)
	if err != nil || len(list) != 3 {
		t.Errorf("%d notices, %v", len(list), err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not in time", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
