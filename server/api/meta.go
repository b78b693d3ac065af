package api

import (
	"context"
	"net/http"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
)

// Meta is every label that pages show for a code, so that none has its own.
type Meta struct {
	Roles         map[string]string       `json:"roles"`
	LotStates     map[string]string       `json:"lotStates"`
	OpeningStates []OpeningState          `json:"openingStates"`
	Events        map[string]EventLabel   `json:"events"`
	Commands      map[string]CommandLabel `json:"commands"`
	Reasons       map[string]string       `json:"reasons" doc:"解密失败的原因"`
	Flags         map[string]string       `json:"flags" doc:"开标一览表的标示"`
	Outcomes      map[string]string       `json:"outcomes" doc:"投标文件的结果"`
	ProjectKinds  map[string]lot.Wording  `json:"projectKinds" doc:"工程建设、政府采购各自的用语"`
	Methods       []lot.Method            `json:"methods" doc:"采购方式；有 refusal 的不办理"`
}

// OpeningState is a state of an opening and its place on the stepper (0 to 7).
type OpeningState struct {
	Code  string `json:"code"`
	Label string `json:"label"`
	Step  int    `json:"step"`
}

// EventLabel names a kind of event and says who may see it.
type EventLabel struct {
	Label    string `json:"label"`
	Audience string `json:"audience"`
}

// CommandLabel names a command.
type CommandLabel struct {
	Label        string `json:"label"`
	Confirm      string `json:"confirm,omitempty" doc:"请再次确认的一句话"`
	Irreversible bool   `json:"irreversible"`
}

type metaOutput struct{ Body Meta }

// filled has no absent list, and all roles.
func (m Meta) filled() Meta {
	if m.Roles == nil {
		m.Roles = map[string]string{}
		for _, r := range actor.Roles() {
			m.Roles[string(r)] = r.Label()
		}
	}
	if m.LotStates == nil {
		m.LotStates = map[string]string{}
	}
	if m.OpeningStates == nil {
		m.OpeningStates = []OpeningState{}
	}
	if m.Events == nil {
		m.Events = map[string]EventLabel{}
	}
	if m.Commands == nil {
		m.Commands = map[string]CommandLabel{}
	}
	m.Methods, m.ProjectKinds = lot.Methods, map[string]lot.Wording{}
	for kind, words := range lot.Words {
		m.ProjectKinds[string(kind)] = words
	}
	if m.Reasons == nil {
		m.Reasons = map[string]string{}
	}
	return m
}

func (a *API) registerMeta() {
	meta := metaOutput{a.deps.Meta.filled()}
	Register(a, Route{Method: http.MethodGet, Path: "/api/meta", Allow: Public, Summary: "代码与名称"},
		func(context.Context, actor.Actor, *Nothing) (*metaOutput, error) { return &meta, nil })
}
