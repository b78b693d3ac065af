package opening

import (
	"testing"

	"jianbiao/internal/apperr"
)

// FuzzInputs: the input of the hall's commands, over HTTP and over the socket.
func FuzzInputs(f *testing.F) {
	f.Add([]byte(`{"digest":"sm3:00","signature":"x","parts":{"price":"AA"}}`))
	f.Add([]byte(`{"receipt":{"v":1}}`))
	f.Add([]byte(`{"at":"2026-03-24T09:30:00+08:00"}`))
	f.Add([]byte(`{"unknown":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, into := range []func() any{
			func() any { return &ReleaseInput{} }, func() any { return &ConfirmInput{} }, func() any { return &ObjectionInput{} },
			func() any { return &receiptInput{} }, func() any { return &decideInput{} }, func() any { return &atInput{} },
			func() any { return &pauseInput{} }, func() any { return &textInput{} },
		} {
			if err := decodeInput(raw, into()); err != nil && apperr.KindOf(err) != apperr.Invalid {
				t.Errorf("not a refusal: %v", err)
			}
		}
	})
}
