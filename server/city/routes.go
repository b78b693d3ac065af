package city

import (
	"context"
	"net/http"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/server/api"
	"jianbiao/server/platform"
)

// personView is somebody on the login page of a rehearsal.
type personView struct {
	Person
	Password string `json:"password"`
}

// View is what the pages of a rehearsal show.
type View struct {
	City      string       `json:"city"`
	LegalTime string       `json:"legalTime"`
	Rate      float64      `json:"rate"`
	People    []personView `json:"people"`
	Run       any          `json:"run,omitempty"`
}

type viewOutput struct{ Body View }

type clockInput struct {
	Body struct {
		MoveTo         *time.Time `json:"moveTo,omitempty" doc:"调到"`
		AdvanceSeconds int64      `json:"advanceSeconds,omitempty" minimum:"0" maximum:"31536000" doc:"快进多少秒"`
		Rate           *float64   `json:"rate,omitempty" doc:"倍率"`
		Lease          string     `json:"lease,omitempty" doc:"演练的凭据"`
	}
}

type clockOutput struct {
	Body struct {
		Legal string  `json:"legal"`
		Rate  float64 `json:"rate"`
	}
}

// Runs is what a rehearsal in progress says of itself, and who may move the
// clock meanwhile.
type Runs interface {
	// View is shown with the city, nil when nothing runs.
	View() any
	// MayMove refuses a change of the clock that is not the run's own.
	MayMove(lease string, rate *float64) error
}

// Register adds the routes of a rehearsal instance; a production instance has
// none of them.
func Register(p *platform.Platform, runs Runs) {
	registerCertificates(p)
	api.Register(p.API, api.Route{Method: http.MethodGet, Path: "/api/rehearsal", Allow: api.Public, Summary: "演练城市"},
		func(ctx context.Context, _ actor.Actor, _ *api.Nothing) (*viewOutput, error) {
			r, err := p.Clock.Read(ctx)
			if err != nil {
				return nil, err
			}
			v := View{City: "宿迁", LegalTime: api.Stamp(r.Legal), Rate: r.Rate, People: []personView{}, Run: runs.View()}
			for _, person := range People() {
				v.People = append(v.People, personView{person, Password})
			}
			return &viewOutput{v}, nil
		})
	api.Register(p.API, api.Route{Method: http.MethodPost, Path: "/api/rehearsal/clock", Allow: api.Public, Summary: "调整演练时间"},
		func(ctx context.Context, _ actor.Actor, in *clockInput) (*clockOutput, error) {
			if err := runs.MayMove(in.Body.Lease, in.Body.Rate); err != nil {
				return nil, err
			}
			return moveClock(ctx, p, in)
		})
}

func moveClock(ctx context.Context, p *platform.Platform, in *clockInput) (*clockOutput, error) {
	b, changed := in.Body, false
	for _, c := range []struct {
		wanted bool
		do     func() error
	}{
		{b.MoveTo != nil, func() error { _, err := p.Clock.Move(ctx, Conductor(), *b.MoveTo); return err }},
		{b.AdvanceSeconds > 0, func() error {
			_, err := p.Clock.Advance(ctx, Conductor(), time.Duration(b.AdvanceSeconds)*time.Second)
			return err
		}},
		{b.Rate != nil, func() error { _, err := p.Clock.SetRate(ctx, Conductor(), *b.Rate); return err }},
	} {
		if !c.wanted {
			continue
		}
		if err := c.do(); err != nil {
			return nil, err
		}
		changed = true
	}
	if !changed {
		return nil, apperr.New(apperr.Invalid, "clock.nothing", "请说明要把演练时间调到哪一刻(moveTo)、快进多久(advanceSeconds)，或者用什么倍率(rate)。")
	}
	if err := p.Hub.Tick(ctx); err != nil {
		return nil, err
	}
	r, err := p.Clock.Read(ctx)
	if err != nil {
		return nil, err
	}
	out := &clockOutput{}
	out.Body.Legal, out.Body.Rate = api.Stamp(r.Legal), r.Rate
	return out, nil
}
