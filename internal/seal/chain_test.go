package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"jianbiao/internal/seal"
)

func TestReplacement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, first := b.seal(t)
	b.in.Number, b.in.Replaces = 2, first.Digest
	rawSecond, second := b.seal(t)
	if err := seal.CheckReplacement(first.Header, first.Digest, second.Header); err != nil {
		t.Fatal(err)
	}
	if err := seal.CheckStructure(second.Header, int64(len(rawSecond))); err != nil {
		t.Fatal(err)
	}
	b.in.Number, b.in.Replaces, b.in.Kind, b.in.Sections = 3, second.Digest, seal.KindWithdrawal, nil
	rawThird, third := b.seal(t)
	if h, err := seal.ReadHeader(bytes.NewReader(rawThird), b.cutoff); err != nil || seal.CheckStructure(h, int64(len(rawThird))) != nil {
		t.Fatalf("withdrawal: %v", err)
	}
	if err := seal.CheckReplacement(second.Header, second.Digest, third.Header); err != nil {
		t.Fatal(err)
	}
	change := func(f func(*seal.Header)) seal.Header { h := second.Header; f(&h); return h }
	stranger := setup(t)
	stranger.in.Number, stranger.in.Replaces = 2, first.Digest
	_, foreign := stranger.seal(t)
	bad := map[string]struct {
		old    seal.Header
		digest string
		next   seal.Header
	}{
		"older version":    {second.Header, second.Digest, first.Header},
		"same again":       {second.Header, second.Digest, second.Header},
		"skipped a number": {first.Header, second.Digest, third.Header},
		"another digest":   {first.Header, third.Digest, second.Header},
		"after withdrawal": {third.Header, third.Digest, change(func(h *seal.Header) { h.Number = 4; h.Replaces = third.Digest })},
		"unsigned":         {first.Header, first.Digest, change(func(h *seal.Header) { h.PreviousSignature = "" })},
		"changed":          {first.Header, first.Digest, change(func(h *seal.Header) { h.Sealer = "x" })},
		"another lot":      {first.Header, first.Digest, change(func(h *seal.Header) { h.Lot = "x" })},
		"a stranger's":     {first.Header, first.Digest, foreign.Header},
		"a stranger's under the old key": {first.Header, first.Digest, func() seal.Header {
			h := foreign.Header
			h.OneTimeKey = first.Header.OneTimeKey
			return h
		}()},
	}
	for name, c := range bad {
		if err := seal.CheckReplacement(c.old, c.digest, c.next); !errors.Is(err, seal.ErrReplacement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithdrawalLooksLikeABid(t *testing.T) {
	t.Parallel()
	b := setup(t, 700_000)
	_, bid := b.seal(t)
	b.in.Number, b.in.Replaces, b.in.Kind, b.in.Sections, b.in.MinSize = 2, bid.Digest, seal.KindWithdrawal, nil, bid.Size
	if raw, w := b.seal(t); w.Size != bid.Size || seal.CheckStructure(w.Header, int64(len(raw))) != nil {
		t.Errorf("withdrawal of %d bytes, bid of %d", w.Size, bid.Size)
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw, sealed := b.seal(t)
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	platform := key(t)
	at := time.Date(2026, 3, 23, 2, 3, 4, 567_000_000, time.UTC)
	event := seal.ReceiptEvent{Stream: "bid/1", ID: "e1", Seq: 1, Openings: json.RawMessage(`{"digest":{"salt":"AA","value":"x"}}`)}
	r, err := seal.NewReceipt(sealed.Header, sealed.Digest, sealed.Size, at, event)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = seal.SignReceipt(r, priv, platform); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again seal.Receipt
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if err := seal.VerifyReceipt(again, pub, platform.Public()); err != nil {
		t.Error(err)
	}
	if err := again.Covers(sealed.Header, sealed.Digest, int64(len(raw))); err != nil {
		t.Error(err)
	}
	if again.Promise != "2026-03-23T02:13:04.567Z" {
		t.Errorf("promise %s", again.Promise)
	}
	for name, change := range map[string]func(*seal.Receipt){
		"time": func(r *seal.Receipt) { r.ReceivedAt = "2026-03-23T02:03:05Z" }, "digest": func(r *seal.Receipt) { r.Digest = "sm3:00" },
		"commitment": func(r *seal.Receipt) { r.Commitments = r.Commitments[1:] }, "event": func(r *seal.Receipt) { r.Event.Seq = 2 },
		"openings":  func(r *seal.Receipt) { r.Event.Openings = nil },
		"ed25519":   func(r *seal.Receipt) { r.SignatureEd25519 = "" },
		"sm2":       func(r *seal.Receipt) { r.SignatureSM2 = "" },
		"other key": func(r *seal.Receipt) { *r, _ = seal.SignReceipt(*r, priv, b.firm) },
	} {
		bad := again
		change(&bad)
		if err := seal.VerifyReceipt(bad, pub, platform.Public()); !errors.Is(err, seal.ErrReceipt) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	_, other := b.seal(t)
	if err := again.Covers(other.Header, other.Digest, other.Size); !errors.Is(err, seal.ErrReceipt) {
		t.Errorf("covers another envelope: %v", err)
	}
}
