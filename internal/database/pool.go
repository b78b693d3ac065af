package database

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Limits of the pool that Open makes. They stay well below the 100
// connections of a cluster, so that a second instance, a migration and a
// person with psql still get in. All are kept while there is nothing to do (for
// five minutes): in a rush, opening connections again and again would take
// longer than all the rest.
const (
	defaultMaxOpen = 40
	defaultMaxIdle = defaultMaxOpen
	connectTimeout = 10 * time.Second
)

// Open connects to dsn with the pool limits of a server and asks the database
// once, so that a wrong address is known at the start.
func Open(ctx context.Context, dsn string) (*sqlx.DB, error) {
	return OpenPool(ctx, dsn, defaultMaxOpen, defaultMaxIdle)
}

// OpenPool is Open with the number of connections given: at most maxOpen at
// once, of which maxIdle are kept while there is nothing to do.
func OpenPool(ctx context.Context, dsn string, maxOpen, maxIdle int) (*sqlx.DB, error) {
	connector, err := newConnector(dsn)
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	setLimits(db, maxOpen, maxIdle)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return db, nil
}

func setLimits(db *sqlx.DB, maxOpen, maxIdle int) {
	db.SetMaxOpenConns(maxOpen)
	db.SetMaxIdleConns(maxIdle)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
}

// newConnector reads a DSN and settles what the environment must not: a
// PGHOSTADDR would turn a connection to our socket into one over TCP.
func newConnector(dsn string) (*pq.Connector, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err)
	}
	if filepath.IsAbs(cfg.Host) {
		cfg.Hostaddr = netip.Addr{}
		cfg.SSLMode = pq.SSLModeDisable
	}
	cfg.BinaryParameters = true // a statement with parameters is one journey to the server instead of two; no column takes JSON from bytes
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "jianbiao"
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err)
	}
	return connector, nil
}
