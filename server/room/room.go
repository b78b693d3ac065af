// Package room shows openings to the live hub (server/live): it renders events
// for each class of audience and carries commands to bidding/opening.
package room

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/internal/lifecycle"
	"jianbiao/server/live"
)

// EventView is an event as one class of viewers sees it. Closed says that this
// class may not know what it was: only its place and its commitment are given.
type EventView struct {
	Seq        int64                      `json:"seq"`
	ID         string                     `json:"id,omitempty"`
	Kind       string                     `json:"kind,omitempty"`
	Label      string                     `json:"label,omitempty"`
	Text       string                     `json:"text,omitempty"` // one Chinese sentence
	At         string                     `json:"at,omitempty"`
	RecordedAt string                     `json:"recordedAt,omitempty"`
	Actor      *EventActor                `json:"actor,omitempty"`
	Payload    map[string]json.RawMessage `json:"payload,omitempty"`
	Closed     bool                       `json:"closed,omitempty"`
	Commitment string                     `json:"commitment"`           // hex, what the public log shows
	LeafIndex  *int64                     `json:"leafIndex"`            // null until the log has it
	ProofState string                     `json:"proofState,omitempty"` // recorded | integrated | cosigned
}

// EventActor is who did it, as far as the viewer may know.
type EventActor struct {
	Organisation string     `json:"organisation,omitempty"`
	Person       string     `json:"person,omitempty"`
	Role         actor.Role `json:"role"`
	RoleLabel    string     `json:"roleLabel"`
}

const stampLayout = "2006-01-02T15:04:05.000-07:00"

// Show renders an event for a class.
func Show(d evidence.Dictionary, e *evidence.Event, class evidence.Class) EventView {
	out := EventView{Seq: e.Seq, Commitment: fmt.Sprintf("%x", e.Commitment)}
	v, ok := d.View(e, class)
	if !ok {
		out.Closed = true
		return out
	}
	out.ID, out.Kind, out.Label, out.Text, out.ProofState = e.ID, e.Kind, v.Kind.Label, v.Sentence(), "recorded"
	out.At, out.RecordedAt = e.At.In(evidence.Beijing).Format(stampLayout), e.RecordedAt.In(evidence.Beijing).Format(stampLayout)
	if role := actor.Role(v.Field("actor.role")); role != "" {
		out.Actor = &EventActor{Organisation: v.Field("actor.organisationName"), Person: v.Field("actor.personName"), Role: role, RoleLabel: role.Label()}
	}
	out.Payload = map[string]json.RawMessage{}
	for _, f := range e.Fields {
		if f.Value != nil && v.Shows(f.Name) && !strings.HasPrefix(f.Name, "actor.") {
			out.Payload[f.Name] = f.Value
		}
	}
	return out
}

// Room is the live.Room of openings.
type Room struct {
	openings   *opening.Service
	dictionary evidence.Dictionary
	db         *sqlx.DB
}

// New makes the room. db is for reading.
func New(openings *opening.Service, dictionary evidence.Dictionary, db *sqlx.DB) *Room {
	return &Room{openings: openings, dictionary: dictionary, db: db}
}

var classes = map[live.Class]evidence.Class{live.ClassPublic: evidence.Public, live.ClassParty: evidence.Party, live.ClassOfficial: evidence.Official}

// Admit implements live.Room. view=public makes anybody one of the public.
func (r *Room) Admit(ctx context.Context, lot string, who actor.Actor, view string) (live.Viewer, error) {
	v, err := r.openings.Admit(ctx, who, lot)
	if err != nil {
		return live.Viewer{}, err
	}
	out := live.Viewer{Actor: who, Class: live.ClassPublic}
	if view == "public" {
		return out, nil
	}
	for name, class := range classes {
		if class == v.Class {
			out.Class = name
		}
	}
	out.Host, out.Organisation = v.Host, who.OrganisationName
	return out, nil
}

// View implements live.Room.
func (r *Room) View(e evidence.Event, class live.Class) (json.RawMessage, error) {
	return json.Marshal(Show(r.dictionary, &e, classes[class]))
}

// Snapshot implements live.Room.
func (r *Room) Snapshot(ctx context.Context, lot string, _ live.Viewer) (any, int64, error) {
	s, err := r.openings.Snapshot(ctx, lot)
	if err != nil {
		return nil, 0, err
	}
	return s, s.Seq, nil
}

// Action is a button: what may be done, or why not.
type Action struct {
	Command string   `json:"command"`
	Label   string   `json:"label"`
	Allowed bool     `json:"allowed"`
	Refusal *Refusal `json:"refusal,omitempty"`
	Confirm *Confirm `json:"confirm,omitempty"`
}

// Refusal is why an action is not allowed now.
type Refusal struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Basis  string `json:"basis,omitempty"`
}

