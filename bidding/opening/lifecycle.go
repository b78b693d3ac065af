package opening

import (
	"fmt"
	"slices"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/lifecycle"
	"jianbiao/internal/rule"
)

// State is where an opening (开标) stands.
type State string

// The states; their Chinese names are in Table. A pause is a fact, not a state.
const (
	Scheduled        State = "scheduled"
	LobbyOpen        State = "lobby_open"
	Started          State = "started"
	RosterPublished  State = "roster_published"
	Decrypting       State = "decrypting"
	DecryptClosed    State = "decrypt_closed"
	Imported         State = "imported"
	Announcing       State = "announcing"
	ObjectionWindow  State = "objection_window"
	RecordConfirming State = "record_confirming"
	BetweenSessions  State = "between_sessions"
	Closed           State = "closed"
	AbortedLt3       State = "aborted_lt3"
	Postponed        State = "postponed"
	Reconvened       State = "reconvened"
)

// MinBids is the least number of bids that may be opened: rule R18-1 of the
// catalogue (招标投标法 28).
var MinBids = leastBids()

func leastBids() int {
	r, err := rule.Default().Rule("R18-1")
	if err != nil {
		panic("opening: the catalogue lacks R18-1: " + err.Error())
	}
	return r.N
}

// Facts are what the guards of a command look at, read in its own transaction.
type Facts struct {
	Now            time.Time
	Paused         bool
	Suspended      bool
	LobbyDue       bool // an hour before the opening
	CutoffDue      bool
	CutoffRecorded bool
	Count          int
	Missing        int  // receipts shown that the record lacks
	SealOver       bool // every bid was checked, or the time for it is over
	AllReleased    bool
	WindowOver     bool // the decryption window
	Undecided      int
	Unanswered     int
	ObjectionOver  bool // everybody waived, or the time is over
	ConfirmOver    bool // everybody confirmed, or the time is over
	ReconvenedDue  bool
	HostConfirmed  bool
	FilesChecked   bool
	IsBuyer        bool
	Two            bool // two envelopes (双信封)
	Second         bool // it is the second session
	SecondDue      bool // its time has come
	SecondNoticed  bool
	Reviewed       bool
	Passed         int // bids that passed the review of the first envelope
}

type guard = lifecycle.Guard[Facts]

func says(s string) func(Facts) string { return func(Facts) string { return s } }

func simple(name, code, basis, detail string, ok func(Facts) bool) guard {
	return guard{Name: name, Code: "opening." + code, Basis: basis, Detail: says(detail), OK: ok}
}

