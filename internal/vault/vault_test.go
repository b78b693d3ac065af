package vault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
)

const passphrase = "骆马湖边的第三棵柳树 7"

var now = time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)

func filled(t testing.TB) *vault.Vault {
	t.Helper()
	v, err := vault.New(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	k, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	v.Doc.Keep(vault.Bid{Lot: "L1", Digest: "sm3:aa", Bidder: k, OneTime: k, Header: seal.Header{Number: 1}})
	v.Doc.Followed = append(v.Doc.Followed, vault.Followed{Lot: "L1", Title: "宿迁市某道路工程"})
	v.Doc.Drafts = append(v.Doc.Drafts, vault.Draft{Lot: "L1", Form: json.RawMessage(`{"price":"1.00"}`)})
	return v
}

func save(t testing.TB, v *vault.Vault) []byte {
	t.Helper()
	blob, err := v.Save(now)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	v := filled(t)
	first, second := save(t, v), save(t, v)
	got, err := vault.Open(second, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := v.Doc.Bid("sm3:aa")
	if b, ok := got.Doc.Bid("sm3:aa"); !ok || b.Bidder.Text() != want.Bidder.Text() {
		t.Errorf("bid %+v", b)
	}
	if got.Doc.Revision != 2 || got.Doc.SavedAt != "2026-03-02T01:00:00Z" || string(got.Doc.Drafts[0].Form) != `{"price":"1.00"}` {
		t.Errorf("document %+v", got.Doc)
	}
	if len(first) != 256<<10 || len(second) != len(first) {
		t.Errorf("sizes %d, %d", len(first), len(second))
	}
	same := 0
	for i := range first[63:] {
		if first[63+i] == second[63+i] {
			same++
		}
	}
	if same > len(first)/200 { // 1 in 256 by chance
		t.Errorf("%d bytes the same in two saves", same)
	}
	if bytes.Contains(first, []byte("L1")) && bytes.Contains(first, []byte("price")) {
		t.Error("contents in the clear")
	}
}

func TestWrongPassphrase(t *testing.T) {
	t.Parallel()
	blob := save(t, filled(t))
	_, err := vault.Open(blob, passphrase+" ")
	if !errors.Is(err, vault.ErrWrongPassphrase) || apperr.CodeOf(err) != "vault.wrong_passphrase" {
		t.Errorf("got %v", err)
	}
}

// Ten wrong passphrases in a row lock nothing: it is the bidder's own machine,
// and the hour is that of his opening.
func TestWrongPassphrase_TenTimes(t *testing.T) {
	t.Parallel()
	blob := save(t, filled(t))
	for i := range 10 {
		_, err := vault.Open(blob, fmt.Sprintf("不是这个口令-%d", i))
		e, ok := apperr.From(err)
		if !ok || e.Code != "vault.wrong_passphrase" || !strings.Contains(e.Detail, "可以继续试") || !strings.Contains(e.Detail, "备份") {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if _, err := vault.Open(blob, passphrase); err != nil {
		t.Errorf("the right one after ten wrong ones: %v", err)
	}
}

func TestTampered(t *testing.T) {
	t.Parallel()
	blob := save(t, filled(t))
	for at, want := range map[int]error{
		0: vault.ErrNotVault, 8: vault.ErrNotVault, 10: vault.ErrNotVault, 11: vault.ErrNotVault,
		20: vault.ErrWrongPassphrase, 35: vault.ErrWrongPassphrase, 50: vault.ErrDamaged, 100: vault.ErrDamaged, len(blob) - 1: vault.ErrDamaged,
	} {
		bad := bytes.Clone(blob)
		bad[at] ^= 0x40
		if _, err := vault.Open(bad, passphrase); !errors.Is(err, want) {
			t.Errorf("byte %d: %v, want %v", at, err, want)
		}
	}
	if _, err := vault.Open(blob[:len(blob)-step], passphrase); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("cut: %v", err)
	}
	if _, err := vault.Open(blob[:90], passphrase); !errors.Is(err, vault.ErrNotVault) {
		t.Errorf("cut short: %v", err)
	}
}

const step = 64 << 10

func TestChangePassphrase(t *testing.T) {
	t.Parallel()
	v := filled(t)
	const next = "a quite different one, 8 words"
	if err := v.ChangePassphrase("wrong wrong wrong", next); !errors.Is(err, vault.ErrWrongPassphrase) {
		t.Errorf("wrong old one: %v", err)
	}
	if err := v.ChangePassphrase(passphrase, "short"); apperr.CodeOf(err) != "vault.weak_passphrase" {
		t.Errorf("weak new one: %v", err)
	}
	if _, err := vault.Open(save(t, v), passphrase); err != nil {
		t.Errorf("after refused changes: %v", err)
	}
	if err := v.ChangePassphrase(passphrase, next); err != nil {
		t.Fatal(err)
	}
	blob := save(t, v)
	if _, err := vault.Open(blob, passphrase); !errors.Is(err, vault.ErrWrongPassphrase) {
		t.Errorf("old one: %v", err)
	}
	if _, err := vault.Open(blob, next); err != nil {
		t.Errorf("new one: %v", err)
	}
}

func TestPadding(t *testing.T) {
	t.Parallel()
	v := filled(t)
	v.Doc.Settings["x"] = strings.Repeat("x", 300_000)
	if n := len(save(t, v)); n != 5*step {
		t.Errorf("size %d", n)
	}
	v.Doc.Settings["x"] = strings.Repeat("x", vault.MaxSize)
	if _, err := v.Save(now); !errors.Is(err, vault.ErrTooLarge) {
		t.Errorf("too much: %v", err)
	}
	v.Doc.Settings = nil
	v.Doc.Drafts[0].Form = json.RawMessage(`{"price":1.5}`)
	if _, err := v.Save(now); !errors.Is(err, vault.ErrContents) {
		t.Errorf("a float: %v", err)
	}
}

func TestNewerDocumentIsRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`{"v":2}`, `{"v":1,"future":[]}`, `x`} {
		if _, err := vault.ParseDocument([]byte(raw)); !errors.Is(err, vault.ErrNotVault) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	var d vault.Document
	for i, lot := range []string{"a", "b", "a"} {
		d.Keep(vault.Bid{Lot: lot, Digest: string(rune('0' + i)), Header: seal.Header{Number: i + 1}})
	}
	d.Keep(vault.Bid{Lot: "b", Digest: "1", Title: "again", Header: seal.Header{Number: 2}})
	if b, ok := d.Current("a"); !ok || b.Digest != "2" || len(d.Bids) != 3 {
		t.Errorf("current %+v of %d", b, len(d.Bids))
	}
	if b, ok := d.Bid("1"); !ok || b.Title != "again" {
		t.Errorf("kept %+v", b)
	}
	if _, ok := d.Current("c"); ok {
		t.Error("found a lot that is not there")
	}
}

func TestCheckPassphrase(t *testing.T) {
	t.Parallel()
	for _, good := range []string{passphrase, "correct horse battery", "Tr0ub4dor&3x", "我家门前有两棵树都是枣树", "8264019375284619", "passwords are not enough here"} {
		if err := vault.CheckPassphrase(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "short", "九个字符的口令不够", "1234567890", "82640193752", "aaaaaaaaaaaa", "abababababab", "abcdefghijkl", "12345678abcd",
		"password123", "Password1234", "qwertyuiop1", "admin12345", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09", "\xff1234567890", strings.Repeat("好坏多少长短", 100)} {
		if err := vault.CheckPassphrase(bad); apperr.CodeOf(err) != "vault.weak_passphrase" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
