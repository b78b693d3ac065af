package live

import (
	"crypto/sha256"
	"sync"
	"time"
)

// remembered is how many of a person's last command ids are known.
const remembered = 64

// memory knows the last commands of each person in a room, so that one that
// arrives twice (after a reconnect, from an impatient finger) acts once and is
// answered alike. Across a restart of the server the Room's own idempotency
// takes over.
type memory struct {
	mu     sync.Mutex
	people map[string]*recent
}

type recent struct {
	ids     []string // oldest first
	answers map[string]*answer
}

// answer is what a command was answered, once done is closed.
type answer struct {
	request [sha256.Size]byte
	done    chan struct{}
	ack     []byte // nil: it came to nothing, the command may be tried again
}

// begin finds the answer of the person's command id, or makes a new one, which
// the caller must finish. same is false when the id was used for another
// request.
func (m *memory) begin(person, id string, request [sha256.Size]byte) (a *answer, first, same bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.people == nil {
		m.people = make(map[string]*recent)
	}
	r := m.people[person]
	if r == nil {
		r = &recent{answers: make(map[string]*answer)}
		m.people[person] = r
	}
	if a := r.answers[id]; a != nil {
		return a, false, a.request == request
	}
	a = &answer{request: request, done: make(chan struct{})}
	r.answers[id], r.ids = a, append(r.ids, id)
	if len(r.ids) > remembered {
		delete(r.answers, r.ids[0])
		r.ids = r.ids[1:]
	}
	return a, true, true
}

// finish gives the answer to whoever waits for it. An answer that is not to be
// kept lets the next one with the same id try again.
func (m *memory) finish(person, id string, a *answer, ack []byte, keep bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a.ack = ack
	close(a.done)
	r := m.people[person]
	if keep || r == nil || r.answers[id] != a {
		return
	}
	delete(r.answers, id)
	for i, other := range r.ids {
		if other == id {
			r.ids = append(r.ids[:i:i], r.ids[i+1:]...)
			break
		}
	}
}

// bucket is a token bucket: burst messages at once, then perSecond.
type bucket struct {
	burst, perSecond float64
	tokens           float64
	last             time.Time
}

// take is false when there was one too many at now.
func (b *bucket) take(now time.Time) bool {
	if b.last.IsZero() {
		b.tokens = b.burst
	} else {
		b.tokens = min(b.burst, b.tokens+now.Sub(b.last).Seconds()*b.perSecond)
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
