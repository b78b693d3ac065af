package lifecycle

import (
	"fmt"
	"slices"

	"jianbiao/internal/actor"
)

// Act is one event as a table sees it: what was recorded, and by which role.
// A role of "" is not judged.
type Act struct {
	Kind string
	Role actor.Role
	At   string // where it stands, for the fault's text
}

// Replay leads the table's states from its beginning along recorded acts, and
// gives the state in which they end. Kinds that no row emits belong to others
// and are passed over. An act that no row allows in the state it finds is a
// fault; the replay goes on where the act would have led.
func (t *Table[S, F]) Replay(acts []Act) (S, []string) {
	state := t.Initial
	var faults []string
	for _, a := range acts {
		var any, allowed *Row[S, F]
		for i := range t.Rows {
			r := &t.Rows[i]
			if r.Emit != a.Kind {
				continue
			}
			any = r
			if r.From == state && (a.Role == "" || slices.Contains(r.By, a.Role)) {
				allowed = r
				break
			}
		}
		switch {
		case any == nil:
		case allowed != nil:
			state = allowed.To
		default:
			faults = append(faults, fmt.Sprintf("%s: %s by %s is not allowed in state %s", a.At, a.Kind, a.Role, state))
			if any.From != any.To {
				state = any.To
			}
		}
	}
	return state, faults
}
