package lot

import (
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/lifecycle"
)

// State is where a lot stands in its life.
type State string

// The states; labels are in Table.
const (
	Drafting   State = "drafting"
	Published  State = "published"
	CutOff     State = "cut_off"
	Opened     State = "opened"
	Failed     State = "failed"
	Terminated State = "terminated"
)

// Facts are what the guards of a command look at, read in its own transaction.
type Facts struct {
	Now         time.Time
	HasDocument bool
	Suspended   bool
	Deadline    time.Time
	Due         bool // Now is at or after Deadline
}

type guard = lifecycle.Guard[Facts]

func says(s string) func(Facts) string { return func(Facts) string { return s } }

var (
	hasDocument = guard{Name: "document set 已编制招标文件", Code: "lot.no_document",
		Detail: says("还没有编制招标文件：先填写文件参数，再发布公告。"), OK: func(f Facts) bool { return f.HasDocument }}
	notSuspended = guard{Name: "not suspended 未暂停", Code: "lot.suspended", Basis: "招标投标法实施条例第二十二条",
		Detail: says("招标投标活动已暂停：恢复之后才能继续。"), OK: func(f Facts) bool { return !f.Suspended }}
	suspended = guard{Name: "suspended 已暂停", Code: "lot.not_suspended",
		Detail: says("招标投标活动没有暂停，不需要恢复。"), OK: func(f Facts) bool { return f.Suspended }}
	deadlineDue = guard{Name: "deadline reached 已到投标截止时间", Code: "lot.before_deadline", Basis: "招标投标法第三十四条",
		Detail: says("投标截止时间还没有到。"), OK: func(f Facts) bool { return f.Due }}
	// A deadline that passes in a suspension cuts nothing off: it is postponed
	// first, and then the suspension may end.
	mayPostpone = guard{Name: "before the deadline, or suspended 截止之前或暂停期间", Code: "lot.after_deadline",
		Detail: says("投标截止时间已到，不能再推迟。"), OK: func(f Facts) bool { return !f.Due || f.Suspended }}
	beforeDeadline = guard{Name: "before the deadline 截止之前", Code: "lot.after_deadline",
		Detail: says("投标截止时间已到，不能再改动。"), OK: func(f Facts) bool { return !f.Due }}
)

var hosts = []actor.Role{actor.Buyer, actor.Agency}

// Table is the life of a lot. cut_off, open and fail are given by the opening,
// in its own transaction.
var Table = lifecycle.Table[State, Facts]{
	Name:    "lot",
	Initial: Drafting,
	Final:   []State{Failed, Terminated},
	States:  []State{Drafting, Published, CutOff, Opened, Failed, Terminated},
	Labels: map[State]string{Drafting: "编制中", Published: "招标中", CutOff: "已截标", Opened: "已开标",
		Failed: "招标失败", Terminated: "已终止"},
	Rows: []lifecycle.Row[State, Facts]{
		{From: Drafting, Command: "set_document", By: hosts, To: Drafting, Emit: "tender.doc_drafted"},
		{From: Drafting, Command: "add_file", By: hosts, To: Drafting, Emit: "document.file_added"},
		{From: Drafting, Command: "publish", By: hosts, To: Published, Emit: "notice.published", Guards: []guard{hasDocument}},
		{From: Drafting, Command: "terminate", By: hosts, To: Terminated, Emit: "tender.terminated"},
		{From: Published, Command: "postpone_deadline", By: hosts, To: Published, Emit: "lot.deadline_postponed", Guards: []guard{mayPostpone}},
		{From: Published, Command: "suspend", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: Published, Emit: "lot.suspended", Guards: []guard{notSuspended}},
		{From: Published, Command: "resume_lot", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: Published, Emit: "lot.resumed", Guards: []guard{suspended, beforeDeadline}},
		{From: Published, Command: "record_medium", By: hosts, To: Published, Emit: "notice.medium_recorded"},
		{From: CutOff, Command: "record_medium", By: hosts, To: CutOff, Emit: "notice.medium_recorded"},
		{From: Opened, Command: "record_medium", By: hosts, To: Opened, Emit: "notice.medium_recorded"},
		{From: Published, Command: "terminate", By: hosts, To: Terminated, Emit: "tender.terminated"},
		{From: Published, Command: "cut_off", By: []actor.Role{actor.Clock}, To: CutOff, Emit: "lot.cut_off", Guards: []guard{notSuspended, deadlineDue}},
		{From: CutOff, Command: "suspend", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: CutOff, Emit: "lot.suspended", Guards: []guard{notSuspended}},
		{From: CutOff, Command: "resume_lot", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: CutOff, Emit: "lot.resumed", Guards: []guard{suspended}},
		{From: CutOff, Command: "fail", By: []actor.Role{actor.Clock}, To: Failed, Emit: "lot.failed"},
		{From: CutOff, Command: "open", By: []actor.Role{actor.Buyer, actor.Agency, actor.Clock}, To: Opened, Emit: "lot.opened"},
	},
}

func facts(l *Lot, now time.Time) Facts {
	f := Facts{Now: now, HasDocument: l.DocumentVersion > 0, Suspended: l.SuspendedSince != nil}
	if l.BidDeadline != nil {
		f.Deadline, f.Due = *l.BidDeadline, !now.Before(*l.BidDeadline)
	}
	return f
}

// Actions is what who may do with the lot now, and why not.
func Actions(l *Lot, who actor.Actor, now time.Time) []lifecycle.Action {
	if err := authorise(l, who); err != nil {
		return nil
	}
	return Table.Actions(l.State, who.Role, facts(l, now))
}
