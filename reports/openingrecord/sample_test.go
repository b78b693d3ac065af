package openingrecord_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"jianbiao/internal/money"
	"jianbiao/reports/openingrecord"
)

var firms = []string{
	"江苏宏远建设集团有限公司", "宿迁市第二建筑安装工程有限公司", "中亿丰建设集团股份有限公司", "南通四建集团有限公司（联合体牵头人）",
	"连云港𠮷祥市政园林工程有限公司", "徐州喆昇路桥工程有限公司", "江苏省苏中建设集团股份有限公司", "盐城咏恒水利水电工程有限公司",
}

var managers = []string{"王建国", "李喆", "𬱖文博", "欧阳昱玥", "张祎", "陈堃", "刘䶮", "赵晓梅"}

func hash(n int) string { return strings.Repeat(fmt.Sprintf("%08x", uint32(n)*2654435761), 8) }

// sample is a record as a real opening makes it, with so many bids.
func sample(bids int) openingrecord.Record {
	r := openingrecord.Record{
		DocumentNumber: "宿公资开〔2026〕17号", Project: "宿迁市运河宿迁港疏港公路改建工程（一期）施工项目",
		Lot: openingrecord.Lot{Code: "E3213000001000117001001", Name: "施工一标段"}, Buyer: "宿迁市交通运输局", Agency: "江苏诚信工程咨询有限公司",
		Centre: "宿迁市公共资源交易中心", Region: "江苏省宿迁市 321300", Deadline: "2026-03-25 09:30:00", OpenedAt: "2026-03-25 09:30:12",
		ClosedAt: "2026-03-25 10:41:55", IssuedAt: time.Date(2026, 3, 25, 2, 41, 55, 0, time.UTC), Host: "周明（招标人代表）",
		TenderDocVersion: "第 3 版（2026-03-10 澄清后）", PriceCeiling: "128,600,000.00",
		Coefficient: &openingrecord.Coefficient{Alpha: hash(1), Proof: hash(2) + hash(3)[:32], Beta: hash(4), Value: "0.965",
			Mapping: "K = 0.950 + (beta mod 6) × 0.005，见招标文件第三章第 3.2.4 项"},
		Cutoff:   openingrecord.Cutoff{Count: bids, DigestOfRecord: "sm3:" + hash(5)},
		Evidence: openingrecord.Evidence{Stream: "lot/E3213000001000117001001", FirstSeq: 1, LastSeq: 164, Events: 164, Root: "sha256:" + hash(6)},
		Statements: []string{
			"截止记录形成之前，平台没有向任何人显示投标人的名称和家数；平台的密钥库可以知道家数。",
			"解密窗口关闭之前，平台没有开启任何投标文件的内容。",
			"本次开标的开启密钥由平台密钥库保管，尚未由多方分持；密封对投标人之外的第三方有效，对同时掌握平台密钥库和投标人密钥部分的人无效。",
		},
		Timeline: []openingrecord.Step{
			{At: "2026-03-25 09:30:00", Text: "投标截止，形成截止记录"}, {At: "2026-03-25 09:30:12", Text: "开标开始，公布投标人名单"},
			{At: "2026-03-25 09:33:00", Text: "解密窗口打开"}, {At: "2026-03-25 09:41:03", Text: "暂停（专线中断），09:46:31 恢复，窗口顺延 5 分 28 秒"},
			{At: "2026-03-25 10:05:28", Text: "解密窗口关闭，其后才开启投标文件"}, {At: "2026-03-25 10:08:00", Text: "唱标完成，提出异议的时段开始"},
			{At: "2026-03-25 10:12:44", Text: "收到异议 1 项，10:15:20 答复"}, {At: "2026-03-25 10:41:55", Text: "开标结束"},
		},
		VerifyURL: "https://jianbiao.example.cn/verify/r/E3213000001000117001001",
		Remarks:   []openingrecord.Remark{{At: "2026-03-25 10:02:10", By: "孙立（市行政审批局）", Text: "开标过程公开，未见异常。"}},
		Pauses:    []openingrecord.Pause{{From: "2026-03-25 09:41:03", To: "2026-03-25 09:46:31", Reason: "交易中心专线中断，解密窗口顺延 5 分 28 秒。"}},
		Objections: []openingrecord.Objection{{
			At: "2026-03-25 10:12:44", By: firms[1], Text: "第 3 家投标人的项目负责人与其在另一项目公示的项目负责人相同，请招标人说明是否符合招标文件第二章第 3.5.2 项“不得有在建工程”的要求。",
			AnswerAt: "2026-03-25 10:15:20", AnswerBy: "周明（招标人代表）", Answer: "已记录。该事项属于评审内容，将连同本异议提交评标委员会依据招标文件认定，开标现场不作评审。",
		}},
	}
	for i := range bids {
		r.Cutoff.Rows = append(r.Cutoff.Rows, openingrecord.CutoffRow{Digest: "sm3:" + hash(100+i), Size: fmt.Sprintf("%d.4 MiB", 20+i%17), Number: "第 1 次递交"})
		amount := decimal.New(12_345_678_901-int64(i)*7_300_100, -2)
		capital, _ := money.Capital(amount)
		b := openingrecord.Bid{
			No: i + 1, Name: firms[i%len(firms)], USCC: fmt.Sprintf("91321300MA1%06dX", 100000+i), SealCheck: "已核对，摘要一致",
			Decrypt: openingrecord.Decryption{Result: openingrecord.Opened, At: fmt.Sprintf("2026-03-25 09:%02d:%02d", 33+i%20, i%60)},
			Price:   money.Format(amount), PriceCapital: capital, Duration: "540 日历天", Quality: "合格",
			Manager: managers[i%len(managers)], Deposit: "800,000.00 元，银行保函",
		}
		if i >= len(firms) {
			b.Name = fmt.Sprintf("%s第%d分公司", b.Name, i/len(firms))
		}
		how := openingrecord.Confirmation{Name: b.Name, How: openingrecord.Signed, At: "2026-03-25 10:38:02", SignatureDigest: "sm3:" + hash(500+i)}
		switch {
		case i%11 == 4:
			b.Decrypt = openingrecord.Decryption{Result: openingrecord.Revoked, At: "2026-03-25 10:05:28", Reason: "投标人未在规定时间内提交密钥部分"}
			b.Price, b.PriceCapital, b.Duration, b.Quality, b.Manager, b.Deposit = "", "", "", "", "", ""
			how = openingrecord.Confirmation{Name: b.Name, How: openingrecord.TimedOut, At: "2026-03-25 10:40:00"}
		case i%11 == 7:
			b.Flags = []string{"大写与小写金额不一致"}
		}
		r.Bids, r.Confirmations = append(r.Bids, b), append(r.Confirmations, how)
	}
	return r
}
