package seal

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/emmansun/gmsm/sm4"
)

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := sm4.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: SM4: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal: GCM: %w", err)
	}
	return aead, nil
}

// EncryptHere is SM4-GCM on this machine, in the buffer of plain.
func EncryptHere(key, nonce, plain, aad []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(plain[:0], nonce, plain, aad), nil
}

// Encrypt seals one chunk: SM4-GCM of plain under key, the result in
// a buffer of its own or in that of plain. It may be called from several
// goroutines at once.
type Encrypt func(key, nonce, plain, aad []byte) ([]byte, error)

// piece is a part of the file on its way: ready now, or when its chunk has been
// encrypted.
type piece struct {
	bytes []byte
	done  chan error // nil: ready
}

// sink digests and writes on a second goroutine, in order, while chunks that
// follow are encrypted on others. A few buffers go round: memory does not grow.
type sink struct {
	jobs    chan *piece
	free    chan []byte
	done    chan struct{}
	digest  *Digest
	failure atomic.Pointer[error]
}

// sinkBuffers is how many chunks are under way at once: read, encrypted,
// written.
func sinkBuffers() int { return 3 + runtime.GOMAXPROCS(0) }

func newSink(w io.Writer) *sink {
	n := sinkBuffers()
	s := &sink{
		jobs: make(chan *piece, n), free: make(chan []byte, n),
		done: make(chan struct{}), digest: NewDigest(),
	}
	for range n {
		s.free <- make([]byte, 0, ChunkSize+tagSize)
	}
	go s.run(w)
	return s
}

func (s *sink) run(w io.Writer) {
	defer close(s.done)
	for p := range s.jobs {
		if p.done != nil {
			if err := <-p.done; err != nil {
				s.failure.CompareAndSwap(nil, &err)
			}
		}
		if s.failure.Load() == nil {
			_, _ = s.digest.Write(p.bytes) // never fails
			if _, err := w.Write(p.bytes); err != nil {
				s.failure.CompareAndSwap(nil, &err)
			}
		}
		s.free <- p.bytes[:0]
	}
}

// buffer waits for an empty buffer with room for a sealed chunk.
func (s *sink) buffer() []byte { return <-s.free }

// put hands a buffer over; it MUST NOT be touched afterwards.
func (s *sink) put(b []byte) error {
	s.jobs <- &piece{bytes: b}
	return s.err()
}

// later hands over a buffer that make will fill meanwhile.
func (s *sink) later(b []byte, make func(b []byte) ([]byte, error)) error {
	p := &piece{bytes: b, done: newDone()}
	s.jobs <- p
	go func() {
		sealed, err := make(b)
		if err == nil {
			p.bytes = sealed
		}
		p.done <- err
	}()
	return s.err()
}

func newDone() chan error { return make(chan error, 1) }

func (s *sink) err() error {
	if err := s.failure.Load(); err != nil {
		return fmt.Errorf("write envelope: %w", *err)
	}
	return nil
}

// write copies, for what is small.
func (s *sink) write(p []byte) error {
	for len(p) > 0 {
		b := s.buffer()
		n := min(len(p), cap(b))
		if err := s.put(append(b, p[:n]...)); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// pad writes n random bytes.
func (s *sink) pad(n int64, random io.Reader) error {
	for n > 0 {
		b := s.buffer()
		b = b[:min(n, ChunkSize)]
		if _, err := io.ReadFull(random, b); err != nil {
			s.free <- b[:0]
			return fmt.Errorf("seal: randomness: %w", err)
		}
		if err := s.put(b); err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return nil
}

// close waits until all is written. It is safe to call once only.
func (s *sink) close() error {
	close(s.jobs)
	<-s.done
	return s.err()
}

// chunkWriter seals one section's plaintext into a sink.
type chunkWriter struct {
	sink    *sink
	encrypt Encrypt
	key     []byte
	aad     []byte
	index   int64
	count   int64
	buf     []byte
}

var errPlainSize = errors.New("seal: section is not of the size planned")

func (c *chunkWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if c.buf == nil {
			c.buf = c.sink.buffer()
		}
		n := min(len(p), ChunkSize-len(c.buf))
		c.buf = append(c.buf, p[:n]...)
		p = p[n:]
		if len(c.buf) == ChunkSize {
			if err := c.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (c *chunkWriter) flush() error {
	if c.index >= c.count {
		return errPlainSize
	}
	nonce := chunkNonce(c.index, c.index == c.count-1)
	b := c.buf
	c.buf = nil
	c.index++
	return c.sink.later(b, func(b []byte) ([]byte, error) { return c.encrypt(c.key, nonce, b, c.aad) })
}

// Close seals what is left and makes sure that all chunks were written.
func (c *chunkWriter) Close() error {
	if len(c.buf) > 0 {
		if err := c.flush(); err != nil {
			return err
		}
	}
	if c.index != c.count {
		return errPlainSize
	}
	return nil
}

// chunkReader gives a section's plaintext, chunk by authenticated chunk.
type chunkReader struct {
	r       io.ReaderAt
	section Section
	aead    cipher.AEAD
	aad     []byte
	index   int64
	buf     []byte
	rest    []byte
	err     error
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.rest, c.err = c.next()
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// drain authenticates what is left and gives it to nobody.
func (c *chunkReader) drain() error {
	for c.err == nil {
		_, c.err = c.next()
	}
	if errors.Is(c.err, io.EOF) {
		return nil
	}
	return c.err
}

func (c *chunkReader) next() ([]byte, error) {
	start := c.index * ChunkSize
	left := c.section.Size - start
	if left <= 0 {
		return nil, io.EOF
	}
	n := min(left, ChunkSize) + tagSize
	if c.buf == nil {
		c.buf = make([]byte, n) // the first chunk is never smaller than a later one
	}
	b := c.buf[:n]
	got, err := c.r.ReadAt(b, c.section.Offset+c.index*(ChunkSize+tagSize))
	if int64(got) < n {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("section %s, chunk %d: %w", c.section.Name, c.index, ErrTruncated)
		}
		return nil, fmt.Errorf("read section %s: %w", c.section.Name, err)
	}
	plain, err := c.aead.Open(b[:0], chunkNonce(c.index, left <= ChunkSize), b, c.aad)
	if err != nil {
		return nil, fmt.Errorf("section %s, chunk %d: %w", c.section.Name, c.index, ErrStoredDamaged)
	}
	c.index++
	return plain, nil
}
