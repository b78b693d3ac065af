// Package lifecycle is the engine of the state tables (状态表): a table reads
// like the procedure in the law, one row a sentence: in this state, on this
// command, given by one of these roles, go to that state and record that event,
// provided that every guard holds.
//
// There is no wildcard, no silent row and no forced move. The clock is a role;
// a deadline is a guard, so a late job can delay and never allow.
package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// Guard is a named condition over the facts of a command. Detail is the Chinese
// sentence shown when it does not hold; Basis its article. A command whose Kind
// guard does not hold belongs to another kind of procedure and is not offered.
type Guard[F any] struct {
	Name   string
	Code   string
	Detail func(F) string
	Basis  string
	OK     func(F) bool
	Kind   bool
}

// Row is one sentence of a table. To equal to From is a row that changes facts
// and not the state.
type Row[S ~string, F any] struct {
	From    S
	Command string
	By      []actor.Role
	To      S
	Emit    string
	Guards  []Guard[F]
}

// Table is the life of one aggregate.
type Table[S ~string, F any] struct {
	Name    string
	Initial S
	Final   []S
	States  []S
	Labels  map[S]string
	Rows    []Row[S, F]
}

// Next decides a command. Errors: <name>.state (Precondition), <name>.role
// (Forbidden), <name>.unknown_command (NotFound), or the first guard's code.
func (t *Table[S, F]) Next(state S, command string, role actor.Role, facts F) (Row[S, F], error) {
	known := false
	for _, r := range t.Rows {
		if r.Command != command {
			continue
		}
		known = true
		if r.From != state {
			continue
		}
		if !slices.Contains(r.By, role) {
			return Row[S, F]{}, apperr.New(apperr.Forbidden, t.Name+".role", "%s不能进行这一步；这一步由%s办理。", role.Label(), rolesText(r.By))
		}
		for _, g := range r.Guards {
			if !g.OK(facts) {
				return Row[S, F]{}, apperr.New(apperr.Precondition, g.Code, "%s", g.Detail(facts)).By(g.Basis)
			}
		}
		return r, nil
	}
	if !known {
		return Row[S, F]{}, apperr.New(apperr.NotFound, t.Name+".unknown_command", "没有这个操作。")
	}
	return Row[S, F]{}, apperr.New(apperr.Precondition, t.Name+".state", "当前状态是“%s”，不能进行这一步。", t.Labels[state])
}

func rolesText(roles []actor.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = r.Label()
	}
	return strings.Join(words, "、")
}

// Action is what a role may do in a state: the row's command, or why not.
type Action struct {
	Command string
	Refusal *apperr.Error // nil when allowed
}

// Actions lists, in the table's order, every command that this role has a row
// for in this state, each allowed or refused with its reason; without those of
// another kind of procedure.
func (t *Table[S, F]) Actions(state S, role actor.Role, facts F) []Action {
	var out []Action
	for _, r := range t.Rows {
		if r.From != state || !slices.Contains(r.By, role) || r.otherKind(facts) {
			continue
		}
		a := Action{Command: r.Command}
		if _, err := t.Next(state, r.Command, role, facts); err != nil {
			a.Refusal, _ = apperr.From(err)
		}
		out = append(out, a)
	}
	return out
}

func (r Row[S, F]) otherKind(facts F) bool {
	return slices.ContainsFunc(r.Guards, func(g Guard[F]) bool { return g.Kind && !g.OK(facts) })
}

// Problems lists what makes a table ambiguous or broken; a test asks for none.
func (t *Table[S, F]) Problems() []string {
	var out []string
	seen := map[string]bool{}
	target := map[string]S{}
	reach := map[S]bool{t.Initial: true}
	for changed := true; changed; {
		changed = false
		for _, r := range t.Rows {
			if reach[r.From] && !reach[r.To] {
				reach[r.To], changed = true, true
			}
		}
	}
	for _, r := range t.Rows {
		key := string(r.From) + "/" + r.Command
		if seen[key] {
			out = append(out, "two rows for "+key)
		}
		seen[key] = true
		if r.Emit == "" || !strings.Contains(r.Emit, ".") {
			out = append(out, key+" emits no event")
		}
		if to, ok := target[r.Emit]; ok && r.From != r.To && to != r.To {
			out = append(out, fmt.Sprintf("event %s leads to %s and %s", r.Emit, to, r.To))
		} else if r.From != r.To {
			target[r.Emit] = r.To
		}
		if slices.Contains(t.Final, r.From) && r.To != r.From {
			out = append(out, key+" leaves a final state")
		}
		if len(r.By) == 0 {
			out = append(out, key+" is for nobody")
		}
		if !slices.Contains(t.States, r.From) || !slices.Contains(t.States, r.To) {
			out = append(out, key+" names an unknown state")
		}
	}
	for _, s := range t.States {
		if !reach[s] {
			out = append(out, "unreachable state "+string(s))
		}
		if t.Labels[s] == "" {
			out = append(out, "state without a label "+string(s))
		}
	}
	return out
}

// Markdown is the table as a document for people, kept in docs/lifecycle.
func (t *Table[S, F]) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nMade from the state table in code; a test keeps it true.\n\n", t.Name)
	b.WriteString("| state 状态 | command | role 角色 | guards 条件 | to 到 | event 事件 |\n|---|---|---|---|---|---|\n")
	for _, r := range t.Rows {
		guards := make([]string, len(r.Guards))
		for i, g := range r.Guards {
			guards[i] = g.Name
		}
		fmt.Fprintf(&b, "| %s %s | `%s` | %s | %s | %s | `%s` |\n", r.From, t.Labels[r.From], r.Command,
			rolesText(r.By), strings.Join(guards, "; "), r.To, r.Emit)
	}
	return b.String()
}