var (
	notPaused = simple("not paused 未暂停", "paused", "", "开标已暂停：主持人恢复之后再继续，时限会顺延。", func(f Facts) bool { return !f.Paused })
	paused    = simple("paused 已暂停", "not_paused", "", "开标没有暂停。", func(f Facts) bool { return f.Paused })
	notHeld   = simple("not suspended 招标投标未暂停", "suspended", "招标投标法实施条例第二十二条", "招标投标活动已暂停，不能开标。", func(f Facts) bool { return !f.Suspended })
	lobbyDue  = simple("an hour before 开标前一小时", "lobby_too_early", "", "大厅在开标前一小时开放。", func(f Facts) bool { return f.LobbyDue })
	cutoffDue = simple("deadline reached 已到投标截止时间", "before_deadline", "招标投标法第三十四条", "投标截止时间还没有到。", func(f Facts) bool { return f.CutoffDue })
	notCutOff = simple("no cut-off record yet 尚无截止记录", "cut_off_already", "", "截止记录已经形成。", func(f Facts) bool { return !f.CutoffRecorded })
	cutOff    = simple("cut-off recorded 截止记录已形成", "no_cutoff", "", "截止记录还没有形成：到投标截止时间由平台自动形成，请稍候。", func(f Facts) bool { return f.CutoffRecorded })
	enough    = guard{Name: "three bids or more 不少于三家", Code: "opening.too_few_bidders", Basis: "招标投标法第二十八条；实施条例第四十四条",
		Detail: func(f Facts) string {
			return fmt.Sprintf("截止时只有 %d 家递交，少于 %d 家，不得开标。", f.Count, MinBids)
		}, OK: func(f Facts) bool { return f.Count >= MinBids }}
	tooFew    = simple("fewer than three 少于三家", "enough_bidders", "", "递交家数达到三家，应当开标。", func(f Facts) bool { return f.Count < MinBids })
	noMissing = simple("no receipt missing 回执都在截止记录中", "receipt_missing", "招标投标法第三十六条",
		"有投标人出示的回执不在截止记录里：查明之前不能公布投标人，可以推迟开标。", func(f Facts) bool { return f.Missing == 0 })
	sealOver    = simple("seal check done or timed out 密封检查完成或到时", "seal_check_running", "招标投标法第三十六条", "密封检查还在进行：等各家检查完，或检查时间到。", func(f Facts) bool { return f.SealOver })
	windowOpen  = simple("window running 解密时限之内", "window_over", "电子招标投标办法第三十条", "解密时限已到。", func(f Facts) bool { return !f.WindowOver })
	windowOver  = simple("all released or time over 全部完成或到时", "window_running", "电子招标投标办法第三十条", "解密窗口还没有到时，也不是所有投标人都已完成。", func(f Facts) bool { return f.WindowOver || f.AllReleased })
	noUndecided = guard{Name: "no undecided bid 没有待认定的投标", Code: "opening.undecided", Basis: "电子招标投标办法第三十一条",
		Detail: func(f Facts) string {
			return fmt.Sprintf("还有 %d 份未解密的投标没有认定原因：由招标人作出认定并写明理由。", f.Undecided)
		}, OK: func(f Facts) bool { return f.Undecided == 0 }}
	allAnswered = guard{Name: "every objection answered 异议都已答复", Code: "opening.unanswered_objection", Basis: "招标投标法实施条例第四十四条",
		Detail: func(f Facts) string {
			return fmt.Sprintf("还有 %d 条异议没有答复：招标人应当当场答复。", f.Unanswered)
		}, OK: func(f Facts) bool { return f.Unanswered == 0 }}
	objectionOver  = simple("objection time over 异议时间到或都无异议", "objections_running", "招标投标法实施条例第四十四条", "异议时间还没有到，也不是各家都表示无异议。", func(f Facts) bool { return f.ObjectionOver })
	confirmOver    = simple("all confirmed or time over 都已确认或到时", "confirmation_running", "", "还有投标人没有确认开标记录，确认时间也没有到。", func(f Facts) bool { return f.ConfirmOver })
	reconvenedDue  = simple("time of the session 已到复会时间", "reconvened_too_early", "", "复会时间还没有到。", func(f Facts) bool { return f.ReconvenedDue })
	filesUnchecked = simple("files not checked yet 附件尚未核对", "files_checked", "", "附件已经核对过了。", func(f Facts) bool { return !f.FilesChecked })
	filesChecked   = simple("files checked 附件已核对", "files_unchecked", "", "平台还在核对各家的附件：稍候片刻再办理。", func(f Facts) bool { return f.FilesChecked })
	hostUnsigned   = simple("host has not signed 主持人未签", "host_confirmed", "", "主持人已经确认过了。", func(f Facts) bool { return !f.HostConfirmed })
	byBuyer        = simple("the buyer himself 招标人本人", "buyer_only", "电子招标投标办法第三十一条", "未解密的原因由招标人认定，代理机构不能代为认定。", func(f Facts) bool { return f.IsBuyer })
	firstOfTwo     = kind(simple("first of two sessions 双信封的第一次开标", "one_session", "", "本项目只有一次开标，或已经是第二次开标。", func(f Facts) bool { return f.Two && !f.Second }))
	lastSession    = kind(simple("last session 最后一次开标", "second_to_come", "", "这是双信封的第一次开标：结束后转入第一信封评审，第二信封仍然密封。", func(f Facts) bool { return !f.Two || f.Second }))
	secondDue      = simple("time of the second session 已到第二次开标时间", "second_too_early", "", "第二次开标的时间还没有到。", func(f Facts) bool { return !f.Second || f.SecondDue })
	notNoticed     = simple("second session not announced 尚未通知第二次开标", "second_noticed", "", "第二次开标已经通知，第一信封的评审结果不能再改。", func(f Facts) bool { return !f.SecondNoticed })
	noticed        = simple("second session announced 已通知第二次开标", "second_not_scheduled", "", "第二次开标的时间还没有定。", func(f Facts) bool { return f.SecondNoticed })
	reviewed       = simple("review recorded 已录入第一信封评审结果", "not_reviewed", "", "还没有录入第一信封的评审结果：先录入哪些投标通过评审。", func(f Facts) bool { return f.Reviewed })
	somePassed     = simple("a bid passed 有投标通过评审", "none_passed", "", "没有投标通过第一信封评审，不进行第二次开标。", func(f Facts) bool { return f.Passed > 0 })
	nonePassed     = simple("no bid passed 没有投标通过评审", "some_passed", "", "有投标通过第一信封评审，应当进行第二次开标。", func(f Facts) bool { return f.Passed == 0 })
)

