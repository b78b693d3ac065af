package rehearse

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/server/api"
	"jianbiao/server/city"
	"jianbiao/server/platform"
)

// leaseFor is how long a lease holds without a sign of life.
const leaseFor = time.Minute

// Runs conducts rehearsals on the platform it belongs to, one at a time: its
// own with a seat for a person, or that of `jianbiao rehearse`, which takes the
// lease.
type Runs struct {
	url string
	log *slog.Logger
	ctx context.Context

	mu      sync.Mutex
	lease   string
	until   time.Time
	run     *runView
	proceed chan struct{}
	cancel  context.CancelFunc
	wait    sync.WaitGroup
}

// runView is a rehearsal in progress, for its page.
type runView struct {
	ID      string   `json:"id"`
	Seat    string   `json:"seatRole"`
	Bidders int      `json:"bidders"`
	State   string   `json:"state"` // running, done, failed
	Steps   []string `json:"steps"`
	Error   string   `json:"error,omitempty"`
	Progress
}

// NewRuns makes the conductor; ctx ends its runs. url is the platform's own
// address on this machine.
func NewRuns(ctx context.Context, url string, log *slog.Logger) *Runs {
	return &Runs{ctx: ctx, url: url, log: log}
}

// Wait waits for the run to end, after its context has ended.
func (r *Runs) Wait() { r.wait.Wait() }

// View implements city.Runs.
func (r *Runs) View() any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil {
		return nil
	}
	v := *r.run
	v.Steps = append([]string{}, r.run.Steps...)
	return v
}

var errBusy = apperr.New(apperr.Conflict, "rehearsal.busy", "正在进行另一场演练：一次只能演练一场，请等它结束，或到“演练”页面查看。")

// MayMove implements city.Runs: while somebody conducts, only he moves the
// clock, and it runs at rate 1 while a person holds a seat.
func (r *Runs) MayMove(lease string, rate *float64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held() && lease != r.lease {
		return errBusy
	}
	if rate != nil && *rate != 1 && r.run != nil && r.run.State == "running" && r.run.Seat != "" {
		return apperr.New(apperr.Precondition, "rehearsal.person_seated", "有人在演练席位上：演练时间按正常速度走。")
	}
	if r.held() {
		r.until = time.Now().Add(leaseFor)
	}
	return nil
}

func (r *Runs) held() bool { return r.lease != "" && time.Now().Before(r.until) }

// take gives the lease to one who asks, and lets its holder keep it.
func (r *Runs) take(mine string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held() && mine == r.lease {
		r.until = time.Now().Add(leaseFor)
		return mine, nil
	}
	if r.held() {
		return "", errBusy
	}
	r.lease, r.until = uuid.NewString(), time.Now().Add(leaseFor)
	return r.lease, nil
}

func (r *Runs) give(lease string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lease == r.lease {
		r.lease = ""
	}
}

type leaseBody struct {
	Lease  string `json:"lease,omitempty"`
	Holder string `json:"holder,omitempty"`
}

type leaseInput struct{ Body leaseBody }

type runInput struct {
	Body struct {
		Bidders int    `json:"bidders" minimum:"3" maximum:"12" doc:"投标人数"`
		Seat    string `json:"seat" enum:"watch,bidder,host" doc:"您坐哪一席"`
		Fail    int    `json:"fail,omitempty" minimum:"0" maximum:"3" doc:"不能解密的家数"`
		Pace    int    `json:"pace,omitempty" minimum:"0" maximum:"600" doc:"开标过程铺开多少秒"`
	}
}

type runOutput struct{ Body runView }

type runPath struct {
	ID string `path:"id"`
}

