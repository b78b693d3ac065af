package pgtest_test

import (
	"testing"

	"jianbiao/internal/database"
	"jianbiao/internal/database/pgtest"
)

func TestNew_worksUnderTheRestrictedRole(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var who, zone string
	if err := db.App.QueryRow("SELECT current_user, current_setting('timezone')").Scan(&who, &zone); err != nil {
		t.Fatal(err)
	}
	if who != database.AppRole || zone != "Asia/Kathmandu" {
		t.Errorf("application works as %s in %s, want %s in Asia/Kathmandu", who, zone, database.AppRole)
	}
}
