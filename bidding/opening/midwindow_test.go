package opening_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/seal"
)

// everything is the whole database as text, hex columns read as bytes too, and
// the whole folder of files.
func everything(t *testing.T, c *biddingtest.City) [][]byte {
	t.Helper()
	var out [][]byte
	var tables []string
	c.Must(c.DB.Owner.Select(&tables, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`))
	for _, table := range tables {
		var rows []string
		c.Must(c.DB.Owner.Select(&rows, `SELECT CAST(to_jsonb(x) AS text) FROM `+table+` x`))
		for _, row := range rows {
			out = append(out, []byte(row))
			for part := range strings.SplitSeq(row, `"`) {
				if raw, err := hex.DecodeString(strings.TrimPrefix(part, `\\x`)); err == nil && len(raw) > 4 {
					out = append(out, raw)
				}
			}
		}
	}
	c.Must(filepath.WalkDir(filepath.Join(c.Dir, "files"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		out = append(out, []byte(d.Name()), raw)
		return err
	}))
	return out
}

// found lists which of the secrets stand somewhere, in any of their forms.
func found(where [][]byte, secrets map[string][]byte) []string {
	var out []string
	for name, s := range secrets {
		forms := [][]byte{s, []byte(hex.EncodeToString(s)), []byte(base64.RawURLEncoding.EncodeToString(s)), []byte(base64.StdEncoding.EncodeToString(s))}
		for _, text := range where {
			for _, form := range forms {
				if bytes.Contains(text, form) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// tenderParts computes, from the key store's own folder, what the opening key
// will give for every section of a bid.
func tenderParts(t *testing.T, c *biddingtest.City, l *lot.Lot, f *biddingtest.Firm) map[string][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.Dir, "keys", "lot-"+l.ID+".json"))
	c.Must(err)
	var keys struct {
		Opening seal.PrivateKey `json:"opening"`
	}
	c.Must(json.Unmarshal(raw, &keys))
	out := map[string][]byte{}
	for _, s := range f.Sealed.Header.Sections {
		if s.Parts != seal.PartsBoth {
			continue
		}
		c1, err := seal.Capsule(s.WrapTender)
		c.Must(err)
		point, err := seal.PartialOf(keys.Opening, c1)
		c.Must(err)
		part, err := seal.Combine(s.WrapTender, seal.Partial{Holder: "platform", Point: point})
		c.Must(err)
		out[f.Actor.OrganisationName+" "+s.Name] = part
	}
	return out
}

// With every released part in the database in mid-window, no price, no word of
// a price section and no part of the opening key's stands in any column of any
// table or in any file. The same search finds them once they were read out.
func TestSecrecy_MidWindowDumpHasNoPrice(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Decrypting)
	secrets := map[string][]byte{"first price": []byte("45600000"), "second price": []byte("47800000"), "third price": []byte("52000000"),
		"capital": []byte("肆仟伍佰陆拾万元整"), "manager": []byte("李建国"), "file name": []byte("已标价工程量清单"), "technical": []byte("%PDF-1.4 技术")}
	for _, f := range firms {
		c.Must(c.Release(f, l.ID))
		for name, part := range tenderParts(t, c, l, f) {
			secrets[name] = part
		}
	}
	dump := everything(t, c)
	if got := found(dump, secrets); len(got) != 0 {
		t.Errorf("in mid-window these are found: %v", got)
	}
	mine := map[string][]byte{"a released part": nil}
	mine["a released part"], _ = base64.RawURLEncoding.DecodeString(c.Parts(firms[0])["price"])
	if len(found(dump, mine)) == 0 {
		t.Error("the search does not find what is there: a released part")
	}
	c.Must(c.Openings.CloseWindow(ctx, c.Agency, l.ID))
	outcomes(t, c, c.Openings, l)
	after := strings.Join(found(everything(t, c), secrets), " ")
	for _, name := range []string{"first price", "capital", "manager", "technical"} {
		if !strings.Contains(after, name) {
			t.Errorf("the search does not find %s after the reading", name)
		}
	}
}
