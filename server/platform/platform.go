// Package platform puts the parts together: database, evidence, services, API,
// halls, timetable. It is the whole program without its command line, so that
// tests and benchmarks run the real thing.
package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/bidding/submission"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/clock"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
	"jianbiao/internal/holiday"
	"jianbiao/internal/identity"
	"jianbiao/internal/keystore"
	"jianbiao/internal/rule"
	"jianbiao/internal/upload"
	"jianbiao/migrations"
	"jianbiao/server/api"
	"jianbiao/server/backup"
	"jianbiao/server/jobs"
	"jianbiao/server/live"
	"jianbiao/server/operate"
	"jianbiao/server/room"
	"jianbiao/server/web"
)

// Version is the program's.
const Version = "0.1.0"

// Config is what a platform is started with.
type Config struct {
	Data        string // folder for keys, files and, without DatabaseURL, the database
	DatabaseURL string // another PostgreSQL; "" starts our own below Data
	Rehearsal   bool   // 演练: made-up people, a clock that may be moved
	Site        string // the address at which people reach the platform, for printed documents
	Secure      bool   // served over TLS by a proxy before us
	Log         *slog.Logger
	// TrustedRoots is a file, or a folder of files, of the CAs whose certificates
	// may be used (certificate.Load); "": none, but in a rehearsal its own.
	TrustedRoots string
	// SecondFactor says of whom a second factor is asked before a sensitive act:
	// off, enrolled (the default) or required.
	SecondFactor identity.FactorPolicy
	// TrustedProxies are the proxies whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	MetricsToken   string // for GET /metrics, "" closes it
	Unsafe         bool   // no fsync: tests only
}

// Platform is a running platform without its listener.
type Platform struct {
	Config      Config
	Database    *database.Server
	DB          *sqlx.DB
	Store       *evidence.Store
	Clock       *clock.Clock
	Identity    *identity.Service
	Keys        *keystore.Store
	Files       *blob.Folder
	Uploads     *upload.Store
	Holidays    *holiday.Service
	Lots        *lot.Service
	Submissions *submission.Service
	Openings    *opening.Service
	Dictionary  evidence.Dictionary
	Trust       *certificate.Trust
	DemoCA      *democa.CA // of a rehearsal only
	API         *api.API
	Hub         *live.Hub
	Operator    *operate.Operator
	guard       *database.Guard
	jobs        *jobs.Runner
	unfollow    context.CancelFunc // ends the reading of holiday notices
	handler     http.Handler
}

// own are the kinds of what belongs to no domain.
var own = []evidence.Kind{
	{Name: "clock.changed", Label: "演练时间调整"},
	{Name: "city.begun", Label: "演练城市开始建立"},
	{Name: "city.finished", Label: "演练城市建成"},
}

// Dictionary is every kind of event that the platform records.
func Dictionary() evidence.Dictionary {
	return evidence.NewDictionary(own, identity.Kinds(), holiday.Kinds(), lot.Kinds(), submission.Kinds(), opening.Kinds())
}

// Start opens the database, brings its schema up to date and wires everything.
// Jobs run only after Run. Errors that a person can mend are *apperr.Error.
func Start(ctx context.Context, cfg Config) (*Platform, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, apperr.New(apperr.Unavailable, "platform.data", "不能使用数据目录 %s:请检查权限。", cfg.Data).Because(err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, backup.Pending)); err == nil {
		return nil, apperr.New(apperr.Precondition, "platform.restoring", "数据目录 %s 里有一次没有完成的恢复：请清空目录后重新恢复，再启动平台。", cfg.Data)
	}
	p := &Platform{Config: cfg}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
	return p, nil
}

func (p *Platform) open(ctx context.Context) (err error) {
	if p.Database, err = database.Start(ctx, database.Options{DataDir: p.Config.Data, DatabaseURL: p.Config.DatabaseURL, Log: p.Config.Log, Unsafe: p.Config.Unsafe}); err != nil {
		return err
	}
	if err := p.migrate(ctx); err != nil {
		return err
	}
	if p.DB, p.guard, err = database.OpenGuarded(ctx, p.Database.AppDSN(""), p.Config.Log); err != nil {
		return err
	}
	if p.Keys, err = keystore.Open(filepath.Join(p.Config.Data, "keys")); err != nil {
		return err
	}
	if p.Files, err = blob.NewFolder(filepath.Join(p.Config.Data, "files")); err != nil {
		return err
	}
	if p.Uploads, err = upload.Open(filepath.Join(p.Config.Data, "uploads")); err != nil {
		return err
	}
	if err = p.trust(); err != nil {
		return err
	}
	p.wire()
	if err := p.Holidays.Refresh(ctx); err != nil {
		return err
	}
	if p.Config.Rehearsal {
		return nil
	}
	return p.Clock.CheckProduction(ctx)
}

func (p *Platform) migrate(ctx context.Context) error {
	owner, err := database.OpenPool(ctx, p.Database.OwnerDSN(""), 2, 1)
	if err != nil {
		return err
	}
	defer func() { _ = owner.Close() }()
	return database.Migrate(ctx, owner, migrations.FS)
}

