package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"

	"jianbiao/internal/keystore"
	"jianbiao/internal/seal"
)

var ctx = context.Background()

func open(t *testing.T, dir string) *keystore.Store {
	t.Helper()
	s, err := keystore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type public struct{ cutoff, opening, vrf string }

func create(t *testing.T, s *keystore.Store, lot string) (p public) {
	t.Helper()
	var err error
	if p.cutoff, p.opening, p.vrf, err = s.CreateLot(lot); err != nil {
		t.Error(err)
	}
	return p
}

// Whoever asks again, after a restart or at the same moment from another
// server, is answered the same keys; another lot has others.
func TestStore_KeysStay(t *testing.T) {
	t.Parallel()
	dir, lot := filepath.Join(t.TempDir(), "keys"), uuid.NewString()
	var wg sync.WaitGroup
	var stores [8]*keystore.Store
	var got [8]public
	for i := range stores {
		wg.Go(func() {
			var err error
			if stores[i], err = keystore.Open(dir); err != nil {
				t.Error(err)
				return
			}
			got[i] = create(t, stores[i], lot)
		})
	}
	wg.Wait()
	again := open(t, dir)
	for i, s := range stores {
		if got[i] != got[0] || !bytes.Equal(s.Platform().Ed25519, again.Platform().Ed25519) || s.Platform().SM2.Text() != again.Platform().SM2.Text() ||
			!bytes.Equal(s.Derive("x"), again.Derive("x")) {
			t.Fatalf("server %d has other keys", i)
		}
	}
	if create(t, again, lot) != got[0] || create(t, again, uuid.NewString()).cutoff == got[0].cutoff {
		t.Error("keys do not belong to their lot")
	}
	if bytes.Equal(again.Derive("x"), again.Derive("y")) {
		t.Error("two purposes have one secret")
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		info, err := f.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 || len(list) != 3 {
		t.Errorf("mode %v, %d files: the platform's and two lots'", info.Mode(), len(list))
	}
}

// Every order is refused until there is a judge, and then by its word alone; a
// partial is proven and opens what was wrapped to the lot's key.
func TestStore_ReleasesByPermitOnly(t *testing.T) {
	t.Parallel()
	s, lot := open(t, t.TempDir()), uuid.NewString()
	p := create(t, s, lot)
	o := keystore.Order{Lot: lot, Stage: keystore.Contents, Digest: "sm3:x"}
	if _, err := s.Release(ctx, o); err == nil {
		t.Fatal("released without a judge")
	}
	no := errors.New("not permitted")
	s.SetPermit(func(_ context.Context, o keystore.Order) error {
		if o.Digest != "sm3:x" || o.Stage != keystore.Contents {
			return no
		}
		return nil
	})
	if _, err := s.Release(ctx, keystore.Order{Lot: lot, Stage: keystore.Owners, Digest: "sm3:x"}); !errors.Is(err, no) {
		t.Errorf("another stage: %v", err)
	}
	if _, err := s.Release(ctx, keystore.Order{Lot: lot, Stage: keystore.Contents, Digest: "sm3:y"}); !errors.Is(err, no) {
		t.Errorf("another bid: %v", err)
	}
	o.Wraps = []string{"nonsense"}
	if _, err := s.Release(ctx, o); err == nil {
		t.Error("released for nonsense")
	}
	if _, err := seal.ParsePublicKey(p.opening); err != nil {
		t.Error(err)
	}
}

func TestStore_Tag(t *testing.T) {
	t.Parallel()
	s, a, b := open(t, t.TempDir()), uuid.NewString(), uuid.NewString()
	create(t, s, a)
	create(t, s, b)
	tag := func(lot, input string) string {
		got, err := s.Tag(lot, []byte(input))
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	first, again := tag(a, "k/1"), tag(a, "k/1")
	if first != again || first == tag(a, "k/2") || tag(a, "k/1") == tag(b, "k/1") {
		t.Error("a tag belongs to its lot and its input")
	}
}

func TestStore_Refusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for _, bad := range []string{"", "../platform", "x"} {
		if _, _, _, err := s.CreateLot(bad); err == nil {
			t.Errorf("keys for lot %q", bad)
		}
		if _, err := s.CutoffKey(bad); err == nil {
			t.Errorf("the cut-off key of lot %q", bad)
		}
	}
	if _, err := s.VRFKey(uuid.NewString()); err == nil {
		t.Error("a key of a lot that has none")
	}
	lot := uuid.NewString()
	if err := os.WriteFile(filepath.Join(dir, "lot-"+lot+".json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CutoffKey(lot); err == nil {
		t.Error("a damaged file gives a key")
	}
	if err := os.WriteFile(filepath.Join(dir, "platform.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.Open(dir); err == nil {
		t.Error("a damaged platform file is written over")
	}
}
