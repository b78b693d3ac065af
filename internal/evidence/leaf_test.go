package evidence_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"jianbiao/internal/evidence"
)

var update = flag.Bool("update", false, "write the vectors of docs/spec/evidence-leaf.md again")

const vectorFile = "../../docs/spec/evidence-leaf.vectors.json"

type vector struct {
	Name        string   `json:"name"`
	Salt        string   `json:"salt"`
	Value       string   `json:"value"`
	Commitment  string   `json:"commitment,omitempty"`
	Body        string   `json:"body,omitempty"`
	Blind       string   `json:"blind,omitempty"`
	Leaf        string   `json:"leaf,omitempty"`
	Root        string   `json:"root,omitempty"`
	Commitments []string `json:"commitments,omitempty"`
}

// The vectors are those of the specification: whoever writes a verifier from
// the text checks it against them.
func TestLeaf_AgreesWithTheSpecification(t *testing.T) {
	t.Parallel()
	made := vectors()
	if *update {
		raw, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var want []vector
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(made) {
		t.Fatalf("%d vectors, want %d", len(made), len(want))
	}
	for i := range want {
		a, _ := json.Marshal(made[i])
		b, _ := json.Marshal(want[i])
		if string(a) != string(b) {
			t.Errorf("vector %d\n got %s\nwant %s", i, a, b)
		}
	}
}

func vectors() []vector {
	salt := make([]byte, 32)
	for i := range salt {
		salt[i] = byte(i)
	}
	var out []vector
	var all [][]byte
	var texts []string
	for _, f := range []struct{ name, value string }{{"count", "3"}, {"title", `"招标公告"`}, {"a", "null"}} {
		c := evidence.FieldCommitment(f.name, salt, []byte(f.value))
		all, texts = append(all, c), append(texts, hex.EncodeToString(c))
		out = append(out, vector{Name: f.name, Salt: hex.EncodeToString(salt), Value: f.value, Commitment: hex.EncodeToString(c)})
	}
	for n := range len(all) + 1 {
		out = append(out, vector{Commitments: texts[:n], Root: hex.EncodeToString(evidence.Root(all[:n]))})
	}
	body := `{"at":"2026-03-24T01:30:00.000000Z","fields":0,"id":"00000000-0000-7000-8000-000000000000","kind":"opening.started","recordedAt":"2026-11-23T01:30:00.000000Z","root":"` +
		hex.EncodeToString(evidence.Root(nil)) + `","seq":1,"stream":"lot/1","v":1}`
	return append(out, vector{Body: body, Blind: hex.EncodeToString(salt), Leaf: hex.EncodeToString(evidence.LeafCommitment(salt, []byte(body)))})
}
