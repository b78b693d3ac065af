package opening_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/keystore"
	"jianbiao/internal/lifecycle"
)

var update = flag.Bool("update", false, "write the generated documents again")

func keystoreOrder(lotID, digest, wrap string) keystore.Order {
	return keystore.Order{Lot: lotID, Stage: keystore.Contents, Digest: digest, Wraps: []string{wrap}}
}

func TestLifecycle_TablesHaveNoProblemsAndMatchTheirDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, markdown string
		problems       []string
	}{{"lot", lot.Table.Markdown(), lot.Table.Problems()}, {"opening", opening.Table.Markdown(), opening.Table.Problems()}} {
		for _, p := range c.problems {
			t.Errorf("%s: %s", c.name, p)
		}
		path := "../../docs/lifecycle/" + c.name + ".md"
		if *update {
			if err := os.WriteFile(path, []byte(c.markdown), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.markdown {
			t.Errorf("%s is not what the table says: run make gen (%v)", path, err)
		}
	}
}

// Every (state, command, role): exactly the triples that stand in a row get past
// state and role, and every other is refused with a stable code.
func TestTables_EveryStateCommandRole(t *testing.T) {
	t.Parallel()
	enumerate(t, lot.Table, lot.Facts{})
	enumerate(t, opening.Table, opening.Facts{})
}

func enumerate[S ~string, F any](t *testing.T, table lifecycle.Table[S, F], none F) {
	t.Helper()
	commands, want, got := map[string]bool{"no_such_command": true}, 0, 0
	for _, r := range table.Rows {
		commands[r.Command] = true
		want += len(r.By)
	}
	for _, s := range table.States {
		for c := range commands {
			for _, role := range actor.Roles() {
				_, err := table.Next(s, c, role, none)
				switch code := apperr.CodeOf(err); code {
				case table.Name + ".state", table.Name + ".role", table.Name + ".unknown_command":
				default:
					got++ // allowed, or refused by a guard
					if err != nil && (code == "" || apperr.KindOf(err) != apperr.Precondition) {
						t.Errorf("%s %s by %s: %v", s, c, role, err)
					}
				}
			}
		}
	}
	if got != want {
		t.Errorf("%s: %d triples get past state and role, the table has %d", table.Name, got, want)
	}
}

// No authority's act is ever needed: apart from remarks (and a suspension of the
// lot, which is the authority's document) no row is given by one.
func TestTables_NoStepWaitsForAnAuthority(t *testing.T) {
	t.Parallel()
	for _, r := range opening.Table.Rows {
		for _, role := range r.By {
			if (role == actor.Supervisor || role == actor.GeneralSupervisor || role == actor.WitnessOfficer) && (r.Command != "remark" || r.From != r.To) {
				t.Errorf("%s %s is given by %s", r.From, r.Command, role)
			}
		}
		if opening.Commands[r.Command] == "" {
			t.Errorf("command %s has no Chinese name", r.Command)
		}
	}
	for _, r := range lot.Table.Rows {
		if lot.Commands[r.Command] == "" {
			t.Errorf("command %s has no Chinese name", r.Command)
		}
	}
}

// The schema's CHECK accepts exactly the states of the table.
func TestTables_AgreeWithTheSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for name, states := range map[string][]string{"lot_state": names(lot.Table.States), "opening_state": names(opening.Table.States)} {
		var def string
		if err := db.Owner.Get(&def, `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1`, name); err != nil {
			t.Fatal(err)
		}
		for _, s := range states {
			if !strings.Contains(def, "'"+s+"'") {
				t.Errorf("%s does not know %s", name, s)
			}
		}
		if strings.Count(def, "'")/2 != len(states) {
			t.Errorf("%s lists another number of states than %d: %s", name, len(states), def)
		}
	}
}

func names[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

// Every kind that a row emits is in the dictionary.
func TestTables_EveryEventIsInTheDictionary(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, k := range append(lot.Kinds(), opening.Kinds()...) {
		known[k.Name] = true
	}
	for _, r := range opening.Table.Rows {
		if !known[r.Emit] {
			t.Errorf("%s is in no dictionary", r.Emit)
		}
	}
	for _, r := range lot.Table.Rows {
		if !known[r.Emit] {
			t.Errorf("%s is in no dictionary", r.Emit)
		}
	}
}
