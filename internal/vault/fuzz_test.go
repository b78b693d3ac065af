package vault_test

import (
	"errors"
	"testing"

	"jianbiao/internal/vault"
)

// FuzzOpen: whatever the platform hands out as a vault, or a bidder as his
// backup, opening it gives one of three errors or the document.
func FuzzOpen(f *testing.F) {
	blob := save(f, filled(f))
	f.Add(blob)
	f.Add(blob[:len(blob)/2])
	f.Add(blob[:80])
	f.Add([]byte("JBVLT1\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := vault.Open(in, passphrase)
		if err == nil && (v == nil || len(v.Doc.Bids) == 0) {
			t.Error("a vault that nobody sealed opens")
		}
		if err != nil && !errors.Is(err, vault.ErrNotVault) && !errors.Is(err, vault.ErrWrongPassphrase) && !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("not one of ours: %v", err)
		}
	})
}

// FuzzDocument: the document inside.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"v":1,"revision":3,"savedAt":"2026-03-02T09:00:00Z","bids":[],"followed":[],"drafts":[],"signing":[]}`))
	f.Add([]byte(`{"v":1,"bids":[{"lot":"a","header":{}}]}`))
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := vault.ParseDocument(in)
		if err != nil {
			if !errors.Is(err, vault.ErrNotVault) {
				t.Errorf("not one of ours: %v", err)
			}
			return
		}
		_, _ = d.Current("a")
		_, _ = d.Bid("")
	})
}
