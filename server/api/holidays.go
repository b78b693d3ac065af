package api

import (
	"context"
	"net/http"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/holiday"
	"jianbiao/internal/workday"
)

// HolidayView is one version of a year's holiday notice (放假通知).
type HolidayView struct {
	ID         string  `json:"id"`
	Year       int     `json:"year"`
	Version    int     `json:"version"`
	Title      string  `json:"title"`
	Number     string  `json:"number" doc:"发文字号"`
	Digest     string  `json:"digest" doc:"正文的摘要"`
	State      string  `json:"state" enum:"pending,approved,rejected"`
	InForce    bool    `json:"inForce"`
	ProposedBy string  `json:"proposedBy"`
	ProposedAt string  `json:"proposedAt"`
	DecidedBy  string  `json:"decidedBy,omitempty"`
	DecidedAt  *string `json:"decidedAt,omitempty"`
	Reason     string  `json:"reason,omitempty"`
}

// HolidayDay is a day that a notice moves.
type HolidayDay struct {
	Date string `json:"date"`
	Name string `json:"name"`
	Off  bool   `json:"off"`
}

// MovedDue is a statutory date that a notice moves.
type MovedDue struct {
	Lot         LotRef `json:"lot"`
	Rule        string `json:"rule"`
	Name        string `json:"name"`
	Basis       string `json:"basis"`
	From        string `json:"from" doc:"起算"`
	Before      string `json:"before"`
	BeforeBound string `json:"beforeBound"`
	After       string `json:"after"`
	AfterBound  string `json:"afterBound"`
	Earlier     bool   `json:"earlier" doc:"比原来早"`
}

// LotRef names a lot.
type LotRef struct {
	ID    string `json:"id"`
	Code  string `json:"code"`
	Title string `json:"title"`
}

// HolidayWarning is a lot whose dates are not well under the new calendar.
type HolidayWarning struct {
	Lot    LotRef `json:"lot"`
	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail"`
	Basis  string `json:"basis,omitempty"`
}

// HolidayPreview is what a notice says and what it would change. Nothing of it
// is stored.
type HolidayPreview struct {
	Notice   *HolidayView     `json:"notice,omitempty"`
	Year     int              `json:"year"`
	Title    string           `json:"title"`
	Number   string           `json:"number"`
	Text     string           `json:"text,omitempty"`
	Faults   []workday.Fault  `json:"faults" doc:"读不通的句子；有一处就不能提交"`
	Warnings []string         `json:"warnings"`
	Days     []HolidayDay     `json:"days"`
	Calendar []CalendarDay    `json:"calendar" doc:"当年每一天"`
	Off      int              `json:"off" doc:"通知中的放假天数"`
	Worked   int              `json:"worked" doc:"通知中的调休上班天数"`
	Workdays int              `json:"workdays" doc:"全年工作日"`
	Moved    []MovedDue       `json:"moved"`
	Unlawful []HolidayWarning `json:"unlawful"`
}

type holidayInput struct {
	Body struct {
		Text   string `json:"text" maxLength:"65536" doc:"通知正文，或表格"`
		Table  bool   `json:"table,omitempty" doc:"每行一天：日期，名称，放假或上班"`
		Year   int    `json:"year,omitempty" doc:"表格的年份"`
		Number string `json:"number,omitempty" maxLength:"100" doc:"发文字号；正文里有的不必填"`
	}
}

type holidaysOutput struct {
	Body struct {
		Items []HolidayView `json:"items"`
		Years []HolidayYear `json:"years"`
	}
}

// HolidayYear says where a year's working days come from.
type HolidayYear struct {
	Year     int      `json:"year"`
	Notice   bool     `json:"notice" doc:"通知已经公布"`
	Papers   []string `json:"papers"`
	Workdays int      `json:"workdays"`
}

type holidayOutput struct{ Body HolidayView }

type holidayPreviewOutput struct{ Body HolidayPreview }

// DueView is a statutory date of a lot.
type DueView struct {
	Rule        string   `json:"rule"`
	Name        string   `json:"name"`
	Basis       string   `json:"basis"`
	At          string   `json:"at"`
	Bound       string   `json:"bound" doc:"最迟某日24时"`
	Provisional bool     `json:"provisional" doc:"暂按周末推算：放假安排尚未公布"`
	Remarks     []string `json:"remarks"`
}

type duesOutput struct {
	Body struct {
		Items []DueView `json:"items"`
	}
}

