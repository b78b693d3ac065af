package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"testing"
	"time"

	"jianbiao/internal/seal"
)

// FuzzReceipt: whatever is brought as a receipt, verifying it never panics, and
// nothing verifies but what the platform signed.
func FuzzReceipt(f *testing.F) {
	b := setup(f)
	_, sealed := b.seal(f)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	sm := key(f)
	r, err := seal.NewReceipt(sealed.Header, sealed.Digest, sealed.Size, time.Date(2026, 3, 23, 1, 0, 0, 0, time.UTC), seal.ReceiptEvent{Stream: "bid/1", ID: "1", Seq: 1, Openings: json.RawMessage(`{}`)})
	if err != nil {
		f.Fatal(err)
	}
	if r, err = seal.SignReceipt(r, private, sm); err != nil {
		f.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte(`"size":`), []byte(`"size":1`), 1))
	f.Fuzz(func(t *testing.T, in []byte) {
		var got seal.Receipt
		if json.Unmarshal(in, &got) != nil {
			return
		}
		_ = got.Covers(sealed.Header, sealed.Digest, sealed.Size)
		if seal.VerifyReceipt(got, public, sm.Public()) == nil && (got.Digest != r.Digest || got.Size != r.Size || got.Lot != r.Lot) {
			t.Errorf("a receipt that nobody signed: %s", in)
		}
	})
}

// FuzzOwner: the same for the declaration of whose a bid is.
func FuzzOwner(f *testing.F) {
	b := setup(f)
	_, sealed := b.seal(f)
	owner, err := json.Marshal(b.in.Owner)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(owner)
	f.Add([]byte(`{"firm":{},"signatory":null}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		o, err := seal.ParseOwner(in)
		if err == nil && seal.VerifyOwner(sealed.Header, o) == nil {
			t.Errorf("an owner that nobody signed: %s", in)
		}
	})
}

// FuzzPartial: a holder's share of an opening and its proof.
func FuzzPartial(f *testing.F) {
	b := setup(f)
	_, sealed := b.seal(f)
	owner, _ := sealed.Header.Section(seal.OwnerSection)
	c1, err := seal.Capsule(owner.WrapTender)
	if err != nil {
		f.Fatal(err)
	}
	point, proof, err := seal.ProvePartial(b.opening, c1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c1, point, proof)
	f.Add(c1, point, []byte{})
	f.Add([]byte{4}, []byte{2}, bytes.Repeat([]byte{0xff}, len(proof)))
	f.Fuzz(func(t *testing.T, in, p, pr []byte) {
		if seal.CheckPartial(b.opening.Public(), in, p, pr) == nil && (bytes.Equal(in, c1) && !bytes.Equal(p, point)) {
			t.Error("a false share is proven")
		}
	})
}

// FuzzKeysAndSignatures: keys, capsules and signatures as text.
func FuzzKeysAndSignatures(f *testing.F) {
	b := setup(f)
	sig, err := b.firm.Sign("tag", []byte("text"))
	if err != nil {
		f.Fatal(err)
	}
	_, sealed := b.seal(f)
	f.Add(b.firm.Public().Text(), sig, sealed.Header.Sections[0].WrapTender)
	f.Add("", "", "")
	f.Add("BA", "MEUC", "BA")
	f.Fuzz(func(t *testing.T, public, signature, capsule string) {
		_, _ = seal.Capsule(capsule)
		k, err := seal.ParsePublicKey(public)
		if err == nil && k.Verify("tag", []byte("another text"), signature) == nil {
			t.Error("a signature of another text verifies")
		}
	})
}

// FuzzSection: a sealed file that was changed anywhere either does not open or
// gives what was sealed.
func FuzzSection(f *testing.F) {
	b := setup(f, 3000)
	raw, sealed := b.seal(f)
	s, _ := sealed.Header.Section("technical")
	bidderPart, err := seal.UnwrapBidder(b.bidder, s)
	if err != nil {
		f.Fatal(err)
	}
	c1, err := seal.Capsule(s.WrapTender)
	if err != nil {
		f.Fatal(err)
	}
	point, proof, err := seal.ProvePartial(b.opening, c1)
	if err != nil {
		f.Fatal(err)
	}
	tenderPart, err := seal.CombineProven(s.WrapTender, b.opening.Public(), seal.Partial{Holder: "platform", Point: point, Proof: proof})
	if err != nil {
		f.Fatal(err)
	}
	want := noise(0, 3000)
	f.Add(uint32(0), []byte{0})
	f.Add(uint32(s.Offset), []byte{1})
	f.Add(uint32(s.Offset+s.Stored-1), []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, at uint32, change []byte) {
		in := bytes.Clone(raw)
		for i, x := range change {
			in[(int(at)+i)%len(in)] ^= x
		}
		err := seal.OpenSection(bytes.NewReader(in), sealed.Header, "technical", tenderPart, bidderPart, seal.Visit{File: func(_ seal.File, r io.Reader) error {
			got, err := io.ReadAll(r)
			if err == nil && !bytes.Equal(got, want) {
				t.Error("opened as something else")
			}
			return err
		}})
		if err != nil && bytes.Equal(in, raw) {
			t.Errorf("an unchanged file does not open: %v", err)
		}
	})
}
