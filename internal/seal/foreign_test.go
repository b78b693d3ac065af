package seal_test

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"jianbiao/internal/seal"

	"github.com/emmansun/gmsm/sm4"
)

// Made by sm-crypto-v2 1.15.1, another implementation of the suite.
const (
	foreignPrivate   = "8dWXaznC1wzehVDpdpa0nymTO9KuR3HuvBbRecMFUeY"
	foreignPublic    = "BGR8jTpiCKckXMgLn_8c9NS-gcU95oOOASlr5Y7nVsNusQ3zA0Cohxs9d4cZWPiAVbjb9v_-WROFfnbMInT9elg"
	foreignCapsule   = "BGMCVGX9YfvxT6q1RM2efpmSMTjMAnsKIhafxf_-FarUJW3lqiizn7kc8UOXF2j9scg7ruPhSOJy194Qz3Y0eSh30ZcxIOasRUykbHWtEcY2JpKSFPfRRYcRADjMymhet7Dom-cf_wX1wej9sY2SqnA5gVQqNRshS5_KOxbU3x9E"
	foreignSignature = "jL7x7f8AISfV0_akdZNd_Yt8EH2UZafmVwX36x3qMoZ3eunlXGREizSV64b1H-N4GjrPkOjjAxG8uZJM40tS-w"
	foreignGCM       = "a8cd51fa32aab1d15d4bab154b4c30e0df6893acf50034f080885c9e5dea71421cd24c2e6836454a4ada66c58c8c91d4"
	foreignSM3       = "sm3:e69e54bc358a66ba58341f82607a310ec0b5a427922d36e71f77613fd7a8c336"
	foreignPart      = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

// TestForeign reads what another implementation made. The other direction is
// testdata/reader.mjs, which opens the vectors.
func TestForeign(t *testing.T) {
	t.Parallel()
	k, err := seal.ParsePrivateKey(foreignPrivate)
	if err != nil || k.Public().Text() != foreignPublic {
		t.Fatalf("key %v, %v", k, err)
	}
	part, err := seal.UnwrapTender(k, seal.Section{WrapTender: foreignCapsule})
	if err != nil || hex.EncodeToString(part) != foreignPart {
		t.Errorf("capsule: %x, %v", part, err)
	}
	if err := k.Public().Verify(seal.TagRelease, []byte("分量"), foreignSignature); err != nil {
		t.Errorf("signature: %v", err)
	}
	d := seal.NewDigest()
	if _, _ = d.Write([]byte("简标")); d.Sum() != foreignSM3 {
		t.Errorf("digest %s", d.Sum())
	}
	block, err := sm4.NewCipher(unhex(t, "000102030405060708090a0b0c0d0e0f"))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, unhex(t, "000000000000000000000101"), unhex(t, foreignGCM), unhex(t, "aabb"))
	if err != nil || hex.EncodeToString(plain) != foreignPart {
		t.Errorf("SM4-GCM: %x, %v", plain, err)
	}
}

// TestKeys: text forms, and that secrets do not print.
func TestKeys(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "__________________________________________8", foreignPrivate + "=", foreignPrivate[1:]} {
		if k, err := seal.ParsePrivateKey(bad); err == nil {
			t.Errorf("private key %q accepted as %v", bad, k)
		}
	}
	for _, bad := range []string{"", "BAAA", "A" + foreignPublic[1:], foreignPublic[:80] + "AAAAAAA", foreignPublic + "A"} {
		if k, err := seal.ParsePublicKey(bad); err == nil {
			t.Errorf("public key %q accepted as %v", bad, k)
		}
	}
	k, err := seal.ParsePrivateKey(foreignPrivate)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := seal.ParsePrivateKey(k.Text()); err != nil || again.Text() != foreignPrivate {
		t.Errorf("text: %v", err)
	}
	printed(t, k)
}

func printed(t *testing.T, k seal.PrivateKey) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", k)
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", k)
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %q", k, k, k, k, k), fmt.Sprintf("%v", []seal.PrivateKey{k}), log.String()} {
		if strings.Contains(s, foreignPrivate) || !strings.Contains(s, foreignPublic) {
			t.Errorf("printed as %s", s)
		}
	}
}
