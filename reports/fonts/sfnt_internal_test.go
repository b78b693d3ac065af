package fonts

import "testing"

func TestDamagedFilesAreRefused(t *testing.T) {
	t.Parallel()
	whole := Title.TTF()
	for name, data := range map[string][]byte{
		"empty": nil, "short": whole[:10], "header only": whole[:40], "text": []byte("this is not a font at all, only a text"),
	} {
		if _, err := parse(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for at := 0; at < 400; at += 7 { // any damaged byte of the directory: an answer, no panic
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= 0xFF
		_, _ = parse(damaged)
	}
	if _, err := unpack([]byte("not gzip")); err == nil {
		t.Error("not gzip: accepted")
	}
}
