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

func TestCommand_Refuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing to measure":    {nil, 2, "用法"},
		"unknown":               {[]string{"moon"}, 2, "用法"},
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
