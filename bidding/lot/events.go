package lot

import (
	"fmt"

	"jianbiao/internal/evidence"
)

// Kinds are the events of this package.
func Kinds() []evidence.Kind {
	return []evidence.Kind{
		{Name: "project.approval_recorded", Label: "登记立项批复"},
		{Name: "gov.plan_filed", Label: "登记采购计划备案"},
		{Name: "lot.created", Label: "建立标段", Fields: map[string]evidence.Class{"estimate": evidence.Official}},
		{Name: "tender.doc_drafted", Label: "编制招标文件", Class: evidence.Official},
		{Name: "document.file_added", Label: "招标文件增加附件", Class: evidence.Official},
		{Name: "tender.doc_issued", Label: "发出招标文件"},
		{Name: "tender.sale_started", Label: "招标文件开始提供"},
		{Name: "notice.published", Label: "发布招标公告", Text: func(v evidence.View) string { return "发布公告：" + v.Field("title") }},
		{Name: "notice.medium_recorded", Label: "登记发布媒介", Text: func(v evidence.View) string {
			return "登记发布媒介：" + v.Field("medium") + "，" + map[string]string{"true": "内容一致。", "false": "内容不一致。"}[v.Field("equal")]
		}},
		{Name: "tender.clarified", Label: "澄清、修改招标文件", Text: func(v evidence.View) string {
			return fmt.Sprintf("发出招标文件第 %d 版：答复问题 %d 个。%s", v.Number("version"), v.Number("answers"), v.Field("changes"))
		}},
		{Name: "question.asked", Label: "对招标文件提问", Class: evidence.Nobody},
		{Name: "objection.received", Label: "收到对招标文件的异议", Fields: map[string]evidence.Class{"subject": evidence.Official, "text": evidence.Official, "name": evidence.Official}},
		{Name: "objection.answered", Label: "答复对招标文件的异议", Fields: map[string]evidence.Class{"text": evidence.Official}},
		{Name: "challenge.received", Label: "收到对采购文件的质疑", Fields: map[string]evidence.Class{"subject": evidence.Official, "text": evidence.Official, "name": evidence.Official}},
		{Name: "challenge.answered", Label: "答复对采购文件的质疑", Fields: map[string]evidence.Class{"text": evidence.Official}},
		{Name: "period.checked", Label: "校验法定时限"},
		{Name: "suspension.lifted", Label: "一项暂停的原因消除", Text: func(v evidence.View) string {
			return "一项暂停的原因消除：" + SuspensionCauses[v.Field("cause")]
		}},
		{Name: "termination.published", Label: "发布终止公告", Text: func(v evidence.View) string { return "发布公告：" + v.Field("title") }},
		{Name: "lot.retendered", Label: "重新招标", Text: func(v evidence.View) string {
			return fmt.Sprintf("重新招标：第 %d 次招标，标段编号 %s", v.Number("attempt"), v.Field("code"))
		}},
		{Name: "lot.deadline_postponed", Label: "推迟投标截止时间", Text: func(v evidence.View) string {
			return "投标截止时间推迟到 " + v.Field("to") + "：" + v.Field("reason")
		}},
		{Name: "lot.suspended", Label: "暂停招标投标活动", Text: func(v evidence.View) string { return "暂停招标投标活动：" + v.Field("reason") }},
		{Name: "lot.resumed", Label: "恢复招标投标活动"},
		{Name: "lot.cut_off", Label: "投标截止"},
		{Name: "lot.failed", Label: "招标失败"},
		{Name: "lot.opened", Label: "开标完成"},
		{Name: "tender.terminated", Label: "终止招标", Text: func(v evidence.View) string { return "终止招标：" + v.Field("reason") }},
	}
}

// Commands are the Chinese names of the commands, for buttons.
var Commands = map[string]string{
	"set_document": "编制招标文件", "add_file": "添加附件", "publish": "发布公告", "terminate": "终止招标",
	"postpone_deadline": "推迟投标截止时间", "suspend": "暂停招标投标活动", "resume_lot": "恢复招标投标活动", "cut_off": "截标", "record_medium": "登记发布媒介", "ask": "提问", "clarify": "答疑、澄清",
	"object_document": "对招标文件提出异议", "answer_document_objection": "答复对招标文件的异议", "retender": "重新招标", "halt": "依法暂停", "fail": "招标失败", "open": "开标完成",
}
