package opening

import (
	"database/sql/driver"

	"github.com/lib/pq"
)

// Texts is a text[] column.
type Texts []string

// Scan implements sql.Scanner.
func (t *Texts) Scan(src any) error { return (*pq.StringArray)(t).Scan(src) }

// Value implements driver.Valuer.
func (t Texts) Value() (driver.Value, error) { return pq.StringArray(t).Value() }
