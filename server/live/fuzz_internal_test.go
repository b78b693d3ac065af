package live

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzIncoming: whatever a client sends as a message, what is read of it can be
// answered in JSON again.
func FuzzIncoming(f *testing.F) {
	f.Add([]byte(`{"id":"1","command":"start","input":{}}`))
	f.Add([]byte(`{"type":"ping","t0":1e400}`))
	f.Add([]byte(`{"id":"\ud800","query":"hall"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var in incoming
		if json.Unmarshal(text, &in) != nil {
			return
		}
		for _, message := range []any{ackMessage{Type: "ack", ID: in.ID}, pongMessage{Type: "pong", T0: in.T0}} {
			raw, err := json.Marshal(message)
			if err != nil || !utf8.Valid(raw) && utf8.Valid(text) {
				t.Errorf("%q cannot be answered: %v", text, err)
			}
		}
	})
}
