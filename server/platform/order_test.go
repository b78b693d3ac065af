package platform_test

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"jianbiao/server/platform"
)

// The same attacker reads the tables in the order in which a dump has them: a
// row that was written again has moved. Those who bid have saved their vaults,
// before and after; the others have only looked. From the places, sizes and
// tags of vaults and sessions he must not tell the ones from the others.
func TestSecrecy_TheOrderOfADumpTellsNotWhoBid(t *testing.T) {
	t.Parallel()
	const firms, bidders = 30, 15
	p, site := quiet(t, io.Discard, nil)
	lots := publish(t, p, 3)
	all := people(t, p, site, firms)
	rng := rand.New(rand.NewPCG(20260302, 2))
	bids := map[string]bool{}
	for place, i := range rng.Perm(firms) { // each comes once, in any order
		c := all[i]
		for _, l := range lots {
			c.get(t, "/api/lots/"+l.ID)
		}
		c.vault(t, "")
		if place%2 == 0 {
			bids[c.person] = true
			c.vault(t, "the keys of a bid")
			c.bid(t, lots[rng.IntN(len(lots))])
			c.vault(t, "the keys of a bid, and its receipt")
		}
	}
	if len(bids) != bidders {
		t.Fatalf("%d bid", len(bids))
	}
	for name, features := range map[string]map[string]float64{
		"place of the vault":   places(t, p, `SELECT person_id FROM vault ORDER BY ctid`),
		"place of the session": places(t, p, `SELECT person_id FROM session ORDER BY ctid`),
		"place of the person":  places(t, p, `SELECT id FROM person ORDER BY ctid`),
		"size of the vault":    numbers(t, p, `SELECT person_id AS id, octet_length(blob) AS n FROM vault`),
		"end of the session":   numbers(t, p, `SELECT person_id AS id, EXTRACT(EPOCH FROM expires_at) AS n FROM session`),
		"tag of the vault":     numbers(t, p, `SELECT person_id AS id, ('x' || substr(etag, 1, 7))::bit(28)::int AS n FROM vault`),
	} {
		auc := area(all, bids, features)
		t.Logf("%s: area under the curve %.2f", name, auc)
		if math.Abs(auc-0.5) > 3.5*chance(bidders, firms-bidders) {
			t.Errorf("%s tells who bid: area under the curve %.2f", name, auc)
		}
	}
	// A vault that is written alone moves to the end: this the attack finds.
	alone := places(t, p, `SELECT id FROM person ORDER BY ctid`)
	for id := range alone {
		if bids[id] {
			alone[id] += 1e6
		}
	}
	if auc := area(all, bids, alone); math.Abs(auc-0.5) <= 3.5*chance(bidders, firms-bidders) {
		t.Errorf("the attack does not find rows that have moved: %.2f", auc)
	}
}

// vault loads the vault, and saves something in it unless that is nothing.
func (c *client) vault(t *testing.T, save string) {
	t.Helper()
	do := func(method string, body io.Reader, tag string) (string, int) {
		req, err := http.NewRequestWithContext(t.Context(), method, c.site+"/api/vault", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		if tag != "" {
			req.Header.Set("If-Match", tag)
		}
		res, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.Header.Get("ETag"), res.StatusCode
	}
	tag, status := do(http.MethodGet, nil, "")
	if status != http.StatusOK {
		t.Fatalf("load the vault: %d", status)
	}
	if save == "" {
		return
	}
	if _, status := do(http.MethodPut, bytes.NewReader([]byte(strings.Repeat(save, 50))), tag); status != http.StatusNoContent {
		t.Fatalf("save the vault: %d", status)
	}
}

// places are the positions of rows in the order in which the table is read.
func places(t *testing.T, p *platform.Platform, query string) map[string]float64 {
	t.Helper()
	var ids []string
	if err := p.DB.SelectContext(t.Context(), &ids, query); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for i, id := range ids {
		out[id] = float64(i)
	}
	return out
}

func numbers(t *testing.T, p *platform.Platform, query string) map[string]float64 {
	t.Helper()
	var rows []struct {
		ID string  `db:"id"`
		N  float64 `db:"n"`
	}
	if err := p.DB.SelectContext(t.Context(), &rows, query); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, r := range rows {
		out[r.ID] = r.N
	}
	return out
}

// area is the share of pairs of a firm that bid and one that did not in which
// the feature is larger for the first; one half is chance.
func area(all []*client, bids map[string]bool, feature map[string]float64) float64 {
	wins, pairs := 0.0, 0.0
	for _, a := range all {
		for _, b := range all {
			if !bids[a.person] || bids[b.person] {
				continue
			}
			pairs++
			switch x, y := feature[a.person], feature[b.person]; {
			case x > y:
				wins++
			case x == y:
				wins += 0.5
			}
		}
	}
	return wins / pairs
}

// chance is the standard deviation of the area when the feature says nothing.
func chance(n, m float64) float64 { return math.Sqrt((n + m + 1) / (12 * n * m)) }
