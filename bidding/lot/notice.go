package lot

// The kinds of notice (公告) after the first.
const (
	noticeClarification = "clarification"
	noticePostponement  = "postponement"
	noticeTermination   = "termination"
)

// NoticeKinds are the Chinese names of the kinds of notice.
var NoticeKinds = map[string]string{TenderNotice: "招标公告", noticeClarification: "澄清公告", noticePostponement: "延期公告", noticeTermination: "终止公告"}
