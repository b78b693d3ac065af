package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jianbiao/internal/apperr"
)

// A flag that is given goes before the file, the file before the defaults; a
// file with faults starts nothing.
func TestReadSetup(t *testing.T) {
	dir := t.TempDir()
	file, bad := filepath.Join(dir, "good.toml"), filepath.Join(dir, "bad.toml")
	for path, text := range map[string]string{
		file: "addr = \"127.0.0.1:9000\"\ndata = \"" + dir + "\"\nsite = \"https://a.example\"\nsecure = true\nsecond_factor = \"required\"\n",
		bad:  "adr = 1\nx = 2\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DATABASE_URL", "")
	var out bytes.Buffer
	s, err := readSetup([]string{"--config", file, "--site", "https://b.example"}, &out)
	if err != nil || s.addr != "127.0.0.1:9000" || s.platform.Data != dir || s.platform.Site != "https://b.example" || !s.platform.Secure || s.platform.SecondFactor != "required" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = readSetup([]string{"--config", file, "--secure=false", "--addr", ":1"}, &out); err != nil || s.platform.Secure || s.addr != ":1" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = readSetup(nil, &out); err != nil || s.addr != "127.0.0.1:8080" || s.platform.Data != "data" || s.platform.SecondFactor != "enrolled" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err = readSetup([]string{"--config", bad}, &out); apperr.CodeOf(err) != "config.invalid" {
		t.Error(err)
	}
	out.Reset()
	if code := serve([]string{"--config", bad}, &out, &out); code != 1 || !strings.Contains(out.String(), "有 2 处错误") {
		t.Errorf("%d %s", code, out.String())
	}
	if l, err := inherited(); l != nil || err != nil {
		t.Errorf("a socket out of nothing: %v, %v", l, err)
	}
	if code := serve([]string{"--nosuch"}, &out, &out); code != 2 {
		t.Errorf("an unknown flag: %d", code)
	}
}
