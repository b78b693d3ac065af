package openingrecord

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"jianbiao/reports/pdf"
)

// Draw writes the record as a PDF. The same record gives the same bytes. It
// fails only if the record has no canonical form, its address does not fit a
// QR code, or w fails.
func Draw(w io.Writer, r Record) error {
	raw, err := Canonical(r)
	if err != nil {
		return err
	}
	p := painter{r: r, digest: digestOf(raw), doc: pdf.New(pdf.Frame{
		Kind: "开标记录表", Lot: r.Lot.Code + " " + r.Lot.Name, Number: r.DocumentNumber, Digest: digestOf(raw),
		VerifyURL: r.VerifyURL, Author: r.Centre, Issued: r.IssuedAt,
	})}
	p.doc.Attach(pdf.Attachment{Name: "record.json", Description: "开标记录的规范 JSON，其 SM3 值即记录摘要", Content: raw})
	for _, section := range []func(){
		p.first, p.readingOut, p.coefficient, p.decryption, p.cutoff, p.objections, p.remarks, p.pauses, p.confirmations,
		p.evidence, p.statements, p.seals,
	} {
		section()
	}
	if err := p.doc.Write(w); err != nil {
		return fmt.Errorf("openingrecord: %w", err)
	}
	return nil
}

// painter draws the sections one after the other.
type painter struct {
	r       Record
	digest  string
	doc     *pdf.Doc
	section int
}

// heading numbers the sections 一、二、三……
func (p *painter) heading(text string) {
	numerals := []string{"一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四"}
	p.doc.Heading(numerals[p.section] + "、" + text)
	p.section++
}

func (p *painter) first() {
	r := p.r
	p.doc.Title(pdf.TitleBlock{
		Issuer: r.Centre, Number: r.DocumentNumber, Title: "开标记录表",
		Subtitle: subtitle(r), DateLine: "标段：" + r.Lot.Code + "  " + r.Lot.Name + "    开标时间：" + r.OpenedAt,
	})
	p.heading("发生了什么，怎样核验")
	sentences := r.Summary
	if len(sentences) == 0 {
		sentences = Sentences(r)
	}
	p.doc.List(sentences)
	p.heading("基本情况")
	p.fields([][2]string{
		{"项目名称", r.Project}, {"标段", r.Lot.Code + "\n" + r.Lot.Name},
		{"招标人", r.Buyer}, {"招标代理机构", r.Agency},
		{"交易中心", r.Centre}, {"行政区域", r.Region},
		{"投标截止时间", r.Deadline}, {"招标文件版本", r.TenderDocVersion},
		{"开标开始", r.OpenedAt}, {"开标结束", r.ClosedAt},
		{"主持人", r.Host}, {"最高投标限价", yuan(r.PriceCeiling)},
		{"投标文件", "截止时 " + strconv.Itoa(r.Cutoff.Count) + " 份"}, {"文号", r.DocumentNumber},
	})
	if len(r.Timeline) == 0 {
		return
	}
	p.heading("时间线")
	t := pdf.Table{Columns: []pdf.Column{{Head: "时间", Width: 38}, {Head: "事项", Width: 128}}}
	for _, step := range r.Timeline {
		t.Rows = append(t.Rows, []pdf.Cell{{Text: step.At}, {Text: step.Text}})
	}
	p.doc.Table(t)
}

func subtitle(r Record) string {
	if r.Session == "" {
		return r.Project
	}
	return r.Project + "  " + r.Session
}

// yuan is an amount with its unit, where no head of a column says it.
func yuan(amount string) string {
	if amount == "" {
		return ""
	}
	return amount + " 元"
}

// fields puts label and value, two pairs in a row.
func (p *painter) fields(pairs [][2]string) {
	t := pdf.Table{Columns: []pdf.Column{{Width: 24, Label: true}, {Width: 60}, {Width: 24, Label: true}, {Width: 58}}}
	for i := 0; i < len(pairs); i += 2 {
		row := []pdf.Cell{{Text: pairs[i][0]}, {Text: pairs[i][1]}}
		if i+1 < len(pairs) {
			row = append(row, pdf.Cell{Text: pairs[i+1][0]}, pdf.Cell{Text: pairs[i+1][1]})
		}
		t.Rows = append(t.Rows, row)
	}
	p.doc.Table(t)
}

