package rehearse

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
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
}

// Run plays a lot to its end. It returns what came of it, and an error when
// anything was not as it should be.
func Run(ctx context.Context, o Options) (Summary, error) {
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
	for _, step := range []func(context.Context) error{p.publish, p.submitAll, p.toDeadline, p.session} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare finds the people, takes the lease and logs everybody in.
func (p *play) prepare(ctx context.Context) (err error) {
	if p.open, err = newClient(p.o.URL, ""); err != nil {
		return err
	}
	var city struct{ People []person }
	if err := p.open.do(ctx, http.MethodGet, "/api/rehearsal", nil, &city); err != nil {
		return fmt.Errorf("这不是一个演练平台，或者平台没有启动：%w", err)
	}
	p.people = city.People
	if p.theLease() == "" {
		var lease struct{ Lease string }
		if err := p.open.do(ctx, http.MethodPost, "/api/rehearsal/lease", map[string]string{"holder": "jianbiao rehearse"}, &lease); err != nil {
			return err
		}
		p.setLease(lease.Lease)
	}
	if err := p.calm(ctx); err != nil {
		return err
	}
	for _, l := range []struct {
		to    **client
		login string
	}{{&p.buyer, "buyer1"}, {&p.host, "agency1"}, {&p.watch, "supervisor1"}} {
		if *l.to, _, err = p.login(ctx, l.login); err != nil {
			return err
		}
	}
	if err := p.hire(ctx); err != nil {
		return err
	}
	if err := p.furnish(ctx); err != nil {
		return err
	}
	return p.open.do(ctx, http.MethodGet, "/api/keys", nil, &p.keys)
}

// calm lets the clock run at rate 1 while a person holds a seat.
func (p *play) calm(ctx context.Context) error {
	if p.o.Seat == "" {
		return nil
	}
	return p.open.do(ctx, http.MethodPost, "/api/rehearsal/clock", map[string]any{"rate": 1, "lease": p.theLease()}, nil)
}

// keepLease says now and then that the conductor is still there; a server that
// was started again knows of no lease and gives a new one.
func (p *play) keepLease(ctx context.Context) {
	t := time.NewTicker(leaseFor / 4)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			var lease struct{ Lease string }
			if p.open.do(ctx, http.MethodPost, "/api/rehearsal/lease", map[string]string{"lease": p.theLease()}, &lease) == nil {
				p.setLease(lease.Lease)
			}
		}
	}
}

func (p *play) theLease() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lease
}

func (p *play) setLease(lease string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lease = lease
}

func (p *play) login(ctx context.Context, login string) (*client, person, error) {
	i := slices.IndexFunc(p.people, func(x person) bool { return x.Login == login })
	if i < 0 {
		return nil, person{}, fmt.Errorf("演练城市里没有 %s 这个人", login)
	}
	c, err := newClient(p.o.URL, login)
	if err != nil {
		return nil, person{}, err
	}
	return c, p.people[i], c.session(ctx, p.people[i].Password)
}

// first is the first bidder that robots play: the ones before have bids of the
// city in their vaults.
const first = 7

// hire logs the robots in, registers their keys, and leaves out the seat of a
// person.
func (p *play) hire(ctx context.Context) error {
	n := p.o.Bidders
	if p.o.Seat == "bidder" {
		n--
	}
	if most := len(p.people); !slices.ContainsFunc(p.people, func(x person) bool { return x.Login == fmt.Sprintf("bidder%d", first+n) }) {
		return fmt.Errorf("演练城市里没有这么多投标单位（城里共 %d 人）：请减少投标人数", most)
	}
	for i := range n {
		r, err := p.hireOne(ctx, fmt.Sprintf("bidder%d", first+1+i))
		if err != nil {
			return err
		}
		r.fails, r.price = i >= n-p.o.Fail, 45_000_000+int64(i)*310_000
		p.robots = append(p.robots, r)
	}
	return nil
}

// hireOne logs a firm in and registers the key it signs with.
func (p *play) hireOne(ctx context.Context, login string) (*robot, error) {
	c, who, err := p.login(ctx, login)
	if err != nil {
		return nil, err
	}
	var session struct{ Organisation struct{ USCC string } }
	if err := c.do(ctx, http.MethodGet, "/api/session", nil, &session); err != nil {
		return nil, err
	}
	f, err := firm.New(who.Organisation, session.Organisation.USCC, who.Name)
	if err != nil {
		return nil, err
	}
	return &robot{client: c, Firm: f, who: who}, c.do(ctx, http.MethodPost, "/api/firm-key", map[string]string{"publicKey": f.PublicKey()}, nil)
}

