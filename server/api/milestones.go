package api

import (
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/rule"
)

// articles are those that the dates of a tender rest on, by kind of project.
var articles = map[rule.Domain]struct{ notice, sale, deadline string }{
	rule.Engineering: {notice: "招标投标法第十六条", sale: "招标投标法实施条例第十六条", deadline: "招标投标法第二十四条、第三十四条"},
	rule.Procurement: {notice: "政府采购法第十一条", sale: "政府采购法实施条例第三十一条", deadline: "政府采购法第三十五条"},
}

// milestones are the dates of a lot, in the order in which they come.
func milestones(l *lot.Lot, notices []lot.Notice, o *opening.Brief, now time.Time) []Milestone {
	out := []Milestone{}
	add := func(code, label, basis string, at *time.Time) {
		if at != nil {
			out = append(out, Milestone{Code: code, Label: label, At: Stamp(*at), Done: !now.Before(*at), Basis: basis})
		}
	}
	by, words := articles[rule.Domain(l.Project.Kind)], l.Project.Words()
	add("notice.published", "发布招标公告", by.notice, l.PublishedAt)
	add("tender.sale_ended", "停止提供"+words.Document, by.sale, l.SaleEnd)
	if len(notices) > 0 {
		add("notice.period_ended", "公告期限届满", "政府采购货物和服务招标投标管理办法第十六条", notices[0].PeriodEnd)
	}
	add("bid.deadline", "投标截止、开标", by.deadline, l.BidDeadline)
	if o != nil && o.FirstEnded != nil {
		add("opening.first_closed", "第一次开标结束（第一信封）", "", o.FirstEnded)
		add("opening.second_scheduled", "第二次开标（第二信封）", "", o.SecondAt)
	}
	if o != nil && o.State == opening.Closed {
		add("opening.closed", "开标结束", "", o.ClosedAt)
	}
	return out
}
