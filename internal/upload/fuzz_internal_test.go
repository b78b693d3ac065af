package upload

import (
	"errors"
	"strings"
	"testing"
)

// FuzzState: whatever stands on the disk in place of a state, reading it gives
// errState or what was sealed.
func FuzzState(f *testing.F) {
	id := strings.Repeat("0a", 16)
	sealed, err := sealState(id, State{Purpose: Bid, Size: 9, Offset: 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(id, sealed)
	f.Add(id, sealed[:len(sealed)-1])
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, by string, in []byte) {
		st, err := openState(by, in)
		if err != nil {
			if !errors.Is(err, errState) {
				t.Errorf("not one of ours: %v", err)
			}
			return
		}
		if by != id || st.Offset != 3 { // another process of the fuzzer seals with another nonce
			t.Errorf("a state that nobody sealed: %+v", st)
		}
	})
}

// FuzzID: a name on disk is made of no id but a well formed one.
func FuzzID(f *testing.F) {
	f.Add(strings.Repeat("0", 32))
	f.Add("../../keys/platform.json")
	f.Add(strings.Repeat("0", 31) + "\n")
	s, err := Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if _, err := s.Stat(id); err == nil {
			t.Errorf("an upload that nobody began: %q", id)
		}
		if name := nameOf(id); len(name) != 32 || strings.ContainsAny(name, "./") {
			t.Errorf("name %q", name)
		}
	})
}