func (p *play) seat() *Seat {
	login := map[string]string{"bidder": fmt.Sprintf("bidder%d", first), "host": "agency1"}[p.o.Seat]
	for _, x := range p.people {
		if login != "" && x.Login == login {
			return &Seat{Role: p.o.Seat, Login: login, Password: x.Password, Organisation: x.Organisation}
		}
	}
	return nil
}

// now is the platform's legal time.
func (p *play) now(ctx context.Context) (time.Time, error) {
	var t struct{ Legal time.Time }
	err := p.open.do(ctx, http.MethodGet, "/api/time", nil, &t)
	return t.Legal.In(evidence.Beijing), err
}

// moveTo moves the rehearsal's clock forward.
func (p *play) moveTo(ctx context.Context, to time.Time) error {
	now, err := p.now(ctx)
	if err != nil || !to.After(now) {
		return err
	}
	return p.open.do(ctx, http.MethodPost, "/api/rehearsal/clock", map[string]any{"moveTo": to.Format(time.RFC3339), "lease": p.theLease()}, nil)
}

// publish registers a project, makes a lot with its document, and publishes.
func (p *play) publish(ctx context.Context) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	p.project = "演练 · 幸福社区服务中心工程"
	var agencies struct {
		Items []struct{ ID, Name string }
	}
	if err := p.buyer.do(ctx, http.MethodGet, "/api/agencies", nil, &agencies); err != nil {
		return err
	}
	agency := ""
	for _, a := range agencies.Items {
		if slices.ContainsFunc(p.people, func(x person) bool { return x.Login == "agency1" && x.Organisation == a.Name }) {
			agency = a.ID
		}
	}
	var project struct{ ID string }
	if err := p.buyer.do(ctx, http.MethodPost, "/api/projects", map[string]any{"code": "YL-" + strings.ToUpper(uuid.NewString()[:8]), "name": p.project,
		"compulsory": true, "region": "321302", "agency": agency, "approvalNumber": "宿发改审发〔2026〕12号", "approvalAuthority": "宿迁市发展和改革委员会"}, &project); err != nil {
		return err
	}
	var page struct{ Lot struct{ ID string } }
	if err := p.host.do(ctx, http.MethodPost, "/api/projects/"+project.ID+"/lots", map[string]string{"name": "施工", "estimate": "52000000"}, &page); err != nil {
		return err
	}
	p.lot.ID = page.Lot.ID
	if err := p.host.do(ctx, http.MethodPut, "/api/lots/"+p.lot.ID+"/document", p.params(), nil); err != nil {
		return err
	}
	deadline := time.Date(now.Year(), now.Month(), now.Day()+22, 9, 30, 0, 0, evidence.Beijing)
	if err := p.host.do(ctx, http.MethodPost, "/api/lots/"+p.lot.ID+"/commands/publish", map[string]any{"saleEnd": now.AddDate(0, 0, 6), "bidDeadline": deadline,
		"noticeTitle": p.project + "招标公告", "noticeBody": "本项目不设报名，任何经核验的单位登录后即可获取招标文件。"}, nil); err != nil {
		return err
	}
	p.tell("发布公告", "%s，投标截止 %s", p.project, deadline.Format("01-02 15:04"))
	return p.readLot(ctx)
}

func (p *play) params() lot.Params {
	sealCheck, decrypt := 5, 30
	if p.o.Seat != "" {
		sealCheck, decrypt = 3, 10
	}
	return lot.Params{
		Sections: []lot.Section{{Name: "qualification", Label: "资格审查资料", Required: true}, {Name: "technical", Label: "技术标", Required: true},
			{Name: "price", Label: "报价文件", Required: true}},
		PriceCeiling: "52000000.00", DecryptMinutes: decrypt, SealCheckMinutes: sealCheck, ObjectionMinutes: 5, ConfirmMinutes: 5,
		Coefficient: &lot.Coefficient{Min: "0.95", Max: "0.98", Step: "0.005"}, BidValidityDays: 90, DurationDays: 365, Quality: "合格",
		Deposit: &lot.Deposit{Amount: "800000", Forms: []string{"银行保函", "保证保险", "转账"}},
	}
}

func (p *play) readLot(ctx context.Context) error {
	var page struct {
		Lot struct {
			Name            string
			BidDeadline     time.Time
			DocumentVersion int
			Keys            struct{ Cutoff, Opening string }
		}
	}
	if err := p.open.do(ctx, http.MethodGet, "/api/lots/"+p.lot.ID, nil, &page); err != nil {
		return err
	}
	p.lot = firm.Lot{ID: p.lot.ID, Title: p.project + " " + page.Lot.Name, DocumentVersion: page.Lot.DocumentVersion, CutoffKey: page.Lot.Keys.Cutoff,
		OpeningKey: page.Lot.Keys.Opening, Deadline: page.Lot.BidDeadline}
	return nil
}