// firstEnvelopes is the table of a session that opens no price: who bids, whose
// envelope was found sealed, and whose first envelope was opened.
func (p *painter) firstEnvelopes() {
	p.doc.Turn(true)
	p.heading("第一信封开标一览表")
	t := pdf.Table{Empty: "没有投标文件被开启。", Columns: []pdf.Column{
		{Head: "序号", Width: 11, Align: pdf.Centre}, {Head: "投标人", Width: 92}, {Head: "密封检查", Width: 60},
		{Head: "第一信封", Width: 50}, {Head: "标示", Width: 40},
	}}
	for _, b := range p.r.Bids {
		t.Rows = append(t.Rows, []pdf.Cell{
			{Text: strconv.Itoa(b.No)}, {Text: b.Name, Note: b.USCC}, {Text: b.SealCheck},
			{Text: b.Decrypt.Result, Note: b.Decrypt.Reason}, {Text: strings.Join(b.Flags, "\n")},
		})
	}
	p.doc.Table(t)
	p.doc.Note("本次只开启第一信封（商务及技术文件），不唱报价；第二信封（报价文件）仍然密封，待第一信封评审之后，对通过评审的投标人开启。")
}

func (p *painter) readingOut() {
	if p.r.FirstEnvelope {
		p.firstEnvelopes()
		return
	}
	p.doc.Turn(true)
	p.heading("开标一览表")
	t := pdf.Table{Empty: "没有投标文件被开启。", Columns: []pdf.Column{
		{Head: "序号", Width: 11, Align: pdf.Centre}, {Head: "投标人", Width: 62},
		{Head: "投标报价（元）", Width: 60, Align: pdf.Right}, {Head: "工期", Width: 21}, {Head: "质量", Width: 16},
		{Head: "项目负责人", Width: 23}, {Head: "投标保证金", Width: 30}, {Head: "标示", Width: 30},
	}}
	for _, b := range p.r.Bids {
		flags := append([]string(nil), b.Flags...)
		if b.Decrypt.Result != Opened && b.Decrypt.Result != "" {
			flags = append([]string{b.Decrypt.Result}, flags...)
		}
		t.Rows = append(t.Rows, []pdf.Cell{
			{Text: strconv.Itoa(b.No)}, {Text: b.Name, Note: b.USCC}, {Text: b.Price, Note: b.PriceCapital},
			{Text: b.Duration}, {Text: b.Quality}, {Text: b.Manager}, {Text: b.Deposit}, {Text: strings.Join(flags, "\n")},
		})
	}
	p.doc.Table(t)
	p.doc.Note("本表按唱标内容记录；“—”表示投标文件没有该项内容或未被开启。“标示”仅作提示，开标不对投标文件作否决或评审。")
}

func (p *painter) coefficient() {
	p.doc.Turn(false)
	c := p.r.Coefficient
	if c == nil {
		return
	}
	p.heading("随机系数")
	p.doc.Table(pdf.Table{Columns: []pdf.Column{{Width: 24, Label: true}, {Width: 142}}, Rows: [][]pdf.Cell{
		{{Text: "系数"}, {Text: c.Value}}, {{Text: "取值规则"}, {Text: c.Mapping}}, {{Text: "输入 alpha"}, {Text: c.Alpha}},
		{{Text: "证明 proof"}, {Text: c.Proof}}, {{Text: "输出 beta"}, {Text: c.Beta}},
	}})
	p.doc.Note("系数由可验证随机函数得出：任何人可用公告时登记的公钥验证 proof，由 proof 得 beta，再按取值规则得系数。")
}

func (p *painter) decryption() {
	p.heading("密封检查与解密结果")
	t := pdf.Table{Empty: "没有进行解密。", Columns: []pdf.Column{
		{Head: "序号", Width: 11, Align: pdf.Centre}, {Head: "投标人", Width: 52}, {Head: "密封检查", Width: 33},
		{Head: "解密结果", Width: 36}, {Head: "原因", Width: 34},
	}}
	for _, b := range p.r.Bids {
		t.Rows = append(t.Rows, []pdf.Cell{
			{Text: strconv.Itoa(b.No)}, {Text: b.Name}, {Text: b.SealCheck}, {Text: b.Decrypt.Result, Note: b.Decrypt.At}, {Text: b.Decrypt.Reason},
		})
	}
	p.doc.Table(t)
}

func (p *painter) cutoff() {
	c := p.r.Cutoff
	p.heading("截止记录")
	p.doc.Table(pdf.Table{Columns: []pdf.Column{{Width: 24, Label: true}, {Width: 142}}, Rows: [][]pdf.Cell{
		{{Text: "截止时间"}, {Text: p.r.Deadline}},
		{{Text: "投标文件"}, {Text: fmt.Sprintf("共 %d 份有效，按密文摘要排序如下", c.Count)}},
		{{Text: "记录摘要"}, {Text: c.DigestOfRecord}},
	}})
	t := pdf.Table{Columns: []pdf.Column{
		{Head: "序号", Width: 11, Align: pdf.Centre}, {Head: "密文摘要", Width: 107}, {Head: "填充后长度", Width: 25, Align: pdf.Right},
		{Head: "版本", Width: 23, Align: pdf.Centre},
	}}
	for i, row := range c.Rows {
		t.Rows = append(t.Rows, []pdf.Cell{{Text: strconv.Itoa(i + 1)}, {Note: row.Digest}, {Text: row.Size}, {Text: row.Number}})
	}
	p.doc.Table(t)
}

