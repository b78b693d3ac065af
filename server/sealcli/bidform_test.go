package sealcli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
)

const (
	lead   = "91321300134567890X"
	member = "91321300MA1XTEST02"
)

var terms = tenderform.Terms{
	Sections:     []tenderform.Section{{Name: "qualification", Label: "资格", Required: true}, {Name: "price", Label: "报价", Required: true}},
	PriceCeiling: "50000", DurationDays: 365, Quality: "合格",
	Form: &tenderform.Form{
		Fields:      []tenderform.Field{{Section: "qualification", Name: "grade", Label: "资质等级", Kind: tenderform.KindText, Required: true}},
		Attachments: []tenderform.Attachment{{Section: "qualification", Name: "licence", Label: "营业执照", Required: true, Basis: "招标文件第二章"}},
		Bill: &tenderform.Bill{Section: "price", Items: []tenderform.BillItem{
			{Code: "040101001", Name: "挖土方", Unit: "m3", Quantity: "1000.5"}, {Code: "040203007", Name: "路面", Unit: "m2", Quantity: "3"}}},
		Consortium: &tenderform.Consortium{MaxMembers: 3}, Subcontracting: true,
	},
}

// formed is a desk whose tender has a form, with a bill and files at hand.
func formed(t *testing.T) *desk {
	t.Helper()
	d := setup(t)
	raw, err := json.Marshal(struct {
		Lot             string         `json:"lot"`
		Title           string         `json:"title"`
		DocumentVersion string         `json:"documentVersion"`
		Deadline        string         `json:"deadline"`
		CutoffKey       seal.PublicKey `json:"cutoffKey"`
		OpeningKey      seal.PublicKey `json:"openingKey"`
		tenderform.Terms
	}{"L1", "某道路工程", "1", "2026-03-24T09:30:00+08:00", d.cutoff.Public(), d.opening.Public(), terms})
	if err != nil {
		t.Fatal(err)
	}
	d.write("tender.json", string(raw))
	for _, file := range []string{"qualification/执照.pdf", "qualification/协议.pdf", "qualification/授权.pdf", "price/说明.pdf"} {
		if err := os.MkdirAll(filepath.Dir(d.path("files/"+file)), 0o700); err != nil {
			t.Fatal(err)
		}
		d.write("files/"+file, "%PDF-1.4 "+file)
	}
	d.bill("12.34", "1.33")
	d.form(func(map[string]any) {})
	return d
}

func (d *desk) bill(prices ...string) {
	d.t.Helper()
	var out bytes.Buffer
	if err := tenderform.WriteBill(&out, *terms.Form.Bill, []tenderform.BillLine{{Code: "040101001", UnitPrice: prices[0]}, {Code: "040203007", UnitPrice: prices[1]}}); err != nil {
		d.t.Fatal(err)
	}
	d.write("bill.xlsx", out.String())
}

