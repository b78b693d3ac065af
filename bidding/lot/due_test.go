package lot_test

import (
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/internal/evidence"
	"jianbiao/internal/workday"
)

func at2027(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2027, month, day, hour, minute, 0, 0, evidence.Beijing)
}

// festival is a calendar with a made-up Spring Festival of 2027: off from Friday
// 5 to Saturday 13 February, worked on Sunday 14.
func festival(t *testing.T) *workday.Calendar {
	t.Helper()
	p := workday.ParsePaper("国务院办公厅关于2027年部分节假日安排的通知\n二、春节：2月5日（周五）至13日（周六）放假调休，共9天。2月14日（周日）上班。")
	cal, err := workday.With(p.File)
	if err != nil || len(p.Faults) > 0 {
		t.Fatal(err, p.Faults)
	}
	return cal
}

// A purchase is announced on Monday 1 February 2027. Five working days end on
// Monday the 8th by weekends alone; with the notice on Monday the 15th, so that
// the dates that were set on the 8th are lawful no longer. A tender that was
// terminated on Wednesday the 3rd must say so within two working days.
func TestDues_moveWithTheCalendar(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	c.At(at2027(2, 1, 9, 0))
	halted := written(t, c, true)
	c.Must(publish(c, halted, at2027(2, 8, 17, 30), at2027(3, 2, 9, 30)))
	bought := gov(t, c, nil)
	c.Must(publish(c, bought, at2027(2, 8, 17, 30), at2027(3, 2, 9, 30)))
	c.At(at2027(2, 3, 9, 0))
	f := c.NewFirm("苏北建设集团有限公司")
	o, err := c.Lots.Object(ctx, f.Actor, halted.ID, lot.ObjectionInput{Subject: "工期", Text: "工期过短"})
	c.Must(err)
	_, err = c.Lots.Clarify(ctx, c.Agency, halted.ID, lot.ClarifyInput{Changes: "开标地点不变"}) // affects nobody: no fifteen days
	c.Must(err)
	lots, err := c.Lots.Live(ctx)
	c.Must(err)
	if len(lots) != 2 {
		t.Fatalf("%d lots", len(lots))
	}
	find := func(cal *workday.Calendar, l *lot.Lot, code string) lot.Due {
		t.Helper()
		dues, err := c.Lots.Dues(ctx, lots, cal)
		c.Must(err)
		for _, d := range dues {
			if d.Lot.ID == l.ID && d.Rule.Code == code {
				return d
			}
		}
		t.Fatalf("no due date by %s", code)
		return lot.Due{}
	}
	for _, w := range []struct {
		l             *lot.Lot
		rule          string
		before, after string
		unlawful      bool
	}{
		{bought, "R08-2", "2027-02-08", "2027-02-15", true},
		{bought, "R06-4", "2027-02-08", "2027-02-15", true},
		{bought, "R09-2", "2027-02-21", "2027-02-21", false},
		{halted, "R12-3", "2027-02-08", "2027-02-14", false},
	} {
		old, now := find(workday.Default(), w.l, w.rule), find(festival(t), w.l, w.rule)
		if old.Result.Date.String() != w.before || now.Result.Date.String() != w.after || old.Key() != now.Key() {
			t.Errorf("%s: %s, then %s; want %s, then %s", w.rule, old.Result.Date, now.Result.Date, w.before, w.after)
		}
		if old.Refusal != nil || (now.Refusal != nil) != w.unlawful {
			t.Errorf("%s: %v, then %v", w.rule, old.Refusal, now.Refusal)
		}
		if !old.Provisional || now.Provisional {
			t.Errorf("%s: provisional %t, then %t", w.rule, old.Provisional, now.Provisional)
		}
	}
	l, err := c.Lots.Get(ctx, halted.ID)
	c.Must(err)
	up, err := c.Lots.Upcoming(ctx, l, at2027(2, 4, 0, 0))
	c.Must(err)
	codes := map[string]int{}
	for _, d := range up {
		codes[d.Rule.Code]++
	}
	if codes["R12-3"] != 1 || codes["R33-2"]+codes["R11-1"] > 0 {
		t.Errorf("upcoming: %v", codes)
	}
	c.Must(c.Lots.AnswerDocumentObjection(ctx, c.Agency, halted.ID, o.ID, "符合定额"))
	up, err = c.Lots.Upcoming(ctx, l, at2027(2, 4, 0, 0))
	c.Must(err)
	for _, d := range up {
		if d.Rule.Code == "R12-3" {
			t.Error("what is answered is not upcoming")
		}
	}
}
