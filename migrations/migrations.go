// Package migrations holds the schema: SQL files in goose's format, embedded
// into the program, forward only. A file that was released is never edited.
package migrations

import "embed"

// FS holds every migration, by its number.
//
//go:embed *.sql
var FS embed.FS