// submitAll has every robot seal and submit; one replaces its bid, and when
// there are enough, one more firm submits and withdraws.
func (p *play) submitAll(ctx context.Context) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	if err := p.moveTo(ctx, now.AddDate(0, 0, 15)); err != nil {
		return err
	}
	for i, r := range p.robots {
		if err := p.submit(ctx, r, seal.KindBid); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		p.tell("密封投标", "第 %d/%d 家已取得回执", i+1, len(p.robots))
	}
	if len(p.robots) > 0 {
		p.robots[0].price -= 120_000
		if err := p.submit(ctx, p.robots[0], seal.KindBid); err != nil {
			return fmt.Errorf("replace: %w", err)
		}
		p.tell("替换投标", "一家替换了投标文件")
	}
	if p.o.Bidders < 6 {
		return nil
	}
	return p.comeAndGo(ctx)
}

// comeAndGo is a firm that bids and withdraws before the deadline.
func (p *play) comeAndGo(ctx context.Context) error {
	login := fmt.Sprintf("bidder%d", first+1+len(p.robots))
	if !slices.ContainsFunc(p.people, func(x person) bool { return x.Login == login }) {
		return nil // the city has no more firms; the rehearsal goes on without this scene
	}
	r, err := p.hireOne(ctx, login)
	if err != nil {
		return err
	}
	r.price = 44_440_000
	if err := p.submit(ctx, r, seal.KindBid); err != nil {
		return err
	}
	p.tell("撤回投标", "一家递交后又撤回")
	return p.submit(ctx, r, seal.KindWithdrawal)
}

// submit seals on the robot's machine, sends the envelope and verifies the
// receipt against the platform's published keys.
func (p *play) submit(ctx context.Context, r *robot, kind seal.Kind) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	var envelope bytes.Buffer
	if kind == seal.KindWithdrawal {
		b, err := r.Withdraw(&envelope, p.lot, now)
		if err != nil {
			return err
		}
		return p.hand(ctx, r, envelope.Bytes(), func(receipt seal.Receipt) error { return r.Keep(b, receipt) })
	}
	files, err := papers(r.Name, p.project, r.price, now)
	if err != nil {
		return err
	}
	b, err := r.Seal(&envelope, p.lot, firm.Offer{Price: fmt.Sprintf("%d.00", r.price), Duration: 330, Quality: "合格", Manager: r.who.Name,
		DepositForm: "银行保函", DepositAmount: "800000", Files: files}, now)
	if err != nil {
		return err
	}
	return p.hand(ctx, r, envelope.Bytes(), func(receipt seal.Receipt) error { return r.Keep(b, receipt) })
}

func (p *play) hand(ctx context.Context, r *robot, envelope []byte, keep func(seal.Receipt) error) error {
	raw, _, err := r.send(ctx, http.MethodPost, "/api/bids", http.Header{"Content-Type": {"application/octet-stream"}},
		func() io.Reader { return bytes.NewReader(envelope) })
	if err != nil {
		return err
	}
	receipt, err := p.verify(raw)
	if err != nil {
		return err
	}
	if err := p.leave(fmt.Sprintf("receipt-%s-%d.json", r.login, receipt.Number), raw); err != nil {
		return err
	}
	if err := keep(receipt); err != nil {
		return err
	}
	return p.saveVault(ctx, r)
}

func (p *play) verify(raw []byte) (r seal.Receipt, err error) {
	if err := decode(raw, &r); err != nil {
		return r, err
	}
	ed, err := base64.RawURLEncoding.DecodeString(p.keys.Ed25519)
	if err != nil || len(ed) != ed25519.PublicKeySize {
		return r, errors.New("the platform's Ed25519 key is malformed")
	}
	sm2, err := seal.ParsePublicKey(p.keys.SM2)
	if err != nil {
		return r, err
	}
	return r, seal.VerifyReceipt(r, ed, sm2)
}

// saveVault keeps the robot's vault on the server, as a person's browser does.
func (p *play) saveVault(ctx context.Context, r *robot) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	blob, err := r.Blob(r.who.Password, now)
	if err != nil {
		return err
	}
	for range 3 { // an answer that was lost on its way looks like somebody else's save
		err = p.putVault(ctx, r, blob)
		var problem *Problem
		if !errors.As(err, &problem) || problem.Code != "vault.changed" {
			return err
		}
	}
	return err
}

func (p *play) putVault(ctx context.Context, r *robot, blob []byte) error {
	_, header, err := r.send(ctx, http.MethodGet, "/api/vault", nil, func() io.Reader { return http.NoBody })
	if err != nil {
		return err
	}
	_, _, err = r.send(ctx, http.MethodPut, "/api/vault", http.Header{"If-Match": {header.Get("ETag")}, "Content-Type": {"application/octet-stream"}},
		func() io.Reader { return bytes.NewReader(blob) })
	return err
}