func (p *Platform) wire() {
	p.Operator = operate.New()
	p.Store = evidence.NewStore(p.DB)
	p.Clock = clock.New(p.Store, p.Config.Rehearsal)
	p.Identity = identity.NewService(p.Store, identity.Config{Now: time.Now, Rehearsal: p.Config.Rehearsal, Secret: p.Keys.Derive("identity"),
		Trust: p.Trust, SecondFactor: p.Config.SecondFactor})
	p.Holidays = holiday.NewService(p.Store, p.Config.Log)
	p.Lots = lot.NewService(p.Store, rule.Following(p.Holidays.Calendar, rule.Default()), p.Keys, p.Files)
	p.Submissions = submission.NewService(p.Store, p.Keys, p.Files)
	p.Submissions.SetUploads(p.Uploads)
	p.Lots.SetUploads(p.Uploads)
	p.Keys.SetPermit(opening.Permit(p.Store))
	p.Openings = opening.NewService(p.Store, p.Submissions, p.Keys, p.Keys, p.Files)
	p.Openings.SetTrust(p.Trust)
	p.Dictionary = Dictionary()
	p.API = api.New(api.Deps{Store: p.Store, Identity: p.Identity, Clock: p.Clock, Log: p.Config.Log, Meta: meta(p.Dictionary),
		Version: Version, Rehearsal: p.Config.Rehearsal, Secure: p.Config.Secure,
		Observe: p.Operator.Observe, Gone: p.guard.Down, Address: api.AddressBehind(p.Config.TrustedProxies)})
	p.Operator.Register(p.API)
	api.RegisterTrade(p.API, api.Trade{Holidays: p.Holidays, Lots: p.Lots, Submissions: p.Submissions, Openings: p.Openings, Uploads: p.Uploads, Keys: p.Keys, Dictionary: p.Dictionary, PublicURL: p.Config.Site})
	p.Hub = live.New(live.Options{Source: p.Store, Room: room.New(p.Openings, p.Dictionary, p.DB), DSN: p.Database.AppDSN(""), Log: p.Config.Log,
		Clock: p.readClock, Recheck: api.Recheck(p.Identity), Guard: api.Guard(p.Identity),
		Problem: func(ctx context.Context, err error) any { return p.API.Explain(ctx, err) }})
	api.RegisterLive(p.API, p.Hub)
	p.Operator.Set(operate.Deps{DB: p.DB, Data: p.Config.Data, Version: Version, Schema: newestSchema(), PID: p.Database.PID, Viewers: p.Hub.Viewers,
		Jobs: p.timetable, MetricsToken: p.Config.MetricsToken})
}

func newestSchema() int64 {
	n, err := database.NewestVersion(migrations.FS)
	if err != nil {
		panic("platform: the migrations in the program: " + err.Error())
	}
	return n
}

func (p *Platform) timetable() []jobs.Line {
	if p.jobs == nil {
		return nil
	}
	return p.jobs.Lines()
}

func (p *Platform) readClock(ctx context.Context) (live.Reading, error) {
	r, err := p.Clock.Read(ctx)
	return live.Reading{Legal: r.Legal, Real: r.Real, Rate: r.Rate}, err
}

// meta is every label that pages show.
func meta(d evidence.Dictionary) api.Meta {
	m := api.Meta{LotStates: map[string]string{}, Events: map[string]api.EventLabel{}, Commands: map[string]api.CommandLabel{}, Reasons: opening.Reasons,
		Flags: opening.Flags, Outcomes: opening.Outcomes}
	for s, label := range lot.Table.Labels {
		m.LotStates[string(s)] = label
	}
	for _, s := range opening.Table.States {
		m.OpeningStates = append(m.OpeningStates, api.OpeningState{Code: string(s), Label: opening.Table.Labels[s], Step: opening.Step(s)})
	}
	for name, k := range d {
		m.Events[name] = api.EventLabel{Label: k.Label, Audience: k.Class.String()}
	}
	for _, labels := range []map[string]string{lot.Commands, opening.Commands} {
		for c, label := range labels {
			m.Commands[c] = api.CommandLabel{Label: label, Irreversible: room.Irreversible(c)}
		}
	}
	return m
}

// Handler is the whole site.
func (p *Platform) Handler() http.Handler {
	if p.handler == nil {
		p.API.Site(web.Handler())
		p.handler = p.API.Handler()
	}
	return p.handler
}

// Run starts the timetable.
func (p *Platform) Run() (err error) {
	following, cancel := context.WithCancel(context.Background())
	p.unfollow = cancel
	go p.Holidays.Follow(following, p.Database.AppDSN(""))
	p.jobs, err = jobs.Start(p.Store, p.Config.Log, []jobs.Job{jobs.Openings(p.Openings), jobs.Heartbeat(p.Store, p.Openings), jobs.Sweep(p.Identity), jobs.SweepUploads(p.Uploads)})
	return err
}

// Serve answers on the listener until ctx ends, then shuts down in order: no new
// connections, requests under way are answered, halls are told to come back
// (1012) and resume where they were at whoever answers then.
func (p *Platform) Serve(ctx context.Context, l net.Listener) error {
	if err := p.Run(); err != nil {
		return err
	}
	srv := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(p.Config.Log.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	finished := make(chan error, 1)
	go func() { finished <- srv.Shutdown(grace) }() // closes the listener at once
	if err := p.Hub.Close(3 * time.Second); err != nil {
		p.Config.Log.Warn("some viewers were cut off", "error", err) // they resume all the same
	}
	return <-finished
}

// Stop ends what Start began, PostgreSQL too.
func (p *Platform) Stop(ctx context.Context) error {
	grace, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if p.unfollow != nil {
		p.unfollow()
	}
	if p.jobs != nil {
		p.jobs.Stop(grace)
	}
	var err error
	if p.Hub != nil {
		err = p.Hub.Close(time.Second)
	}
	if p.guard != nil {
		p.guard.Close()
	}
	if p.DB != nil {
		err = errors.Join(err, p.DB.Close())
	}
	if p.Database != nil {
		err = errors.Join(err, p.Database.Stop(grace))
	}
	return err
}
