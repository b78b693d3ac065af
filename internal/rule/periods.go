package rule

import (
	"time"

	"github.com/shopspring/decimal"

	"jianbiao/internal/workday"
)

// Periods checks dates and amounts by the code of the rule, with a calendar and
// a catalogue, for the commands that set them. Its zero value is unusable;
// NewPeriods makes it. It is safe for concurrent use.
type Periods struct {
	source    func() *workday.Calendar
	catalogue *Catalogue
}

// NewPeriods joins a calendar and a catalogue; Default() of both is the usual pair.
func NewPeriods(cal *workday.Calendar, catalogue *Catalogue) Periods {
	return Following(func() *workday.Calendar { return cal }, catalogue)
}

// Following joins a catalogue with a calendar that may change while the program
// runs: each computation takes the one that is in force when it begins.
func Following(source func() *workday.Calendar, catalogue *Catalogue) Periods {
	return Periods{source: source, catalogue: catalogue}
}

// CheckMin does what the function of that name does, with the row of the code in
// force on the day of from. An unknown code is NotFound, "rule.unknown".
func (p Periods) CheckMin(code string, from, until time.Time) error {
	return p.check(CheckMin, code, from, from, until)
}

// CheckMax is the function of that name with the row of the code in force on the day of from.
func (p Periods) CheckMax(code string, from, until time.Time) error {
	return p.check(CheckMax, code, from, from, until)
}

// CheckMinBefore is the function of that name with the row in force on the day of until,
// the date counted back from.
func (p Periods) CheckMinBefore(code string, from, until time.Time) error {
	return p.check(CheckMinBefore, code, until, from, until)
}

// CheckMaxBefore is the function of that name with the row in force on the day of until.
func (p Periods) CheckMaxBefore(code string, from, until time.Time) error {
	return p.check(CheckMaxBefore, code, until, from, until)
}

// CheckRatio is the function of that name with the newest row of the code.
func (p Periods) CheckRatio(code string, part, whole decimal.Decimal) error {
	r, err := p.catalogue.Rule(code)
	if err != nil {
		return err
	}
	return CheckRatio(r, part, whole)
}

// CheckCount is the function of that name with the newest row of the code.
func (p Periods) CheckCount(code string, t Tally) error {
	r, err := p.catalogue.Rule(code)
	if err != nil {
		return err
	}
	return CheckCount(r, t)
}

type periodCheck func(*workday.Calendar, Rule, time.Time, time.Time, ...workday.Span) error

func (p Periods) check(do periodCheck, code string, on, from, until time.Time) error {
	r, err := p.catalogue.RuleOn(code, workday.DayOf(on))
	if err != nil {
		return err
	}
	return do(p.source(), r, from, until)
}