// kind marks a guard that tells kinds of procedure apart.
func kind(g guard) guard {
	g.Kind = true
	return g
}

var (
	hosts    = []actor.Role{actor.Buyer, actor.Agency}
	clock    = []actor.Role{actor.Clock}
	both     = []actor.Role{actor.Buyer, actor.Agency, actor.Clock}
	bidders  = []actor.Role{actor.Bidder}
	watchers = []actor.Role{actor.Supervisor, actor.GeneralSupervisor, actor.WitnessOfficer}
	live     = []State{LobbyOpen, Started, RosterPublished, Decrypting, DecryptClosed, Imported, Announcing, ObjectionWindow, RecordConfirming}
)

type row = lifecycle.Row[State, Facts]

func r(from State, command string, by []actor.Role, to State, emit string, guards ...guard) row {
	return row{From: from, Command: command, By: by, To: to, Emit: emit, Guards: guards}
}

// each repeats a row that stays where it is over several states.
func each(states []State, command string, by []actor.Role, emit string, guards ...guard) []row {
	out := make([]row, len(states))
	for i, s := range states {
		out[i] = r(s, command, by, s, emit, guards...)
	}
	return out
}

// Table is the procedure of a remote opening (不见面开标). The hall flags and
// never rejects; no step waits for an authority. A tender of two envelopes
// (双信封) goes through it twice, with the review of the first envelope between.
var Table = lifecycle.Table[State, Facts]{
	Name:    "opening",
	Initial: Scheduled,
	Final:   []State{Closed, AbortedLt3},
	States: []State{Scheduled, LobbyOpen, Started, RosterPublished, Decrypting, DecryptClosed, Imported, Announcing,
		ObjectionWindow, RecordConfirming, BetweenSessions, Closed, AbortedLt3, Postponed, Reconvened},
	Labels: map[State]string{Scheduled: "待开标", LobbyOpen: "大厅已开放", Started: "密封检查", RosterPublished: "已公布投标人",
		Decrypting: "解密中", DecryptClosed: "解密窗口已关闭", Imported: "已导入", Announcing: "唱标", ObjectionWindow: "异议",
		RecordConfirming: "确认开标记录", BetweenSessions: "待第二次开标", Closed: "开标结束", AbortedLt3: "不足三家，未开标", Postponed: "已推迟", Reconvened: "待复会"},
	Rows: slices.Concat([]row{
		r(Scheduled, "open_lobby", clock, LobbyOpen, "opening.lobby_opened", lobbyDue),
		r(LobbyOpen, "record_cutoff", clock, LobbyOpen, "cutoff.recorded", cutoffDue, notHeld, notCutOff),
		r(LobbyOpen, "abort_lt3", clock, AbortedLt3, "opening.aborted", cutOff, tooFew),
		r(LobbyOpen, "start", hosts, Started, "opening.started", cutOff, enough, notPaused, notHeld, secondDue),
		r(Started, "check_seal", bidders, Started, "seal.checked", notPaused),
		r(Started, "report_missing", bidders, Started, "seal.missing_reported"),
		r(Started, "publish_roster", hosts, RosterPublished, "opening.roster_published", notPaused, notHeld, noMissing, sealOver),
		r(RosterPublished, "start_decrypt", hosts, Decrypting, "decrypt.window_started", notPaused, notHeld),
		r(Decrypting, "release_part", bidders, Decrypting, "part.released", notPaused, notHeld, windowOpen),
		r(Decrypting, "report_failure", bidders, Decrypting, "decrypt.attempt_failed", notPaused, notHeld, windowOpen),
		r(Decrypting, "close_window", both, DecryptClosed, "decrypt.window_closed", notPaused, notHeld, windowOver),
		r(DecryptClosed, "import_bids", clock, Imported, "opening.imported", notHeld),
		r(Imported, "announce", hosts, Announcing, "opening.announced", notPaused, notHeld),
		r(Announcing, "open_objections", hosts, ObjectionWindow, "opening.objection_window_started", notPaused, notHeld),
		r(ObjectionWindow, "no_objection", bidders, ObjectionWindow, "opening.no_objection", notPaused),
		r(ObjectionWindow, "start_confirmation", both, RecordConfirming, "opening.confirmation_started", notPaused, notHeld, noUndecided, allAnswered, objectionOver, filesChecked),
		r(RecordConfirming, "confirm_record", bidders, RecordConfirming, "opening.record_confirmed", notPaused),
		r(RecordConfirming, "sign_record", hosts, RecordConfirming, "opening.record_signed", notPaused, hostUnsigned),
		r(RecordConfirming, "close", both, Closed, "opening.closed", notPaused, notHeld, noUndecided, allAnswered, confirmOver, lastSession),
		r(RecordConfirming, "close_first", both, BetweenSessions, "opening.first_closed", notPaused, notHeld, noUndecided, allAnswered, confirmOver, firstOfTwo),
		r(BetweenSessions, "review", hosts, BetweenSessions, "opening.reviewed", notHeld, notNoticed),
		r(BetweenSessions, "schedule_second", hosts, BetweenSessions, "opening.second_scheduled", notHeld, reviewed, somePassed),
		r(BetweenSessions, "cancel_second", hosts, Closed, "opening.second_cancelled", notHeld, reviewed, nonePassed),
		r(BetweenSessions, "open_lobby", clock, LobbyOpen, "opening.lobby_opened", noticed, lobbyDue),
		r(Postponed, "reconvene", hosts, Reconvened, "opening.reconvened"),
		r(Reconvened, "reopen_lobby", both, LobbyOpen, "opening.lobby_reopened", reconvenedDue),
	},
		each([]State{Announcing, ObjectionWindow}, "raise_objection", bidders, "opening.objection_raised", notPaused),
		each([]State{Announcing, ObjectionWindow, RecordConfirming}, "answer_objection", hosts, "opening.objection_answered"),
		each([]State{Imported, Announcing, ObjectionWindow}, "check_files", clock, "opening.files_checked", notHeld, filesUnchecked),
		each([]State{Imported, Announcing, ObjectionWindow}, "decide_bid", hosts, "bid.decided", byBuyer),
		each(live, "pause", hosts, "opening.paused", notPaused),
		each(live, "resume", hosts, "opening.resumed", paused),
		each(live, "record_outage", clock, "opening.outage_recorded", notPaused),
		each(live, "remark", watchers, "supervisor.remarked"),
		[]row{
			r(LobbyOpen, "postpone", hosts, Postponed, "opening.postponed", cutOff),
			r(Started, "postpone", hosts, Postponed, "opening.postponed"),
			r(RosterPublished, "postpone", hosts, Postponed, "opening.postponed"),
			r(Decrypting, "postpone", hosts, Postponed, "opening.postponed"),
		}),
}

