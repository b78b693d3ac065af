package city

import "jianbiao/bidding/tenderform"

// forms are what some tenders of the city ask of a bid (投标文件格式): one that
// still waits for bids, and one whose bids have been opened.
var forms = map[string]*tenderform.Form{
	"沭阳县塘沟至韩山公路改建工程": {
		Fields: []tenderform.Field{
			{Section: "qualification", Name: "grade", Label: "资质类别及等级", Kind: tenderform.KindChoice, Required: true,
				Options: []string{"公路工程施工总承包一级", "公路工程施工总承包二级", "公路路面工程专业承包一级"}},
			{Section: "qualification", Name: "safetyPermit", Label: "安全生产许可证编号", Kind: tenderform.KindText, Required: true},
			{Section: "qualification", Name: "similarWorks", Label: "近五年类似工程业绩", Kind: tenderform.KindInteger, Unit: "项", Required: true, Help: "以竣工验收时间为准"},
			{Section: "qualification", Name: "dishonest", Label: "是否被列为失信被执行人", Kind: tenderform.KindYesNo, Required: true},
			{Section: "price", Name: "safetyCost", Label: "安全生产费", Kind: tenderform.KindAmount, Unit: "元", Required: true, Help: "含在报价之内"},
		},
		Attachments: []tenderform.Attachment{
			{Section: "qualification", Name: "licence", Label: "营业执照", Required: true, Basis: "招标文件第二章 资格审查第 1 项"},
			{Section: "qualification", Name: "certificate", Label: "资质证书", Required: true, Basis: "招标文件第二章 资格审查第 2 项"},
			{Section: "qualification", Name: "works", Label: "类似工程业绩证明", Required: true, Basis: "招标文件第二章 资格审查第 4 项"},
			{Section: "qualification", Name: "awards", Label: "获奖证明"},
			{Section: "technical", Name: "method", Label: "施工组织设计", Required: true, Basis: "招标文件第三章 技术标"},
		},
		Bill: &tenderform.Bill{Section: "price", Items: []tenderform.BillItem{
			{Code: "202-1-a", Name: "清理现场", Feature: "清除表土、树根，外运 5 km 以内", Unit: "m2", Quantity: "18600"},
			{Code: "203-1-a", Name: "路基挖土方", Feature: "三类土，机械开挖", Unit: "m3", Quantity: "42350.5"},
			{Code: "304-3-a", Name: "水泥稳定碎石基层", Feature: "厚 360 mm，水泥剂量 5%", Unit: "m2", Quantity: "61200"},
			{Code: "308-1-a", Name: "改性沥青混凝土上面层", Feature: "AC-13C，厚 40 mm", Unit: "m2", Quantity: "60880"},
			{Code: "602-3-a", Name: "波形梁护栏", Feature: "Gr-A-4E，热浸镀锌", Unit: "m", Quantity: "3260"},
			{Code: "605-1-a", Name: "热熔型标线", Feature: "白色、黄色，厚 1.8 mm", Unit: "m2", Quantity: "4120.8"},
			{Code: "100-1", Name: "总则费用", Feature: "保险、竣工文件、临时工程", Unit: "总额", Quantity: "1"},
		}},
		Consortium:     &tenderform.Consortium{MaxMembers: 2},
		Subcontracting: true,
	},
	"骆马湖水源地取水泵站工程": {
		Fields: []tenderform.Field{{Section: "qualification", Name: "grade", Label: "资质类别及等级", Kind: tenderform.KindText, Required: true}},
		Attachments: []tenderform.Attachment{
			{Section: "qualification", Name: "papers", Label: "资格审查资料", Required: true, Basis: "招标文件第二章"},
			{Section: "technical", Name: "method", Label: "施工组织设计", Required: true},
		},
		Bill: &tenderform.Bill{Section: "price", Items: []tenderform.BillItem{
			{Code: "500101002001", Name: "一般土方开挖", Unit: "m3", Quantity: "25600"},
			{Code: "500109001001", Name: "泵房混凝土", Feature: "C30W6F100", Unit: "m3", Quantity: "8420"},
			{Code: "500201001001", Name: "水泵机组安装", Unit: "台", Quantity: "4"},
			{Code: "500202005001", Name: "其他设备与安装", Unit: "项", Quantity: "1"},
		}},
	},
}