// Register adds the routes of rehearsals. They exist on a rehearsal instance
// only.
func (r *Runs) Register(p *platform.Platform) {
	city.Register(p, r)
	api.Register(p.API, api.Route{Method: http.MethodPost, Path: "/api/rehearsal/lease", Allow: api.Public, Summary: "取得演练的指挥权"},
		func(_ context.Context, _ actor.Actor, in *leaseInput) (*leaseInput, error) {
			lease, err := r.take(in.Body.Lease)
			return &leaseInput{leaseBody{Lease: lease}}, err
		})
	api.Register(p.API, api.Route{Method: http.MethodDelete, Path: "/api/rehearsal/lease", Allow: api.Public, Summary: "交还演练的指挥权", Status: http.StatusNoContent},
		func(_ context.Context, _ actor.Actor, in *leaseInput) (*api.Nothing, error) {
			r.give(in.Body.Lease)
			return nil, nil
		})
	api.Register(p.API, api.Route{Method: http.MethodPost, Path: "/api/rehearsal/runs", Allow: api.Public, Summary: "开始一场演练", Status: http.StatusCreated},
		func(_ context.Context, _ actor.Actor, in *runInput) (*runOutput, error) { return r.start(in) })
	api.Register(p.API, api.Route{Method: http.MethodGet, Path: "/api/rehearsal/runs/{id}", Allow: api.Public, Summary: "演练的进度"},
		func(_ context.Context, _ actor.Actor, in *runPath) (*runOutput, error) { return r.show(in.ID) })
	api.Register(p.API, api.Route{Method: http.MethodPost, Path: "/api/rehearsal/runs/{id}/continue", Allow: api.Public, Summary: "我已提交，继续", Status: http.StatusNoContent},
		func(_ context.Context, _ actor.Actor, in *runPath) (*api.Nothing, error) { return nil, r.goOn(in.ID) })
	api.Register(p.API, api.Route{Method: http.MethodDelete, Path: "/api/rehearsal/runs/{id}", Allow: api.Public, Summary: "结束演练", Status: http.StatusNoContent},
		func(_ context.Context, _ actor.Actor, in *runPath) (*api.Nothing, error) { return nil, r.end(in.ID) })
}

func (r *Runs) start(in *runInput) (*runOutput, error) {
	lease, err := r.take("")
	if err != nil {
		return nil, err
	}
	o := Options{URL: r.url, Bidders: in.Body.Bidders, Fail: in.Body.Fail, Pace: time.Duration(in.Body.Pace) * time.Second, Lease: lease}
	if in.Body.Seat != "watch" {
		o.Seat = in.Body.Seat
	}
	ctx, cancel := context.WithCancel(r.ctx)
	proceed := make(chan struct{}, 1)
	o.Proceed = proceed
	o.Told = r.told
	r.mu.Lock()
	r.run = &runView{ID: uuid.NewString(), Seat: o.Seat, Bidders: o.Bidders, State: "running", Steps: []string{}}
	r.run.Progress.Seat = (&play{o: o, people: seatPeople()}).seat()
	r.proceed, r.cancel = proceed, cancel
	view := *r.run
	r.mu.Unlock()
	r.wait.Go(func() { r.conduct(ctx, o) })
	return &runOutput{view}, nil
}

func seatPeople() []person {
	var out []person
	for _, x := range city.People() {
		out = append(out, person{Login: x.Login, Name: x.Name, Organisation: x.Organisation, Role: string(x.Role), Password: city.Password})
	}
	return out
}

func (r *Runs) conduct(ctx context.Context, o Options) {
	_, err := Run(ctx, o)
	r.give(o.Lease)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.State = "done"
	if ctx.Err() != nil {
		r.run.State, r.run.Error = "failed", "演练已经结束，可以重新开始一场。"
	} else if err != nil {
		r.run.State, r.run.Error = "failed", "演练没有如期完成，可以重新开始一场。"
		r.log.Warn("rehearsal failed", "error", err.Error())
	}
}

func (r *Runs) told(p Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run != nil {
		r.run.Progress = p
		r.run.Steps = append(r.run.Steps, p.Step+":"+p.Detail)
	}
}

func errNoRun() error {
	return apperr.New(apperr.NotFound, "rehearsal.no_run", "没有这场演练：它可能已经结束，请重新开始一场。")
}

func (r *Runs) show(id string) (*runOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil || r.run.ID != id {
		return nil, errNoRun()
	}
	v := *r.run
	v.Steps = append([]string{}, r.run.Steps...)
	return &runOutput{v}, nil
}

func (r *Runs) goOn(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil || r.run.ID != id {
		return errNoRun()
	}
	select {
	case r.proceed <- struct{}{}:
	default:
	}
	return nil
}

func (r *Runs) end(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil || r.run.ID != id {
		return errNoRun()
	}
	r.cancel()
	return nil
}
