package blob

import "sync"

// shared lets all who wait for the same slow act share it: whoever comes while
// one is running waits for the next, which all who came meanwhile have in
// common. So a hundred files that are stored at once cost a few syncs of their
// folder instead of a hundred.
type shared struct {
	do      func() error
	mu      sync.Mutex
	running bool
	next    *round
}

type round struct {
	done chan struct{}
	err  error
}

// wait returns when an act that began after the call has ended.
func (s *shared) wait() error {
	s.mu.Lock()
	if s.next == nil {
		s.next = &round{done: make(chan struct{})}
	}
	mine := s.next
	if !s.running {
		s.running = true
		go s.run()
	}
	s.mu.Unlock()
	<-mine.done
	return mine.err
}

func (s *shared) run() {
	for {
		s.mu.Lock()
		r := s.next
		s.next = nil
		if r == nil {
			s.running = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		r.err = s.do()
		close(r.done)
	}
}
