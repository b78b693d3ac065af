package lot

import (
	"time"

	"jianbiao/internal/rule"
)

// Severity says what a check that fails does: block keeps the notice from going
// out, warn is shown and left to the host.
type Severity string

// The severities.
const (
	Block Severity = "block"
	Warn  Severity = "warn"
)

// The milestones of a tender that terms run between; those that a host chooses
// carry the name of the field in which he does.
const (
	atIntention = "intentionAt"
	atIssue     = "issuedAt"
	atSaleEnd   = "saleEnd"
	atNoticeEnd = "noticeEnd"
	atDeadline  = "bidDeadline"
)

// term is one period of a tender that the catalogue has a rule for.
type term struct {
	rule        string
	from, until string // milestones
	severity    Severity
	compulsory  bool // binds only tenders that the law demands (依法必须招标)
}

// terms are the periods by kind of project. This table, and nothing else,
// decides which rules a tender's dates are judged by: at publication, at a
// postponement, and while the host is still choosing (docs/adr/0012).
var terms = map[rule.Domain][]term{
	rule.Engineering: {
		{rule: "R08-1", from: atIssue, until: atSaleEnd, severity: Block},
		{rule: "R09-1", from: atIssue, until: atDeadline, severity: Block, compulsory: true},
	},
	rule.Procurement: {
		{rule: "R03-1", from: atIntention, until: atIssue, severity: Warn},
		{rule: "R06-4", from: atIssue, until: atNoticeEnd, severity: Block},
		{rule: "R08-2", from: atIssue, until: atSaleEnd, severity: Block},
		{rule: "R09-2", from: atIssue, until: atDeadline, severity: Block},
	},
}

// amounts are the rules of a kind about what a document asks bidders to put
// down: the bid security (投标保证金) and the performance security (履约保证金).
var amounts = map[rule.Domain]struct{ deposit, performance string }{
	rule.Engineering: {deposit: "R13-1", performance: "R13-3"},
	rule.Procurement: {deposit: "R13-2", performance: "R13-3"},
}

// gates are the rules of a kind that ask for something that a project has from
// its registration on.
var gates = map[rule.Domain]string{rule.Engineering: "R01-1", rule.Procurement: "R01-2"}

// Plan are the dates and the document that a host has in mind for a lot. A date
// that is nil is not chosen yet.
type Plan struct {
	IssuedAt    time.Time // the notice and the document go out
	SaleEnd     *time.Time
	NoticeEnd   *time.Time // GOV; nil: the earliest lawful
	BidDeadline *time.Time
	Params      *Params // nil: the document is not judged
}

// at is the date of a milestone, nil where there is none.
func (p *Plan) at(l *Lot, milestone string) *time.Time {
	return map[string]*time.Time{atIntention: l.Project.IntentionAt, atIssue: &p.IssuedAt, atSaleEnd: p.SaleEnd,
		atNoticeEnd: p.NoticeEnd, atDeadline: p.BidDeadline}[milestone]
}

// termsOf are the terms that bind this lot.
func termsOf(l *Lot) []term {
	var out []term
	for _, t := range terms[rule.Domain(l.Project.Kind)] {
		if !t.compulsory || l.Project.Compulsory {
			out = append(out, t)
		}
	}
	return out
}
