package database_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/lib/pq"

	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/internal/database/pgtest"
)

func TestWith(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, dsn string
		settings  []string
		want      pq.Config
	}{
		{
			"URL", "postgres://u:p%27%5C%20w@db.example:6000/trade?sslmode=disable&timezone=UTC", []string{"role", "app"},
			pq.Config{Host: "db.example", Port: 6000, User: "u", Password: `p'\ w`, Database: "trade", Runtime: map[string]string{"timezone": "UTC", "role": "app"}},
		},
		{
			"URL with its database replaced", "postgresql://u@db.example/trade", []string{"dbname", "it's"},
			pq.Config{Host: "db.example", Port: 5432, User: "u", Database: "it's"},
		},
		{
			"URL with a socket", "postgres:///trade?host=/run/pg&user=u", nil,
			pq.Config{Host: "/run/pg", Port: 5432, User: "u", Database: "trade"},
		},
		{
			"keywords", " host=db.example user=u password='a b' dbname=trade role=other ", []string{"role", "app", "dbname", `x\y`},
			pq.Config{Host: "db.example", Port: 5432, User: "u", Password: "a b", Database: `x\y`, Runtime: map[string]string{"role": "app"}},
		},
		{
			"IPv6", "postgres://u@[::1]:5433/trade", nil,
			pq.Config{Host: "::1", Port: 5433, User: "u", Database: "trade"},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dsn, err := database.With(tc.dsn, tc.settings...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := pq.NewConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			same := got.Host == tc.want.Host && got.Port == tc.want.Port && got.User == tc.want.User &&
				got.Password == tc.want.Password && got.Database == tc.want.Database
			for key, value := range tc.want.Runtime {
				same = same && got.Runtime[key] == value
			}
			if !same {
				t.Errorf("%s is read as %+v, want %+v", dsn, got, tc.want)
			}
		})
	}
}

func TestWith_refusesABadURLWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	_, err := database.With("postgres://u:hush@host:port/x")
	if apperr.CodeOf(err) != "database.url_invalid" || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v, want database.url_invalid without the password", err)
	}
}

// Both forms of DATABASE_URL give the owner and the application their
// addresses on a PostgreSQL that somebody else runs.
func TestStart_withAnAddress(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	cfg, err := pq.NewConfig(db.OwnerDSN)
	if err != nil {
		t.Fatal(err)
	}
	asURL := "postgres://" + cfg.User + "@/" + cfg.Database + "?host=" + url.QueryEscape(cfg.Host)
	for _, address := range []string{db.OwnerDSN, asURL} {
		s, err := database.Start(t.Context(), database.Options{DatabaseURL: address})
		if err != nil {
			t.Fatal(err)
		}
		if s.PID() != 0 {
			t.Errorf("%s: started a PostgreSQL of its own", address)
		}
		for dsn, want := range map[string][2]string{
			s.OwnerDSN(""):         {"postgres", db.Name},
			s.AppDSN(""):           {database.AppRole, db.Name},
			s.OwnerDSN("postgres"): {"postgres", "postgres"},
			s.DSN("postgres"):      {"postgres", "postgres"},
			s.AppDSN("postgres"):   {database.AppRole, "postgres"},
		} {
			var got [2]string
			pool := open(t, dsn)
			if err := pool.QueryRow("SELECT current_user, current_database()").Scan(&got[0], &got[1]); err != nil || got != want {
				t.Errorf("%s leads to %v (%v), want %v", dsn, got, err, want)
			}
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := db.Owner.Ping(); err != nil {
			t.Errorf("Stop ended a PostgreSQL that is not ours: %v", err)
		}
	}
}
