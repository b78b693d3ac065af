package vrf_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"jianbiao/internal/vrf"
)

// The examples 16, 17 and 18 of RFC 9381, appendix B.3.
var examples = []struct{ seed, public, alpha, proof, output string }{
	{
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
		"90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
	},
	{
		"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		"f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
		"eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
	},
	{
		"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
		"645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c452118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
	},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, e := range examples {
		seed, alpha := unhex(t, e.seed), unhex(t, e.alpha)
		public, err := vrf.Public(seed)
		if err != nil || hex.EncodeToString(public) != e.public {
			t.Errorf("public %x, %v", public, err)
		}
		proof, err := vrf.Prove(seed, alpha)
		if err != nil || hex.EncodeToString(proof) != e.proof {
			t.Errorf("proof %x, %v", proof, err)
		}
		output, err := vrf.Verify(public, alpha, unhex(t, e.proof))
		if err != nil || hex.EncodeToString(output) != e.output {
			t.Errorf("output %x, %v", output, err)
		}
		if hash, err := vrf.Hash(proof); err != nil || !bytes.Equal(hash, output) {
			t.Errorf("hash %x, %v", hash, err)
		}
	}
}

// The proof of example 18 as drafts up to 10 made it has the same Gamma and the
// same output; its challenge does not bind the key.
func TestDraftProofIsRefused(t *testing.T) {
	t.Parallel()
	const draft = "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80e29dc513c01c3a980e0e545bcd848222d08a6c3e3665ff5a4cab13a643bef812e284c6b2ee063a2cb4f456794723ad0a"
	if hash, err := vrf.Hash(unhex(t, draft)); err != nil || hex.EncodeToString(hash) != examples[2].output {
		t.Fatalf("not the draft's proof: %x, %v", hash, err)
	}
	if _, err := vrf.Verify(unhex(t, examples[2].public), []byte{0xaf, 0x82}, unhex(t, draft)); !errors.Is(err, vrf.ErrProof) {
		t.Errorf("got %v", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	public, proof := unhex(t, examples[1].public), unhex(t, examples[1].proof)
	for i := range proof {
		bad := bytes.Clone(proof)
		bad[i] ^= 4
		if _, err := vrf.Verify(public, []byte{0x72}, bad); err == nil {
			t.Fatalf("byte %d flipped: accepted", i)
		}
	}
	if _, err := vrf.Verify(public, []byte{0x73}, proof); !errors.Is(err, vrf.ErrProof) {
		t.Errorf("another input: %v", err)
	}
	if _, err := vrf.Verify(unhex(t, examples[0].public), []byte{0x72}, proof); !errors.Is(err, vrf.ErrProof) {
		t.Errorf("another key: %v", err)
	}
	for _, n := range []int{0, 79, 81} {
		if _, err := vrf.Verify(public, []byte{0x72}, make([]byte, n)); !errors.Is(err, vrf.ErrProof) {
			t.Errorf("proof of %d bytes: %v", n, err)
		}
	}
	// s + q is the same scalar, not canonical.
	order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	bent, carry := bytes.Clone(proof), 0
	for i, q := range order {
		carry += int(bent[48+i]) + int(q)
		bent[48+i] = byte(carry)
		carry >>= 8
	}
	if _, err := vrf.Verify(public, []byte{0x72}, bent); !errors.Is(err, vrf.ErrProof) {
		t.Errorf("s not reduced: %v", err)
	}
}

// TestSmallKeys: a key of small order would make every output predictable.
func TestSmallKeys(t *testing.T) {
	t.Parallel()
	for _, k := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 1 again, not canonical
		"0200000000000000000000000000000000000000000000000000000000000000", // not on the curve
		"00",
	} {
		if _, err := vrf.Verify(unhex(t, k), nil, unhex(t, examples[0].proof)); !errors.Is(err, vrf.ErrKey) {
			t.Errorf("key %.8s: %v", k, err)
		}
	}
	if _, err := vrf.Prove(make([]byte, 31), nil); !errors.Is(err, vrf.ErrKey) {
		t.Errorf("short seed: %v", err)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	const n, rounds = 7, 70_000
	var seen [n]int
	beta := make([]byte, vrf.OutputSize)
	for i := range rounds {
		beta[0], beta[1], beta[2] = byte(i), byte(i>>8), byte(i>>16)
		seen[vrf.Choose(beta, n)]++
	}
	chi := 0.0
	for _, k := range seen {
		d := float64(k - rounds/n)
		chi += d * d / (rounds / n)
	}
	if chi > 22.5 { // 6 degrees of freedom, one in a thousand; the input is fixed
		t.Errorf("chi squared %.1f: %v", chi, seen)
	}
	if vrf.Choose(beta, 0) != -1 || vrf.Choose(beta, -3) != -1 || vrf.Choose(beta, 1) != 0 {
		t.Error("edges of n")
	}
	if a, b := vrf.Choose(unhex(t, examples[0].output), 41), vrf.Choose(unhex(t, examples[0].output), 41); a != b {
		t.Error("not a function")
	}
}

func BenchmarkProve(b *testing.B) {
	seed := unhex(b, examples[0].seed)
	for b.Loop() {
		if _, err := vrf.Prove(seed, []byte("input")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	public, proof := unhex(b, examples[1].public), unhex(b, examples[1].proof)
	for b.Loop() {
		if _, err := vrf.Verify(public, []byte{0x72}, proof); err != nil {
			b.Fatal(err)
		}
	}
}
