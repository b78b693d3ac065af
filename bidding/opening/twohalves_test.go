package opening_test

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The simulation behind docs/adr/0008-two-halves-of-the-window.md. Eight bids are scored by
// the usual deviation from their mean (highest and lowest left out above five
// bids; a point lost for each per cent above, half a point for each below).
// Three of them belong to a ring. If contents were opened as parts arrive, the
// ring could see the other prices and then let some of its own bids fail to
// decrypt, which moves the mean. With the two halves it decides blind.
func TestTwoHalves_WhyNobodyMayChooseToFailAfterSeeing(t *testing.T) {
	t.Parallel()
	const bids, ring, trials = 8, 3, 40_000
	rng := rand.New(rand.NewPCG(2026, 3))
	blind, seeing := 0, 0
	prices := make([]float64, bids)
	for range trials {
		for i := range prices {
			prices[i] = 100 + 3*rng.NormFloat64()
		}
		if winner(prices, all(bids)) < ring {
			blind++
		}
		if canSteer(prices, ring) {
			seeing++
		}
	}
	b, s := 100*float64(blind)/trials, 100*float64(seeing)/trials
	t.Logf("a ring of %d among %d wins %.1f %% deciding blind, %.1f %% when it may withhold after seeing", ring, bids, b, s)
	if math.Abs(b-37.5) > 1 {
		t.Errorf("deciding blind the ring should win 3 of 8, won %.1f %%", b)
	}
	if s < 58 || s > 66 {
		t.Errorf("withholding after seeing won %.1f %%; the decision record says about 62 %%", s)
	}
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// canSteer says whether some choice of which ring bids to withhold makes a ring
// bid win. The ring's bids are the first of prices; one at least must stay.
func canSteer(prices []float64, ring int) bool {
	for withheld := range (1 << ring) - 1 {
		var in []int
		for i := range prices {
			if i >= ring || withheld&(1<<i) == 0 {
				in = append(in, i)
			}
		}
		if winner(prices, in) < ring {
			return true
		}
	}
	return false
}

// winner is the index of the bid with the highest price score.
func winner(prices []float64, in []int) int {
	base := trimmedMean(prices, in)
	best, score := -1, math.Inf(-1)
	for _, i := range in {
		dev := (prices[i] - base) / base * 100
		s := -dev
		if dev < 0 {
			s = dev / 2
		}
		if s > score {
			best, score = i, s
		}
	}
	return best
}

func trimmedMean(prices []float64, in []int) float64 {
	lo, hi, sum := math.Inf(1), math.Inf(-1), 0.0
	for _, i := range in {
		sum += prices[i]
		lo, hi = min(lo, prices[i]), max(hi, prices[i])
	}
	n := float64(len(in))
	if len(in) > 5 {
		sum, n = sum-lo-hi, n-2
	}
	return sum / n
}
