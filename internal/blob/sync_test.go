package blob

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Everybody's wait sees an act that began after it was asked for, and many who
// ask at once share few acts.
func TestShared(t *testing.T) {
	t.Parallel()
	var began, ended atomic.Int64
	s := &shared{do: func() error {
		began.Add(1)
		time.Sleep(2 * time.Millisecond)
		ended.Add(1)
		return nil
	}}
	var wait sync.WaitGroup
	for range 200 {
		wait.Go(func() {
			before := began.Load()
			if err := s.wait(); err != nil {
				t.Error(err)
			}
			if ended.Load() <= before-1 {
				t.Errorf("returned after %d acts, %d had begun before", ended.Load(), before)
			}
		})
	}
	wait.Wait()
	if n := ended.Load(); n > 100 {
		t.Errorf("200 waits took %d acts", n)
	}
}

func TestShared_TellsEverybodyOfTheRound(t *testing.T) {
	t.Parallel()
	bad := errors.New("disk")
	s := &shared{do: func() error { return bad }}
	for range 3 {
		if err := s.wait(); !errors.Is(err, bad) {
			t.Errorf("got %v", err)
		}
	}
}
