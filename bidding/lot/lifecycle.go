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
	Published   bool // it was, once
	Holds       bool // a suspension that this actor may end stands
	HostHolds   bool // and he is its host
	Objections  int  // to the document, not answered
	Tendered    bool // it is tendered again already (重新招标)
}

type guard = lifecycle.Guard[Facts]

func says(s string) func(Facts) string { return func(Facts) string { return s } }

var (
	hasDocument = guard{Name: "document set 已编制招标文件", Code: "lot.no_document",
		Detail: says("还没有编制招标文件：先填写文件参数，再发布公告。"), OK: func(f Facts) bool { return f.HasDocument }}
	notSuspended = guard{Name: "not suspended 未暂停", Code: "lot.suspended", Basis: "招标投标法实施条例第二十二条",
		Detail: says("招标投标活动已暂停：恢复之后才能继续。"), OK: func(f Facts) bool { return !f.Suspended }}
	notHolding = guard{Name: "host has not suspended 招标人未自行暂停", Code: "lot.suspended", Basis: "招标投标法实施条例第二十二条",
		Detail: says("贵单位已经暂停了招标投标活动，不需要再次暂停。"), OK: func(f Facts) bool { return !f.HostHolds }}
	holds = guard{Name: "the suspension is his to end 由本单位暂停", Code: "lot.order_stands", Basis: "招标投标法实施条例第二十二条",
		Detail: says("暂停的原因不由贵单位解除：未答复的异议，答复之后自动恢复；责令暂停的，由作出决定的行政监督部门解除。"), OK: func(f Facts) bool { return f.Holds }}
	objected = guard{Name: "an objection is open 有未答复的异议", Code: "objection.none_open",
		Detail: says("没有等待答复的异议。"), OK: func(f Facts) bool { return f.Objections > 0 }}
	wasPublished = guard{Name: "was published 曾经发布", Code: "lot.never_published",
		Detail: says("这个标段没有发布过，不是重新招标：请直接新建标段。"), OK: func(f Facts) bool { return f.Published }}
	notTendered = guard{Name: "not tendered again yet 尚未重新招标", Code: "lot.retendered_already",
		Detail: says("这个标段已经重新招标：请打开后一次招标的标段。"), OK: func(f Facts) bool { return !f.Tendered }}
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

var (
	hosts   = []actor.Role{actor.Buyer, actor.Agency}
	bidders = []actor.Role{actor.Bidder}
)

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
		{From: Published, Command: "add_file", By: hosts, To: Published, Emit: "document.file_added", Guards: []guard{mayPostpone}},
		{From: Published, Command: "ask", By: bidders, To: Published, Emit: "question.asked", Guards: []guard{beforeDeadline}},
		{From: Published, Command: "clarify", By: hosts, To: Published, Emit: "tender.clarified", Guards: []guard{mayPostpone}},
		{From: Published, Command: "object_document", By: bidders, To: Published, Emit: "objection.received", Guards: []guard{beforeDeadline}},
		{From: Published, Command: "halt", By: []actor.Role{actor.Clock}, To: Published, Emit: "lot.suspended"},
		{From: Published, Command: "answer_document_objection", By: hosts, To: Published, Emit: "objection.answered", Guards: []guard{objected}},
		{From: Published, Command: "postpone_deadline", By: hosts, To: Published, Emit: "lot.deadline_postponed", Guards: []guard{mayPostpone}},
		{From: Published, Command: "suspend", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: Published, Emit: "lot.suspended", Guards: []guard{notHolding}},
		{From: Published, Command: "resume_lot", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: Published, Emit: "lot.resumed", Guards: []guard{suspended, beforeDeadline, holds}},
		{From: Published, Command: "record_medium", By: hosts, To: Published, Emit: "notice.medium_recorded"},
		{From: CutOff, Command: "record_medium", By: hosts, To: CutOff, Emit: "notice.medium_recorded"},
		{From: Opened, Command: "record_medium", By: hosts, To: Opened, Emit: "notice.medium_recorded"},
		{From: Published, Command: "terminate", By: hosts, To: Terminated, Emit: "tender.terminated"},
		{From: Published, Command: "cut_off", By: []actor.Role{actor.Clock}, To: CutOff, Emit: "lot.cut_off", Guards: []guard{notSuspended, deadlineDue}},
		{From: CutOff, Command: "suspend", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: CutOff, Emit: "lot.suspended", Guards: []guard{notHolding}},
		{From: CutOff, Command: "resume_lot", By: []actor.Role{actor.Buyer, actor.Agency, actor.Supervisor}, To: CutOff, Emit: "lot.resumed", Guards: []guard{suspended, holds}},
		{From: CutOff, Command: "answer_document_objection", By: hosts, To: CutOff, Emit: "objection.answered", Guards: []guard{objected}},
		{From: CutOff, Command: "fail", By: []actor.Role{actor.Clock}, To: Failed, Emit: "lot.failed"},
		{From: CutOff, Command: "open", By: []actor.Role{actor.Buyer, actor.Agency, actor.Clock}, To: Opened, Emit: "lot.opened"},
		{From: Opened, Command: "answer_document_objection", By: hosts, To: Opened, Emit: "objection.answered", Guards: []guard{objected}},
		{From: Failed, Command: "retender", By: hosts, To: Failed, Emit: "lot.retendered", Guards: []guard{wasPublished, notTendered}},
		{From: Terminated, Command: "retender", By: hosts, To: Terminated, Emit: "lot.retendered", Guards: []guard{wasPublished, notTendered}},
	},
}

func facts(l *Lot, who actor.Actor, now time.Time) Facts {
	f := Facts{Now: now, HasDocument: l.DocumentVersion > 0, Suspended: l.SuspendedSince != nil, Published: l.PublishedAt != nil,
		Objections: l.OpenObjections, Tendered: l.HasSuccessor}
	if l.HostedBy(who) {
		f.Holds, f.HostHolds = l.HostHolds, l.HostHolds
	} else {
		f.Holds = l.OrderStands
	}
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
	return Table.Actions(l.State, who.Role, facts(l, who, now))
}
