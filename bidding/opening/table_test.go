package opening_test

import (
	"testing"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/keystore"
)

func keystoreOrder(lotID, digest, wrap string) keystore.Order {
	return keystore.Order{Lot: lotID, Stage: keystore.Contents, Digest: digest, Wraps: []string{wrap}}
}

func TestTables_HaveNoProblems(t *testing.T) {
	t.Parallel()
	for _, problems := range [][]string{lot.Table.Problems(), opening.Table.Problems()} {
		for _, p := range problems {
			t.Error(p)
		}
	}
}