// or is the text, or the dash that stands for nothing.
func or(text string) string {
	if text == "" {
		return pdf.Dash
	}
	return text
}

func (p *painter) objections() {
	p.heading("异议与答复")
	t := pdf.Table{Empty: "本次开标现场没有投标人提出异议。", Columns: []pdf.Column{
		{Head: "序号", Width: 11, Align: pdf.Centre}, {Head: "提出人、时间", Width: 38}, {Head: "异议", Width: 58}, {Head: "答复", Width: 59},
	}}
	for i, o := range p.r.Objections {
		answer := pdf.Cell{Text: o.Answer, Note: strings.TrimSpace(o.AnswerBy + "  " + o.AnswerAt)}
		if o.Answer == "" {
			answer = pdf.Cell{Text: "未答复"}
		}
		t.Rows = append(t.Rows, []pdf.Cell{{Text: strconv.Itoa(i + 1)}, {Text: o.By, Note: o.At}, {Text: o.Text}, answer})
	}
	p.doc.Table(t)
}

func (p *painter) remarks() {
	p.heading("监督备注")
	t := pdf.Table{Empty: "监督人员没有备注。", Columns: []pdf.Column{
		{Head: "时间", Width: 34}, {Head: "监督人员", Width: 36}, {Head: "备注", Width: 96},
	}}
	for _, m := range p.r.Remarks {
		t.Rows = append(t.Rows, []pdf.Cell{{Text: m.At}, {Text: m.By}, {Text: m.Text}})
	}
	p.doc.Table(t)
}

func (p *painter) pauses() {
	p.heading("暂停与顺延")
	t := pdf.Table{Empty: "开标过程没有暂停。", Columns: []pdf.Column{
		{Head: "开始", Width: 36}, {Head: "恢复", Width: 36}, {Head: "原因（解密等时限按暂停时长顺延）", Width: 94},
	}}
	for _, x := range p.r.Pauses {
		t.Rows = append(t.Rows, []pdf.Cell{{Text: x.From}, {Text: x.To}, {Text: x.Reason}})
	}
	p.doc.Table(t)
}

func (p *painter) confirmations() {
	p.heading("对开标记录的确认")
	t := pdf.Table{Empty: "没有需要确认的投标人。", Columns: []pdf.Column{
		{Head: "序号", Width: 11, Align: pdf.Centre}, {Head: "投标人", Width: 60}, {Head: "确认情况", Width: 42}, {Head: "签名摘要", Width: 53},
	}}
	for i, c := range p.r.Confirmations {
		signature := pdf.Cell{Text: c.SignatureDigest}
		if c.SignatureDigest != "" {
			signature = pdf.Cell{Note: c.SignatureDigest}
		}
		t.Rows = append(t.Rows, []pdf.Cell{{Text: strconv.Itoa(i + 1)}, {Text: c.Name}, {Text: c.How, Note: c.At}, signature})
	}
	p.doc.Table(t)
}

func (p *painter) evidence() {
	e := p.r.Evidence
	p.heading("证据")
	p.doc.Table(pdf.Table{Columns: []pdf.Column{{Width: 24, Label: true}, {Width: 142}}, Rows: [][]pdf.Cell{
		{{Text: "证据流"}, {Text: e.Stream}},
		{{Text: "事件"}, {Text: fmt.Sprintf("第 %d 号至第 %d 号，共 %d 件", e.FirstSeq, e.LastSeq, e.Events)}},
		{{Text: "根摘要"}, {Text: e.Root}},
		{{Text: "本记录摘要"}, {Text: p.digest}},
		{{Text: "核验地址"}, {Text: p.r.VerifyURL}},
	}})
}

func (p *painter) statements() {
	if len(p.r.Statements) == 0 {
		return
	}
	p.heading("平台的说明：看见了什么，没有看见什么")
	p.doc.List(p.r.Statements)
}

func (p *painter) seals() {
	p.doc.Together(70) // the heading, the places for seals and the closing line
	p.heading("签字与盖章")
	p.doc.Seals([]pdf.Seal{
		{Who: "招标人", Name: p.r.Buyer}, {Who: "招标代理机构", Name: or(p.r.Agency)}, {Who: "主持人", Name: p.r.Host},
	})
	p.doc.Note("各投标人的确认见“对开标记录的确认”。监督人员可以备注、可以签字，开标的任何一步不以其行为为前提。")
	p.doc.End()
}