// toDeadline waits for a person who bids, then moves the clock to just before
// the deadline, lets everybody into the hall, and passes it.
func (p *play) toDeadline(ctx context.Context) error {
	if p.o.Seat == "bidder" {
		p.tell("等您投标", "请登录后在标段页面填写投标函、加密并提交，然后点“我已提交，继续”")
		select {
		case <-p.o.Proceed:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(humanPatience):
		}
	}
	lead := 30 * time.Second
	if p.o.Seat != "" {
		lead = 20 * time.Second
	}
	if err := p.moveTo(ctx, p.lot.Deadline.Add(-lead)); err != nil {
		return err
	}
	for _, r := range p.robots {
		r.hall = enter(r.client, p.lot.ID, "party")
		go r.hall.run(ctx)
	}
	p.tell("进入大厅", "各方进入开标大厅，等候截止")
	if p.o.Seat != "" {
		return nil // legal time runs at rate 1 while a person is there
	}
	return p.moveTo(ctx, p.lot.Deadline)
}

// humanPatience is how long a rehearsal waits for its person.
const humanPatience = 20 * time.Minute

// session plays the opening: every robot acts on what it sees in the hall.
func (p *play) session(ctx context.Context) error {
	patient := p.o.Pace + 15*time.Minute
	if p.o.Seat != "" {
		patient += 2 * humanPatience
	}
	limit, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	host := enter(p.host, p.lot.ID, "party")
	watch := enter(p.watch, p.lot.ID, "party")
	wall := enter(p.open, p.lot.ID, "public")
	for _, h := range []*hall{host, watch, wall} {
		go h.run(limit)
	}
	var all sync.WaitGroup
	failures := make(chan error, len(p.robots)+2)
	part := func(f func() error) {
		all.Go(func() {
			err := f()
			if err != nil {
				cancel() // nobody waits for one who cannot go on
			}
			failures <- err
		})
	}
	for i, r := range p.robots {
		part(func() error { return p.bid(limit, i, r) })
	}
	part(func() error { return p.conduct(limit, host) })
	part(func() error { return p.supervise(limit, watch) })
	all.Wait()
	close(failures)
	var err error
	for e := range failures {
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	return p.sawAll(ctx, host, watch, wall)
}

// sawAll says whether every place in the hall saw every event once: each has
// come to the head of the stream without a gap.
func (p *play) sawAll(ctx context.Context, places ...*hall) error {
	for _, r := range p.robots {
		places = append(places, r.hall)
	}
	events, err := p.allEvents(ctx)
	if err != nil {
		return err
	}
	head := int64(len(events))
	for _, h := range places {
		for until := time.Now().Add(10 * time.Second); h.position() < head && time.Now().Before(until); {
			h.wait(ctx, h.position(), time.Second)
		}
		if h.position() != head || h.gaps > 0 {
			return fmt.Errorf("大厅里有一席只看到第 %d 条，共有 %d 条", h.position(), head)
		}
	}
	return nil
}

// over says whether the session has ended for everybody.
func over(s opening.State) bool { return s == opening.Closed || s == opening.AbortedLt3 }

// follow shows each new state of the hall to act until the session is over.
func (p *play) follow(ctx context.Context, h *hall, act func(*opening.Snapshot) error) error {
	for ctx.Err() == nil {
		at := h.position()
		snap, err := h.look(ctx)
		if tooOften(err) {
			rest(ctx, time.Second)
			continue
		}
		if err != nil {
			return err
		}
		if over(snap.State) {
			return nil
		}
		if err := act(snap); err != nil && !passing(err) && !tooOften(err) {
			return err
		}
		h.wait(ctx, at, 2*time.Second)
		rest(ctx, 400*time.Millisecond) // events come in bursts; one look is enough for all
	}
	return fmt.Errorf("开标没有在时限内结束： %w", ctx.Err())
}

// passing are refusals that say that the hall has moved on meanwhile: look again.
func passing(err error) bool {
	var problem *Problem
	return errors.As(err, &problem) && (problem.Status == http.StatusPreconditionFailed || problem.Status == http.StatusConflict)
}

// tooOften says that the hall asks for patience.
func tooOften(err error) bool {
	var problem *Problem
	return errors.As(err, &problem) && problem.Status == http.StatusTooManyRequests
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// pause spreads the opening over the pace asked for.
func (p *play) pause(ctx context.Context, share float64) {
	rest(ctx, time.Duration(float64(p.o.Pace)*share))
}
