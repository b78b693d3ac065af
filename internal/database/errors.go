package database

import (
	"database/sql/driver"
	"errors"
	"net"
	"slices"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Violates says whether err is the refusal of the named constraint (unique,
// check, foreign key or exclusion). Constraints are told apart by name and
// never by the text of a message.
func Violates(err error, constraintName string) bool {
	e := pgError(err)
	return e != nil && e.Code.Class() == "23" && e.Constraint == constraintName
}

// IsRetryable says whether the transaction may simply be run again: two of
// them got in each other's way (40001 serialization_failure) or were locked
// into each other (40P01 deadlock_detected).
func IsRetryable(err error) bool {
	e := pgError(err)
	return e != nil && (e.Code == pqerror.TRSerializationFailure || e.Code == pqerror.TRDeadlockDetected)
}

// unavailableCodes are PostgreSQL's own words for "not now": shut down by an
// administrator, after a crash, still starting, no connection left.
var unavailableCodes = []pqerror.Code{
	pqerror.AdminShutdown, pqerror.CrashShutdown, pqerror.CannotConnectNow,
	pqerror.TooManyConnections,
}

// IsUnavailable says whether err means that the database cannot be reached at
// the moment, so that the same may be tried again a little later. What had
// been sent may have been committed or not: the caller needs an idempotency
// key, or must look. A missing file or the end of a stream that has nothing to
// do with a connection is not taken for it.
func IsUnavailable(err error) bool {
	if e := pgError(err); e != nil {
		return e.Code.Class() == "08" || slices.Contains(unavailableCodes, e.Code)
	}
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn)
}

// IsFull says whether PostgreSQL has no room left on its disk (53100 disk_full).
func IsFull(err error) bool {
	e := pgError(err)
	return e != nil && e.Code == pqerror.DiskFull
}

// IsBadText says whether a text that somebody sent cannot be what it stands for,
// or holds a character that no text may hold: no UUID, the character NUL.
func IsBadText(err error) bool {
	e := pgError(err)
	return e != nil && (e.Code == pqerror.InvalidTextRepresentation || e.Code == pqerror.CharacterNotInRepertoire || e.Code == pqerror.UntranslatableCharacter)
}

// pgError finds PostgreSQL's own error in a chain, nil when there is none.
func pgError(err error) *pq.Error {
	var e *pq.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
