package rehearse

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"jianbiao/bidding/opening"
	"jianbiao/server/firm"
)

// Options say what is played.
type Options struct {
	URL     string
	Bidders int           // firms that bid
	Fail    int           // how many of them cannot decrypt
	Pace    time.Duration // the opening is spread over so long
	Out     string        // folder for receipts and record, "" for none
	Seat    string        // "bidder" or "host": a person plays it; "" for none
	Two     bool          // two envelopes (双信封), opened on two days
	Say     func(format string, args ...any)
	Told    func(Progress) // what is happening, for a page; may be nil
	Proceed <-chan struct{}
	Lease   string // of the one who conducts, if taken already
}

// Progress is where a rehearsal stands.
type Progress struct {
	Lot    string `json:"lot"`
	Step   string `json:"step"`
	Detail string `json:"detail"`
	Seat   *Seat  `json:"seat,omitempty"`
}

// Seat is the place that a person takes.
type Seat struct {
	Role         string `json:"role"`
	Login        string `json:"login"`
	Password     string `json:"password"`
	Organisation string `json:"organisation"`
}

// Summary is the last line of the command.
type Summary struct {
	Lot       string `json:"lot"`
	Bidders   int    `json:"bidders"`
	Decrypted int    `json:"decrypted"`
	Revoked   int    `json:"revoked"`
	Withdrawn int    `json:"withdrawn"`
	Rejected  int    `json:"rejected,omitempty"` // did not pass the review of the first envelope
	Sessions  int    `json:"sessions,omitempty"`
	State     string `json:"state"`
	Events    int64  `json:"events"`
	Seconds   int    `json:"seconds"`
}

type person struct {
	Login        string `json:"login"`
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
	Role         string `json:"role"`
	Password     string `json:"password"`
}

// robot is a firm that is played.
type robot struct {
	*client
	*firm.Firm
	who   person
	fails bool
	price int64
	hall  *hall
}

type play struct {
	o       Options
	began   time.Time
	people  []person
	open    *client // without a login: the public, and the conductor
	buyer   *client
	host    *client
	watch   *client
	robots  []*robot
	lot     firm.Lot
	mu      sync.Mutex
	lease   string
	keys    struct{ Ed25519, SM2 string }
	project string
	second  bool // the second session is on, or over
}

// Run plays a lot to its end. It returns what came of it, and an error when
// anything was not as it should be.
func Run(ctx context.Context, o Options) (Summary, error) {
	if o.Two && o.Seat != "" {
		return Summary{}, fmt.Errorf("双信封的演练没有给人的席位")
	}
	if o.Bidders < 1 || o.Fail < 0 || o.Fail > o.Bidders {
		return Summary{}, fmt.Errorf("演练的投标人数应不少于 1，不能解密的家数应在 0 和投标人数之间")
	}
	p := &play{o: o, began: time.Now(), lease: o.Lease}
	if p.o.Say == nil {
		p.o.Say = func(string, ...any) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := p.prepare(ctx)
	go p.keepLease(ctx)
	if err == nil {
		err = p.play(ctx)
	}
	if lease := p.theLease(); lease != "" && o.Lease == "" {
		_ = p.open.do(context.WithoutCancel(ctx), http.MethodDelete, "/api/rehearsal/lease", map[string]string{"lease": lease}, nil)
	}
	if err != nil {
		return Summary{Lot: p.lot.ID, Seconds: p.seconds()}, err
	}
	return p.check(ctx)
}

func (p *play) seconds() int { return int(time.Since(p.began).Round(time.Second) / time.Second) }

func (p *play) tell(step, format string, args ...any) {
	detail := fmt.Sprintf(format, args...)
	p.o.Say("%s:%s", step, detail)
	if p.o.Told != nil {
		p.o.Told(Progress{Lot: p.lot.ID, Step: step, Detail: detail, Seat: p.seat()})
	}
}

func (p *play) play(ctx context.Context) error {
	steps := []func(context.Context) error{p.publish, p.submitAll, p.toDeadline, p.session}
	if p.o.Two && p.o.Bidders >= opening.MinBids {
		steps = append(steps, p.between, p.session)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
