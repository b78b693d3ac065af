package opening

import (
	"fmt"
	"time"

	"jianbiao/internal/evidence"
)

// Kinds are the events of this package. Before the roster no event of a bidder
// names him; prices are in no event before opening.announced.
func Kinds() []evidence.Kind {
	return []evidence.Kind{
		{Name: "opening.lobby_opened", Label: "开标大厅开放"},
		{Name: "opening.lobby_reopened", Label: "复会开始，开标大厅开放"},
		{Name: "cutoff.recorded", Label: "形成截止记录", Fields: map[string]evidence.Class{"superseded": evidence.Nobody}, Text: func(v evidence.View) string {
			return fmt.Sprintf("投标截止，形成截止记录：共 %d 份有效投标文件", v.Number("count"))
		}},
		{Name: "opening.aborted", Label: "不足三家，未开标", Text: func(v evidence.View) string {
			return fmt.Sprintf("截止时共 %d 份投标文件，不足 %d 家，依法不予开标；投标人名称不公开", v.Number("count"), MinBids)
		}},
		{Name: "opening.started", Label: "开标开始，进行密封检查"},
		{Name: "seal.checked", Label: "一家投标人完成密封检查", Text: func(v evidence.View) string {
			return "一家投标人核对密封检查无误(文件摘要 " + short(v.Field("digest")) + ")"
		}},
		{Name: "seal.missing_reported", Label: "投标人出示了截止记录中没有的回执"},
		{Name: "opening.roster_published", Label: "公布投标人名单"},
		{Name: "decrypt.window_started", Label: "开始解密", Text: func(v evidence.View) string {
			return fmt.Sprintf("主持人开始解密，时限 %d 分钟", v.Number("minutes"))
		}},
		{Name: "part.released", Label: "收到解密份额", Fields: map[string]evidence.Class{"parts": evidence.Nobody}, Text: func(v evidence.View) string {
			return v.Field("actor.organisationName") + " 解密份额通过核验"
		}},
		{Name: "decrypt.attempt_failed", Label: "一次解密没有成功", Fields: map[string]evidence.Class{"detail": evidence.Official}, Text: func(v evidence.View) string {
			return fmt.Sprintf("%s 第 %d 次解密没有成功：%s", v.Field("actor.organisationName"), v.Number("attempt"), Reasons[v.Field("reason")])
		}},
		{Name: "decrypt.window_closed", Label: "解密窗口关闭", Text: func(v evidence.View) string {
			return fmt.Sprintf("解密窗口关闭，%d 家已提交解密份额；平台现在打开投标内容", v.Number("released"))
		}},
		{Name: "decrypt.completed", Label: "解密完成", Text: func(v evidence.View) string { return v.Field("organisation") + " 的投标文件解密完成" }},
		{Name: "bid.revoked", Label: "视为撤销投标文件", Text: func(v evidence.View) string {
			return v.Field("organisation") + " 因投标人原因未解密，视为撤销其投标文件"
		}},
		{Name: "bid.withdrawn", Label: "视为撤回投标文件", Text: func(v evidence.View) string {
			return v.Field("organisation") + " 因投标人之外的原因未解密，视为撤回其投标文件，保证金退还"
		}},
		{Name: "bid.undecided", Label: "未解密原因待招标人认定", Text: func(v evidence.View) string {
			return v.Field("organisation") + " 未解密，原因待招标人认定"
		}},
		{Name: "bid.decided", Label: "招标人认定未解密原因", Text: func(v evidence.View) string {
			return "招标人认定未解密原因：" + Outcomes[v.Field("outcome")] + "。理由：" + v.Field("reason")
		}},
		{Name: "coefficient.drawn", Label: "随机系数产生", Text: func(v evidence.View) string {
			return "随机系数 " + v.Field("value") + "，任何人可以复算"
		}},
		{Name: "opening.imported", Label: "投标文件导入完成", Text: func(v evidence.View) string {
			return fmt.Sprintf("%d 份投标文件中 %d 份导入成功", v.Number("of"), v.Number("opened"))
		}},
		{Name: "opening.files_checked", Label: "附件核对完成", Text: func(v evidence.View) string {
			return fmt.Sprintf("各家的 %d 个附件已与投标人签名的摘要核对", v.Number("files"))
		}},
		{Name: "bid.file_damaged", Label: "附件与签名的摘要不符", Text: func(v evidence.View) string {
			return v.Field("organisation") + " 的附件“" + v.Field("file") + "”与其签名的摘要不符，已标示；原因：" + Causes[v.Field("cause")]
		}},
		{Name: "opening.announced", Label: "开始唱标"},
		{Name: "opening.objection_window_started", Label: "进入异议环节"},
		{Name: "opening.objection_raised", Label: "提出异议", Text: func(v evidence.View) string {
			return v.Field("actor.organisationName") + " 提出异议：" + v.Field("text")
		}},
		{Name: "opening.objection_answered", Label: "答复异议", Text: func(v evidence.View) string { return "招标人当场答复：" + v.Field("text") }},
		{Name: "opening.no_objection", Label: "确认无异议", Text: func(v evidence.View) string { return v.Field("actor.organisationName") + " 无异议" }},
		{Name: "opening.confirmation_started", Label: "请各方确认开标记录"},
		{Name: "opening.record_confirmed", Label: "确认开标记录", Text: func(v evidence.View) string {
			return v.Field("actor.organisationName") + " 签名确认开标记录"
		}},
		{Name: "opening.record_signed", Label: "主持人签署开标记录"},
		{Name: "opening.closed", Label: "开标结束", Text: func(v evidence.View) string {
			if n := v.Number("unconfirmed"); n > 0 {
				return fmt.Sprintf("开标结束；%d 家在时限内没有确认，视为无异议", n)
			}
			return "开标结束，各方都已确认开标记录"
		}},
		{Name: "opening.paused", Label: "开标暂停", Text: func(v evidence.View) string { return "开标暂停：" + v.Field("reason") }},
		{Name: "opening.resumed", Label: "开标恢复", Text: func(v evidence.View) string {
			return "开标恢复，各项时限顺延 " + lasting(v.Number("extendedSeconds"))
		}},
		{Name: "opening.postponed", Label: "开标推迟", Text: func(v evidence.View) string { return "开标推迟：" + v.Field("reason") }},
		{Name: "opening.reconvened", Label: "通知复会", Text: func(v evidence.View) string { return "定于 " + spoken(v.Field("at")) + " 复会" }},
		{Name: "opening.outage_recorded", Label: "平台中断，时限顺延", Text: func(v evidence.View) string {
			return "平台中断服务 " + lasting(v.Number("seconds")) + "，各项时限顺延"
		}},
		{Name: "opening.first_closed", Label: "第一次开标结束", Text: func(v evidence.View) string {
			if n := v.Number("unconfirmed"); n > 0 {
				return fmt.Sprintf("第一次开标结束，第二信封仍然密封；%d 家在时限内没有确认，视为无异议", n)
			}
			return "第一次开标结束，各方都已确认开标记录；第二信封仍然密封"
		}},
		{Name: "opening.reviewed", Label: "录入第一信封评审结果", Text: func(v evidence.View) string {
			return fmt.Sprintf("第一信封评审结果：%d 家中 %d 家通过，依据评审报告 %s", v.Number("of"), v.Number("count"), v.Field("report"))
		}},
		{Name: "opening.second_scheduled", Label: "通知第二次开标", Text: func(v evidence.View) string {
			return fmt.Sprintf("第二次开标定于 %s，%d 家的第二信封届时开启", spoken(v.Field("at")), v.Number("passed"))
		}},
		{Name: "opening.second_cancelled", Label: "不进行第二次开标", Text: func(v evidence.View) string {
			return "没有投标通过第一信封评审，不进行第二次开标：" + v.Field("reason")
		}},
		{Name: "supervisor.remarked", Label: "监督备注", Text: func(v evidence.View) string {
			return v.Field("actor.organisationName") + " 备注：" + v.Field("text")
		}},
	}
}

// Outcomes are the Chinese names of what became of a bid.
var Outcomes = map[string]string{OutcomeRejected: "未通过第一信封评审", OutcomeOpened: "解密成功", OutcomeRevoked: "视为撤销", OutcomeWithdrawn: "视为撤回", OutcomeUndecided: "待认定"}

// lasting is a duration in words.
func lasting(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d 秒", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d 分 %d 秒", seconds/60, seconds%60)
	default:
		return fmt.Sprintf("%d 小时 %d 分", seconds/3600, seconds%3600/60)
	}
}

// short is the beginning of a digest, for reading.
func short(digest string) string {
	const prefix, shown = 4, 8
	if len(digest) < prefix+shown {
		return digest
	}
	return digest[prefix : prefix+shown]
}

// spoken is an RFC 3339 time as people read it, in Beijing time (北京时间).
func spoken(at string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return at
	}
	return t.In(evidence.Beijing).Format("2006年1月2日 15:04")
}
