package api

import (
	"context"
	"net/http"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
)

// Stamp is a time for the wire: RFC 3339 in Beijing time, to the millisecond.
func Stamp(t time.Time) string { return t.In(evidence.Beijing).Format("2006-01-02T15:04:05.000-07:00") }

// StampPtr is Stamp, nil for nil.
func StampPtr(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := Stamp(*t)
	return &s
}

// Nothing is the input or output of a handler that has none.
type Nothing struct{}

// TimeReading is legal and real time at one instant.
type TimeReading struct {
	Legal string  `json:"legal" doc:"授时(法定时间)"`
	Real  string  `json:"real" doc:"数据库的实际时间"`
	Rate  float64 `json:"rate" doc:"legal seconds in a real one; 1 in production"`
}

type timeOutput struct{ Body TimeReading }

// Health is the answer to whoever watches over the program.
type Health struct {
	Status    string `json:"status" doc:"ok"`
	Rehearsal bool   `json:"rehearsal" doc:"演练"`
	LegalTime string `json:"legalTime" doc:"授时"`
	Version   string `json:"version"`
}

type healthOutput struct{ Body Health }

func (a *API) registerTime() {
	Register(a, Route{Method: http.MethodGet, Path: "/api/health", Allow: Public, Summary: "平台是否正常"}, a.health)
	Register(a, Route{Method: http.MethodGet, Path: "/api/time", Allow: Public, Summary: "授时"}, a.time)
}

func (a *API) health(ctx context.Context, _ actor.Actor, _ *Nothing) (*healthOutput, error) {
	legal, err := a.deps.Clock.Legal(ctx)
	if err != nil {
		return nil, err
	}
	return &healthOutput{Health{Status: "ok", Rehearsal: a.deps.Rehearsal, LegalTime: Stamp(legal), Version: a.deps.Version}}, nil
}

func (a *API) time(ctx context.Context, _ actor.Actor, _ *Nothing) (*timeOutput, error) {
	r, err := a.deps.Clock.Read(ctx)
	if err != nil {
		return nil, err
	}
	return &timeOutput{TimeReading{Legal: Stamp(r.Legal), Real: Stamp(r.Real), Rate: r.Rate}}, nil
}