// Commands are the Chinese names of the commands, for buttons.
var Commands = map[string]string{
	"open_lobby": "开放大厅", "record_cutoff": "形成截止记录", "abort_lt3": "不足三家，不予开标", "start": "开始开标",
	"check_seal": "密封检查", "report_missing": "报告回执缺失", "publish_roster": "公布投标人", "start_decrypt": "开始解密",
	"release_part": "解密我的文件", "report_failure": "报告解密失败", "close_window": "结束解密", "import_bids": "导入投标文件", "check_files": "核对附件",
	"announce": "开始唱标", "open_objections": "进入异议环节", "raise_objection": "提出异议", "no_objection": "确认无异议",
	"answer_objection": "答复异议", "start_confirmation": "请各方确认开标记录", "confirm_record": "确认开标记录并签名",
	"sign_record": "主持人签署开标记录", "close": "结束开标", "pause": "暂停开标", "resume": "恢复开标", "remark": "监督备注",
	"postpone": "推迟开标", "reconvene": "通知复会", "reopen_lobby": "开始复会", "decide_bid": "认定未解密原因",
	"record_outage": "记录平台中断", "close_first": "结束第一次开标", "review": "录入第一信封评审结果",
	"schedule_second": "通知第二次开标", "cancel_second": "不进行第二次开标",
}

// Step is the place of a state in the hall's six steps: 1 签到, 2 公布, 3 解密,
// 4 唱标, 5 异议, 6 确认; 0 before, 7 after.
func Step(s State) int {
	switch s {
	case LobbyOpen, Started, Reconvened:
		return 1
	case RosterPublished:
		return 2
	case Decrypting, DecryptClosed:
		return 3
	case Imported, Announcing:
		return 4
	case ObjectionWindow:
		return 5
	case RecordConfirming:
		return 6
	case BetweenSessions, Closed:
		return 7
	default:
		return 0
	}
}