func (t *trade) registerHolidays() {
	system, security := Allow(actor.SystemAdmin), Allow(actor.SecurityAdmin)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/holidays", Allow: Allow(actor.Administrators()...), Summary: "放假安排"}, t.listHolidays)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/holidays", Allow: system, Summary: "提交放假安排", Status: http.StatusCreated}, t.proposeHoliday)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/holidays/preview", Allow: system, Summary: "预览放假安排"}, t.previewHoliday)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/holidays/{id}/preview", Allow: Allow(actor.Administrators()...), Summary: "已提交的放假安排的影响"}, t.showHoliday)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/holidays/{id}/decision", Allow: security, Summary: "批准放假安排"}, t.decideHoliday)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/dues", Allow: Public, Summary: "标段的法定期限"}, t.listDues)
}

func holidayView(n *holiday.Notice, inForce bool) HolidayView {
	return HolidayView{ID: n.ID, Year: n.Year, Version: n.Version, Title: n.Title, Number: n.Number, Digest: n.Digest, State: n.State, InForce: inForce,
		ProposedBy: n.Proposer, ProposedAt: Stamp(n.ProposedAt), DecidedBy: deref(n.Decider), DecidedAt: StampPtr(n.DecidedAt), Reason: deref(n.Reason)}
}

func (t *trade) listHolidays(ctx context.Context, _ actor.Actor, _ *Nothing) (*holidaysOutput, error) {
	notices, err := t.Holidays.List(ctx)
	if err != nil {
		return nil, err
	}
	newest := map[int]int64{}
	for _, n := range notices {
		if n.Effect != nil {
			newest[n.Year] = max(newest[n.Year], *n.Effect)
		}
	}
	out := &holidaysOutput{}
	out.Body.Items, out.Body.Years = []HolidayView{}, []HolidayYear{}
	for i := range notices {
		n := &notices[i]
		out.Body.Items = append(out.Body.Items, holidayView(n, n.Effect != nil && *n.Effect == newest[n.Year]))
	}
	legal, err := t.deps.Clock.Legal(ctx)
	if err != nil {
		return nil, err
	}
	cal := t.Holidays.Calendar()
	first, last := cal.Years()
	for y := max(first, workday.DayOf(legal).Year()-2); y <= min(last, workday.DayOf(legal).Year()+1); y++ {
		papers := cal.Papers(y)
		if papers == nil {
			papers = []string{}
		}
		out.Body.Years = append(out.Body.Years, HolidayYear{y, cal.Noticed(y), papers, workdaysOf(cal, y)})
	}
	return out, nil
}

func workdaysOf(cal *workday.Calendar, year int) int {
	return cal.WorkdaysBetween(workday.Date(year, time.January, 0), workday.Date(year, time.December, 31))
}

func input(in *holidayInput) holiday.Input {
	return holiday.Input{Text: in.Body.Text, Table: in.Body.Table, Year: in.Body.Year, Number: in.Body.Number}
}

func (t *trade) previewHoliday(ctx context.Context, _ actor.Actor, in *holidayInput) (*holidayPreviewOutput, error) {
	p, err := input(in).Read()
	if err != nil {
		return nil, err
	}
	out, err := t.preview(ctx, p)
	return &holidayPreviewOutput{out}, err
}

func (t *trade) proposeHoliday(ctx context.Context, who actor.Actor, in *holidayInput) (*holidayOutput, error) {
	n, err := t.Holidays.Propose(ctx, who, input(in))
	if err != nil {
		return nil, err
	}
	return &holidayOutput{holidayView(n, false)}, nil
}

func (t *trade) showHoliday(ctx context.Context, _ actor.Actor, in *idInput) (*holidayPreviewOutput, error) {
	n, err := t.Holidays.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	f, err := n.File()
	if err != nil {
		return nil, err
	}
	out, err := t.preview(ctx, workday.Paper{File: f, Title: n.Title, Number: n.Number})
	v := holidayView(n, false)
	out.Notice, out.Text = &v, n.Text
	return &holidayPreviewOutput{out}, err
}

