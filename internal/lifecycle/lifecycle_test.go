package lifecycle_test

import (
	"slices"
	"strings"
	"testing"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/lifecycle"
)

type facts struct{ due, quiet bool }

var (
	due   = lifecycle.Guard[facts]{Name: "due 到时", Code: "door.early", Detail: func(facts) string { return "时间还没有到。" }, Basis: "某法第一条", OK: func(f facts) bool { return f.due }}
	quiet = lifecycle.Guard[facts]{Name: "quiet 安静", Code: "door.loud", Detail: func(facts) string { return "太吵。" }, OK: func(f facts) bool { return f.quiet }}
)

func door() lifecycle.Table[string, facts] {
	return lifecycle.Table[string, facts]{Name: "door", Initial: "shut", Final: []string{"gone"}, States: []string{"shut", "open", "gone"},
		Labels: map[string]string{"shut": "关", "open": "开", "gone": "拆除"},
		Rows: []lifecycle.Row[string, facts]{
			{From: "shut", Command: "open", By: []actor.Role{actor.Buyer, actor.Agency}, To: "open", Emit: "door.opened", Guards: []lifecycle.Guard[facts]{due, quiet}},
			{From: "open", Command: "look", By: []actor.Role{actor.Bidder}, To: "open", Emit: "door.looked"},
			{From: "open", Command: "remove", By: []actor.Role{actor.Clock}, To: "gone", Emit: "door.removed"},
		}}
}

func TestNext(t *testing.T) {
	t.Parallel()
	table := door()
	for name, try := range map[string]struct {
		state, command string
		role           actor.Role
		facts          facts
		code, to       string
	}{
		"allowed":         {"shut", "open", actor.Buyer, facts{true, true}, "", "open"},
		"stays":           {"open", "look", actor.Bidder, facts{}, "", "open"},
		"first guard":     {"shut", "open", actor.Buyer, facts{}, "door.early", ""},
		"second guard":    {"shut", "open", actor.Agency, facts{due: true}, "door.loud", ""},
		"role":            {"shut", "open", actor.Bidder, facts{true, true}, "door.role", ""},
		"state":           {"gone", "open", actor.Buyer, facts{true, true}, "door.state", ""},
		"no such command": {"shut", "burn", actor.Buyer, facts{}, "door.unknown_command", ""},
		"no such state":   {"ajar", "open", actor.Buyer, facts{}, "door.state", ""},
		"nobody":          {"shut", "open", "", facts{true, true}, "door.role", ""},
	} {
		row, err := table.Next(try.state, try.command, try.role, try.facts)
		if apperr.CodeOf(err) != try.code || row.To != try.to {
			t.Errorf("%s: to %q, %v", name, row.To, err)
		}
	}
	_, err := table.Next("shut", "open", actor.Buyer, facts{})
	if e, _ := apperr.From(err); e == nil || e.Basis != "某法第一条" || e.Detail != "时间还没有到。" {
		t.Errorf("the refusal lost its article: %v", err)
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	table := door()
	list := table.Actions("shut", actor.Buyer, facts{due: true})
	if len(list) != 1 || list[0].Command != "open" || list[0].Refusal == nil || list[0].Refusal.Code != "door.loud" {
		t.Errorf("%+v", list)
	}
	if list = table.Actions("shut", actor.Buyer, facts{true, true}); len(list) != 1 || list[0].Refusal != nil {
		t.Errorf("%+v", list)
	}
	if list = table.Actions("shut", actor.Bidder, facts{true, true}); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// Each way in which a table can be broken is found.
func TestProblems(t *testing.T) {
	t.Parallel()
	sound := door()
	if got := sound.Problems(); len(got) != 0 {
		t.Errorf("a sound table: %v", got)
	}
	for want, spoil := range map[string]func(*lifecycle.Table[string, facts]){
		"two rows for shut/open": func(x *lifecycle.Table[string, facts]) { x.Rows = append(x.Rows, x.Rows[0]) },
		"emits no event":         func(x *lifecycle.Table[string, facts]) { x.Rows[1].Emit = "" },
		"leads to":               func(x *lifecycle.Table[string, facts]) { x.Rows[2].Emit = "door.opened" },
		"leaves a final state":   func(x *lifecycle.Table[string, facts]) { x.Final = []string{"open"} },
		"is for nobody":          func(x *lifecycle.Table[string, facts]) { x.Rows[1].By = nil },
		"names an unknown state": func(x *lifecycle.Table[string, facts]) { x.Rows[1].To = "ajar" },
		"unreachable state lost": func(x *lifecycle.Table[string, facts]) { x.States = append(x.States, "lost"); x.Labels["lost"] = "丢" },
		"state without a label":  func(x *lifecycle.Table[string, facts]) { delete(x.Labels, "gone") },
		"unreachable state open": func(x *lifecycle.Table[string, facts]) { x.Rows = x.Rows[1:] },
	} {
		table := door()
		spoil(&table)
		if !slices.ContainsFunc(table.Problems(), func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("%q is not found: %v", want, table.Problems())
		}
	}
}

func TestMarkdown_HasEveryRow(t *testing.T) {
	t.Parallel()
	table := door()
	text := table.Markdown()
	for _, want := range []string{"| shut 关 | `open` | 招标人、招标代理机构 | due 到时; quiet 安静 | open | `door.opened` |", "`door.removed`"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
