package bench_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"jianbiao/server/bench"
)

// The measurement starts its own program again for the viewers: here, that is
// the test program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		os.Exit(bench.Command(os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestCommand_HallEndsWithAResult(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := bench.Command([]string{"hall", "--viewers", "150", "--rounds", "3"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	var r bench.Result
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		t.Fatalf("last line %q: %v", lines[len(lines)-1], err)
	}
	if r.Bench != "hall" || r.Unit != "ms" || r.Value <= 0 || r.Peer <= 0 || r.Ratio <= 0 {
		t.Errorf("result %+v", r)
	}
	if len(lines) < 2 {
		t.Error("nothing for people to read")
	}
}

// Small runs of the measurements on a whole platform: that they measure, not
// what.
func TestCommand_TheFloorIsMeasured(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args    []string
		results []string
	}{
		{[]string{"open", "--bids", "3", "--size", "300000", "--json"}, []string{"open"}},
		{[]string{"rush", "--clients", "3", "--seconds", "1", "--rounds", "1", "--json"}, []string{"rush"}},
		{[]string{"pages", "--clients", "2", "--seconds", "1", "--rounds", "1", "--json"}, []string{"pages/lot", "pages/list"}},
	} {
		t.Run(tc.args[0], func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := bench.Command(tc.args, &stdout, &stderr); code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr.String())
			}
			lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
			if len(lines) != len(tc.results) {
				t.Fatalf("%d lines: %s", len(lines), stdout.String())
			}
			for i, name := range tc.results {
				var r bench.Result
				if err := json.Unmarshal([]byte(lines[i]), &r); err != nil || r.Bench != name || r.Value <= 0 || r.Peer <= 0 || r.Ratio <= 0 {
					t.Errorf("line %q: %+v, %v", lines[i], r, err)
				}
			}
		})
	}
}

func TestCommand_Refuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing to measure":    {nil, 2, "用法"},
		"unknown":               {[]string{"moon"}, 2, "用法"},
		"no bids":               {[]string{"open", "--bids", "0"}, 2, "用法"},
		"a word too many":       {[]string{"rush", "now"}, 2, "用法"},
		"no viewers":            {[]string{"hall", "--viewers", "0"}, 2, "用法"},
		"more files than there": {[]string{"hall", "--viewers", "2000000000"}, 1, "ulimit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := bench.Command(tc.args, &stdout, &stderr); code != tc.code || !strings.Contains(stderr.String(), tc.says) {
				t.Errorf("exit code %d: %s", code, stderr.String())
			}
			if stdout.Len() > 0 {
				t.Errorf("said %q", stdout.String())
			}
		})
	}
}
