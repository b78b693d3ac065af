package lifecycle_test

import (
	"testing"

	"jianbiao/internal/actor"
	"jianbiao/internal/lifecycle"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	table := lifecycle.Table[string, struct{}]{Name: "door", Initial: "shut", States: []string{"shut", "open"}, Rows: []lifecycle.Row[string, struct{}]{
		{From: "shut", Command: "open", By: []actor.Role{actor.Buyer}, To: "open", Emit: "door.opened"},
		{From: "open", Command: "shut", By: []actor.Role{actor.Clock}, To: "shut", Emit: "door.shut"},
		{From: "open", Command: "knock", By: []actor.Role{actor.Bidder}, To: "open", Emit: "door.knocked"},
	}}
	for _, tc := range []struct {
		name   string
		acts   []lifecycle.Act
		state  string
		faults int
	}{
		{"nothing", nil, "shut", 0},
		{"allowed", []lifecycle.Act{{Kind: "door.opened", Role: actor.Buyer}, {Kind: "door.knocked"}, {Kind: "bell.rung"}}, "open", 0},
		{"a role that may not", []lifecycle.Act{{Kind: "door.opened", Role: actor.Bidder}}, "open", 1},
		{"a state that does not allow it", []lifecycle.Act{{Kind: "door.knocked", Role: actor.Bidder}}, "shut", 1},
		{"twice", []lifecycle.Act{{Kind: "door.opened", Role: actor.Buyer}, {Kind: "door.opened", Role: actor.Buyer}, {Kind: "door.shut", Role: actor.Clock}}, "shut", 1},
	} {
		state, faults := table.Replay(tc.acts)
		if state != tc.state || len(faults) != tc.faults {
			t.Errorf("%s: ends in %s with %q", tc.name, state, faults)
		}
	}
}