func (t *trade) decideHoliday(ctx context.Context, who actor.Actor, in *decisionInput) (*holidayOutput, error) {
	n, err := t.Holidays.Decide(ctx, who, in.ID, in.Body.Approve, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &holidayOutput{holidayView(n, n.State == holiday.Approved)}, nil
}

// preview says what a notice changes: the calendar, and every date of every
// published lot that moves.
func (t *trade) preview(ctx context.Context, p workday.Paper) (HolidayPreview, error) {
	out := HolidayPreview{Year: p.File.Year, Title: p.Title, Number: p.Number, Faults: p.Faults, Warnings: p.Warnings,
		Days: []HolidayDay{}, Calendar: []CalendarDay{}, Moved: []MovedDue{}, Unlawful: []HolidayWarning{}}
	if out.Faults == nil {
		out.Faults = []workday.Fault{}
	}
	if out.Warnings == nil {
		out.Warnings = []string{}
	}
	for _, d := range p.File.Days {
		out.Days = append(out.Days, HolidayDay{d.Date.String(), d.Name, *d.Off})
		if *d.Off {
			out.Off++
		} else {
			out.Worked++
		}
	}
	if len(p.Faults) > 0 {
		return out, nil
	}
	after, err := t.Holidays.With(ctx, p.File)
	if e, ok := apperr.From(err); ok && e.Kind == apperr.Invalid {
		out.Faults = append(out.Faults, workday.Fault{Sentence: 1, Message: e.Detail})
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Calendar, out.Workdays = calendarDays(after, p.File.Year), workdaysOf(after, p.File.Year)
	return out, t.compare(ctx, &out, t.Holidays.Calendar(), after)
}

func (t *trade) compare(ctx context.Context, out *HolidayPreview, before, after *workday.Calendar) error {
	legal, err := t.deps.Clock.Legal(ctx)
	if err != nil {
		return err
	}
	lots, err := t.Lots.Live(ctx)
	if err != nil {
		return err
	}
	olds, err := t.Lots.Dues(ctx, lots, before)
	if err != nil {
		return err
	}
	news, err := t.Lots.Dues(ctx, lots, after)
	if err != nil {
		return err
	}
	byKey := map[string]lot.Due{}
	for _, d := range olds {
		byKey[d.Key()] = d
	}
	for _, d := range news {
		old, ok := byKey[d.Key()]
		if ok && (d.Result.At.After(legal) || old.Result.At.After(legal)) {
			out.judge(old, d)
		}
	}
	for i := range lots {
		out.opening(&lots[i], legal, before, after)
	}
	return nil
}

// judge compares one due date under two calendars.
func (p *HolidayPreview) judge(old, d lot.Due) {
	if !d.Result.At.Equal(old.Result.At) {
		p.Moved = append(p.Moved, MovedDue{Lot: lotRef(d.Lot), Rule: d.Rule.Code, Name: d.Rule.Name, Basis: d.Rule.Article(), From: Stamp(d.From),
			Before: Stamp(old.Result.At), BeforeBound: old.Result.Bound, After: Stamp(d.Result.At), AfterBound: d.Result.Bound,
			Earlier: d.Result.At.Before(old.Result.At)})
	}
	if e, ok := apperr.From(d.Refusal); ok && old.Refusal == nil {
		p.Unlawful = append(p.Unlawful, HolidayWarning{Lot: lotRef(d.Lot), Rule: d.Rule.Code, Detail: e.Detail, Basis: e.Basis})
	}
}

// opening warns of a bid deadline that falls on a day off.
func (p *HolidayPreview) opening(l *lot.Lot, legal time.Time, before, after *workday.Calendar) {
	if l.BidDeadline == nil || !l.BidDeadline.After(legal) {
		return
	}
	d := workday.DayOf(*l.BidDeadline)
	if why := after.WhyOff(d); why != "" && before.IsWorkday(d) {
		p.Unlawful = append(p.Unlawful, HolidayWarning{Lot: lotRef(l), Detail: "投标截止和开标定在" + d.Chinese() + "，这一天将是休息日（" + why + "），请招标人考虑推迟。"})
	}
}

func lotRef(l *lot.Lot) LotRef {
	return LotRef{ID: l.ID, Code: l.Code, Title: l.Project.Name + " " + l.Name}
}

func (t *trade) listDues(ctx context.Context, who actor.Actor, in *lotInput) (*duesOutput, error) {
	l, err := t.visible(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	out := &duesOutput{}
	out.Body.Items = []DueView{}
	if l.PublishedAt == nil {
		return out, nil
	}
	legal, err := t.deps.Clock.Legal(ctx)
	if err != nil {
		return nil, err
	}
	dues, err := t.Lots.Upcoming(ctx, l, legal)
	for _, d := range dues {
		v := DueView{Rule: d.Rule.Code, Name: d.Rule.Name, Basis: d.Rule.Article(), At: Stamp(d.Result.At), Bound: d.Result.Bound,
			Provisional: d.Provisional, Remarks: d.Result.Remarks}
		if v.Remarks == nil {
			v.Remarks = []string{}
		}
		out.Body.Items = append(out.Body.Items, v)
	}
	return out, err
}