// form writes form.json and gives its forms; change edits the qualification's.
func (d *desk) form(change func(qualification map[string]any)) map[string]any {
	d.t.Helper()
	qualification := map[string]any{
		"values": map[string]string{"grade": "市政一级"}, "attachments": map[string][]string{"licence": {"执照.pdf"}}, "attorney": "授权.pdf",
		"consortium": map[string]any{"lead": map[string]string{"name": "甲", "uscc": lead, "share": "70"}, "agreement": "协议.pdf",
			"members": []map[string]string{{"name": "乙", "uscc": member, "share": "30"}}},
		"subcontracts": []map[string]string{{"scope": "标线", "firm": "", "share": "5"}},
	}
	change(qualification)
	forms := map[string]any{"qualification": qualification, "price": map[string]any{"price": "12,350.16", "durationDays": 300, "quality": "合格", "manager": "赵工"}}
	raw, err := json.Marshal(map[string]any{"forms": forms,
		"owner": map[string]string{"name": "甲", "uscc": lead, "legalRepresentative": "王建国", "agent": "李四"}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("form.json", string(raw))
	return forms
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *desk) formedBid(out string, more ...string) (result, int, string) {
	d.t.Helper()
	args := []string{"--form", d.path("form.json"), "--files", d.path("files"), "--bill", d.path("bill.xlsx"), "--new-vault", "--new-signing-keys"}
	return d.seal(out, append(args, more...)...)
}

func TestIncompleteBidIsNotSealed(t *testing.T) {
	t.Parallel()
	d := formed(t)
	for name, c := range map[string]struct {
		spoil func()
		more  []string
		said  []string
	}{
		"paper missing": {func() { d.form(func(q map[string]any) { delete(q, "attachments") }) }, nil, []string{"✗ qualification.attachments.licence：缺少“营业执照”", "招标文件第二章", "（seal.incomplete）"}},
		"member twice": {func() {
			d.form(func(q map[string]any) {
				q["consortium"].(map[string]any)["members"] = []map[string]string{{"name": "甲", "uscc": lead, "share": "30"}}
			})
		}, nil, []string{"✗ qualification.consortium.members.0.uscc", "实施条例第三十七条"}},
		"unknown member": {func() { d.form(func(q map[string]any) { q["colour"] = "red" }) }, nil, []string{"（form.unreadable）", "colour"}},
		"no price":       {func() { d.bill("12.34", "") }, nil, []string{"✗ bill.xlsx 第 3 行 F 列（单价）：没有填写“路面”的单价", "✗ price.bill"}},
		"sum differs":    {func() { d.bill("12.34", "1.34") }, nil, []string{"✗ price.bill：清单合价之和 12,350.19 元与报价 12,350.16 元相差 0.03 元"}},
		"only a check":   {func() { d.bill("12.34", "1.34") }, []string{"--check"}, []string{"✗ price.bill：", "（seal.incomplete）"}},
		"not a workbook": {func() { d.write("bill.xlsx", "PK") }, nil, []string{"（bill.not_xlsx）"}},
	} {
		c.spoil()
		_, code, said := d.formedBid("no.jbe", c.more...)
		for _, words := range c.said {
			if code != 2 || !strings.Contains(said, words) {
				t.Errorf("%s: exit %d, no %q in\n%s", name, code, words, said)
			}
		}
		if _, err := os.Stat(d.path("no.jbe")); err == nil {
			t.Errorf("%s: sealed all the same", name)
		}
		d.form(func(map[string]any) {})
		d.bill("12.34", "1.33")
	}
	d.bill("12.34", "1.34")
	if _, code, said := d.formedBid("draft.jbe", "--draft"); code != 0 || !strings.Contains(said, "✗ price.bill") {
		t.Errorf("a draft: exit %d, %s", code, said)
	}
}

func TestBillTemplate(t *testing.T) {
	t.Parallel()
	d := formed(t)
	if _, code, said := run(t, sealCommand, "--tender", d.path("tender.json"), "--bill-template", d.path("empty.xlsx")); code != 0 {
		t.Fatal(said)
	}
	raw := d.read("empty.xlsx")
	if got, err := tenderform.ReadBill(*terms.Form.Bill, bytes.NewReader(raw), int64(len(raw))); err != nil || len(got.Problems) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSameBidOnlineAndOffline makes one bid with the command and one with the
// browser's program, and compares what comes out when both are opened.
func TestSameBidOnlineAndOffline(t *testing.T) {
	t.Parallel()
	d := formed(t)
	forms := d.form(func(map[string]any) {})
	if _, code, said := d.formedBid("offline.jbe"); code != 0 {
		t.Fatal(said)
	}
	v, err := vault.Open(d.read("vault"), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := v.Doc.Current("L1")
	signing := map[string]seal.PrivateKey{}
	for _, k := range v.Doc.Signing {
		signing[k.Use] = k.Key
	}
	raw, err := json.Marshal(map[string]any{"terms": terms,
		"bid": map[string]any{"owner": map[string]string{"name": "甲", "uscc": lead, "legalRepresentative": "王建国", "agent": "李四"}, "forms": forms,
			"files": map[string][]string{"qualification": {"协议.pdf", "执照.pdf", "授权.pdf"}, "price": {"说明.pdf"}}},
		"seal": map[string]any{"lot": "L1", "documentVersion": "1", "cutoffKey": d.cutoff.Public(), "openingKey": d.opening.Public(), "deadline": "2026-03-24T01:30:00Z", "kind": "bid",
			"number": 1, "oneTime": kept.OneTime, "bidder": kept.Bidder, "firm": signing["firm"], "signatory": signing["agent"],
			"owner": seal.Owner{Name: "甲", USCC: lead, LegalRepresentative: "王建国", Agent: "李四", Capacity: seal.CapacityAgent, SignedAt: "2026-03-23T09:00:00+08:00"}}})
	if err != nil {
		t.Fatal(err)
	}
	d.write("online.json", string(raw))
	build := exec.Command(filepath.Join("..", "..", "scripts", "build-sealer.sh"), d.path("wasm"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("node", "testdata/online.mjs", d.path("wasm/wasm_exec.js"), d.path("wasm/sealer.wasm"), d.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := string(d.read("online-problems.json")); got != `{"lines":[],"problems":[]}` {
		t.Errorf("problems online: %s", got)
	}
	for _, name := range []string{"online", "offline"} {
		args := []string{"--cutoff-key", d.path("cutoff.key"), "--opening-key", d.path("opening.key"), "--out", d.path(name)}
		head, err := seal.ReadHeader(bytes.NewReader(d.read(name+".jbe")), d.cutoff)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"price", "qualification"} {
			sec, _ := head.Section(s)
			part, err := seal.UnwrapBidder(kept.Bidder, sec)
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, "--bidder-part", s+"="+base64url(part))
		}
		if _, code, said := d.unseal(name+".jbe", args...); code != 0 {
			t.Fatalf("%s: %s", name, said)
		}
	}
	for _, file := range []string{"price/form.json", "qualification/form.json", "price/说明.pdf", "qualification/执照.pdf"} {
		online, offline := d.read("online/"+file), d.read("offline/"+file)
		if !bytes.Equal(online, offline) || len(online) < 20 {
			t.Errorf("%s differs:\n%s\n%s", file, online, offline)
		}
	}
	if !bytes.Contains(d.read("online/price/form.json"), []byte(`"capital":"壹万贰仟叁佰伍拾元壹角陆分"`)) {
		t.Errorf("price form: %s", d.read("online/price/form.json"))
	}
	if _, code, said := run(t, sealCommand, "--tender", d.path("tender.json"), "--bill-template", d.path("offline-template.xlsx")); code != 0 ||
		!bytes.Equal(d.read("online-template.xlsx"), d.read("offline-template.xlsx")) {
		t.Errorf("templates differ %s", said)
	}
}
