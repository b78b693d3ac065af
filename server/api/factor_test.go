package api

import (
	"log/slog"
	"strings"
	"testing"
)

// A line of the table that names no route protects nothing, without a word.
func TestSensitive_NamesRoutesThatExist(t *testing.T) {
	t.Parallel()
	a := New(Deps{Log: slog.Default()})
	RegisterTrade(a, Trade{})
	for key := range sensitive {
		if strings.Contains(key, " ") && a.byKey[key] == nil {
			t.Errorf("no route %s", key)
		}
	}
}
