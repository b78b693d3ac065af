// Package live carries the live rooms (直播厅): one websocket a viewer, on which
// the viewer gets a snapshot, then every event of the lot's stream once and in
// order, and gives commands that are acknowledged.
//
// The stream is the history, so the hub keeps no queue for anybody: each
// connection has a position and reads on from there. Slow readers delay
// nobody, reconnecting loses nothing, and catching up is the same code as
// following. Each event is rendered once for each class of audience and the
// bytes are shared by all connections of that class.
//
// The package knows nothing of openings (开标) or evaluations (评标). What a
// viewer may see and do is decided by the Room that it is given.
package live

import (
	"context"
	"encoding/json"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
)

// Class is a class of audience (受众): all its members are sent the same bytes.
type Class string

// The classes, from the one that sees least to the one that sees most.
const (
	ClassPublic   Class = "public"   // 社会公众
	ClassParty    Class = "party"    // 招标人、代理机构、投标人
	ClassOfficial Class = "official" // 监督部门、见证员、交易中心
)

// classes gives each class its place in a rendering.
var classes = [...]Class{ClassPublic, ClassParty, ClassOfficial}

// place is the index of the class in classes. An unknown class sees what the
// public sees.
func (c Class) place() int {
	for i, known := range classes {
		if c == known {
			return i
		}
	}
	return 0
}

// Viewer is somebody who was admitted to a room.
type Viewer struct {
	Actor        actor.Actor
	Class        Class
	Host         bool   // conducts the session (主持)
	Organisation string // shown to the viewer as its own, "" for the public
}

// acts says whether the viewer has a role in the room and may give commands.
func (v Viewer) acts() bool { return v.Class != ClassPublic }

// who tells the person in the role apart from all others; it is the owner of
// command ids.
func (v Viewer) who() string {
	return v.Actor.PersonID + "\x00" + v.Actor.OrganisationID + "\x00" + string(v.Actor.Role)
}

// Source is where the events are read; *evidence.Store is one.
type Source interface {
	// Since returns up to limit events that follow seq after, in order and
	// without a gap.
	Since(ctx context.Context, stream string, after int64, limit int) ([]evidence.Event, error)
	// Head is the last seq of the stream, 0 when it has no event.
	Head(ctx context.Context, stream string) (int64, error)
}

// Room decides what viewers see and do. Its methods are called by many
// goroutines. Errors that are an *apperr.Error are told to the viewer; all
// others are logged.
type Room interface {
	// Admit decides whether the actor may enter, and as what. view is "public"
	// or "party" and may be "". Errors: NotFound closes with 4004,
	// Unauthenticated with 4008, others with 4003.
	Admit(ctx context.Context, lot string, who actor.Actor, view string) (Viewer, error)
	// View renders the event for a class. An event that the class may not see is
	// rendered in its closed form and is no error. The answer depends on event
	// and class alone, for it is kept and shown again on a resume.
	View(e evidence.Event, class Class) (json.RawMessage, error)
	// Snapshot is the state of the room (HallSnapshot) after exactly the events
	// 1 to seq. For ClassPublic it is the same for all viewers.
	Snapshot(ctx context.Context, lot string, v Viewer) (hall any, seq int64, err error)
	// Actions lists what the viewer may do now, with the reasons where it may
	// not. It is never asked for ClassPublic.
	Actions(ctx context.Context, lot string, v Viewer) (any, error)
	// Command carries out a command. The same id from the same person arrives
	// again after a restart of the server; the room MUST act once on it.
	Command(ctx context.Context, lot string, v Viewer, id, command string, input json.RawMessage) (any, error)
	// Discreet says whether presence would give secrets away: before the roster
	// (公布投标人) nobody is told how many watch or who has come.
	Discreet(ctx context.Context, lot string) (bool, error)
	// Bids says of each bid, by its digest, whether one of the organisations (by
	// their ids) is its owner. It is asked only when the room is not discreet.
	Bids(ctx context.Context, lot string, organisations []string) (map[string]bool, error)
}

// Reading is what the platform's clock says.
type Reading struct {
	Legal time.Time // legal time (授时)
	Real  time.Time // the time of the database
	Rate  float64   // legal seconds in a real second; 1 outside rehearsals
	at    time.Time // when it was read, by this process
}

// now is the reading carried on to t by the process's own clock.
func (r Reading) now(t time.Time) (legal, real time.Time) {
	d := t.Sub(r.at)
	return r.Legal.Add(time.Duration(float64(d) * r.Rate)), r.Real.Add(d)
}
