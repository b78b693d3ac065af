package firm_test

import (
	"bytes"
	"testing"
	"time"

	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
	"jianbiao/server/firm"
)

// A bid, its replacement and its withdrawal are one chain under one key; a bid
// after the withdrawal begins another.
func TestFirm_BidsAgainAfterAWithdrawal(t *testing.T) {
	t.Parallel()
	f, err := firm.New("苏北建设集团有限公司", "91321300260000033B", "王建设")
	if err != nil {
		t.Fatal(err)
	}
	cutoff, opening := key(t), key(t)
	l := firm.Lot{ID: "0191b1e2-0000-7000-8000-000000000001", Title: "施工", DocumentVersion: 1, CutoffKey: cutoff, OpeningKey: opening, Deadline: time.Now().Add(time.Hour).Truncate(time.Second)}
	const bid = seal.KindBid
	var numbers []int
	var keys []string
	for _, kind := range []seal.Kind{bid, bid, seal.KindWithdrawal, bid} {
		var out bytes.Buffer
		envelope := func() (vault.Bid, error) { return f.Withdraw(&out, l, time.Now()) }
		if kind == bid {
			envelope = func() (vault.Bid, error) {
				return f.Seal(&out, l, firm.Offer{Price: "45000000.00", Duration: 300, Quality: "合格", Manager: "李工"}, time.Now())
			}
		}
		b, err := envelope()
		if err != nil {
			t.Fatal(err)
		}
		f.Vault.Keep(b)
		numbers, keys = append(numbers, b.Header.Number), append(keys, b.Header.OneTimeKey.Text())
	}
	if numbers[0] != 1 || numbers[1] != 2 || numbers[2] != 3 || numbers[3] != 1 {
		t.Errorf("numbers are %v", numbers)
	}
	if keys[0] != keys[1] || keys[1] != keys[2] || keys[3] == keys[0] {
		t.Error("one chain has one key, and the next another")
	}
}

func key(t *testing.T) string {
	t.Helper()
	k, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k.Public().Text()
}