// Confirm is what is shown before an act that cannot be taken back.
type Confirm struct {
	Title   string `json:"title"`
	Text    string `json:"text"`
	Article string `json:"article,omitempty"`
}

// Actions renders what a table allows.
func Actions(list []lifecycle.Action, labels map[string]string) []Action {
	out := make([]Action, 0, len(list))
	for _, a := range list {
		v := Action{Command: a.Command, Label: labels[a.Command], Allowed: a.Refusal == nil, Confirm: confirms[a.Command]}
		if a.Refusal != nil {
			v.Refusal = &Refusal{Code: a.Refusal.Code, Detail: a.Refusal.Detail, Basis: a.Refusal.Basis}
		}
		out = append(out, v)
	}
	return out
}

// confirms are the acts that are shown before they are done.
var confirms = map[string]*Confirm{
	"publish":            {Title: "发布公告", Text: "公告和招标文件将向社会公开，标段的密钥在此时生成。此操作将记入证据，不能收回。", Article: "招标投标法第十六条"},
	"terminate":          {Title: "终止招标", Text: "本标段的招标将终止，原因会公布。此操作将记入证据，不能收回。", Article: "招标投标法实施条例第三十一条"},
	"publish_roster":     {Title: "公布投标人", Text: "将用开标密钥打开各份文件的投标人信息并公布名单。此操作将记入证据，不能收回。", Article: "招标投标法第三十六条"},
	"start_decrypt":      {Title: "开始解密", Text: "各投标人在时限内解密；时限到后自动关闭。此操作将记入证据。", Article: "电子招标投标办法第三十条"},
	"close_window":       {Title: "结束解密", Text: "窗口关闭后不再接收解密份额，平台随即打开投标内容。此操作将记入证据，不能收回。", Article: "电子招标投标办法第三十条"},
	"start_confirmation": {Title: "请各方确认开标记录", Text: "开标记录的内容从现在起固定，各方签名确认。此操作将记入证据。", Article: "电子招标投标办法第三十二条"},
	"close":              {Title: "结束开标", Text: "开标结束，未确认的投标人视为无异议。此操作将记入证据，不能收回。"},
	"close_first":        {Title: "结束第一次开标", Text: "第一次开标结束，转入第一信封评审；第二信封继续密封，评审之后另行通知第二次开标。此操作将记入证据，不能收回。"},
	"review":             {Title: "录入第一信封评审结果", Text: "各家是否通过评审和理由会公布并记入证据。通过的投标人进入第二次开标，未通过的第二信封不再开启。"},
	"schedule_second":    {Title: "通知第二次开标", Text: "时间会公告并通知各投标人；通知之后评审结果不能再改。此操作将记入证据。"},
	"cancel_second":      {Title: "不进行第二次开标", Text: "没有投标通过评审：第二信封不再开启，本次招标失败。原因会公布，此操作将记入证据，不能收回。"},
	"postpone":           {Title: "推迟开标", Text: "本次会议中止，之后不再解密，直到复会。原因会公布并记入证据。"},
	"decide_bid":         {Title: "认定未解密原因", Text: "“视为撤销”由投标人承担后果，“视为撤回”退还保证金。认定和理由会公布并记入证据。", Article: "电子招标投标办法第三十一条"},
	"confirm_record":     {Title: "确认开标记录", Text: "将用本次投标的密钥对开标记录签名。此操作将记入证据，不能收回。"},
	"report_missing":     {Title: "报告回执缺失", Text: "将出示您的回执；经核验后开标会停下，直到查明。", Article: "招标投标法第三十六条"},
}

// Irreversible says whether a command is shown and asked for again before it is
// done.
func Irreversible(command string) bool { return confirms[command] != nil }

// Actions implements live.Room.
func (r *Room) Actions(ctx context.Context, lot string, v live.Viewer) (any, error) {
	list, err := r.openings.Actions(ctx, v.Actor, lot)
	if err != nil {
		return nil, err
	}
	return Actions(list, opening.Commands), nil
}

// Command implements live.Room; id makes it act once.
func (r *Room) Command(ctx context.Context, lot string, v live.Viewer, id, command string, input json.RawMessage) (any, error) {
	who := v.Actor
	who.Request = id
	result, err := r.openings.Do(ctx, who, lot, command, input)
	if errors.Is(err, opening.ErrRepeated) {
		return map[string]bool{"repeated": true}, nil
	}
	return result, err
}

// Discreet implements live.Room.
func (r *Room) Discreet(ctx context.Context, lot string) (bool, error) {
	return r.openings.Discreet(ctx, lot)
}

// Bids implements live.Room.
func (r *Room) Bids(ctx context.Context, lot string, organisations []string) (map[string]bool, error) {
	return r.openings.Present(ctx, lot, organisations)
}

var _ live.Room = (*Room)(nil)
