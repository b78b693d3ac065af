package bench

import (
	"bytes"
	"context"
	"crypto/cipher"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/emmansun/gmsm/sm4"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/seal"
	"jianbiao/server/city"
)

// opened measures the second half of an opening: from the closed window to the
// complete reading-out table (开标一览表), for n bids of size bytes each. The peer
// reads as many bytes from files and decrypts them with SM4-GCM in chunks of
// 1 MiB, one file after another, and looks at nothing.
func opened(ctx context.Context, n int, size int64, human io.Writer) (Result, error) {
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(human, format+"\n", a...) }
	say("建立 %d 家投标人……", n)
	f, err := openFloor(ctx, n)
	if err != nil {
		return Result{}, err
	}
	defer f.stop()
	l, err := f.published(ctx, 1)
	if err != nil {
		return Result{}, err
	}
	say("密封并提交 %d × %.1f MB……", n, float64(size)/1e6)
	if err := f.submitAll(ctx, l, size); err != nil {
		return Result{}, err
	}
	say("开标，解密份额齐全，关闭窗口……")
	if err := f.toClosedWindow(ctx, l); err != nil {
		return Result{}, err
	}
	bare, err := newBare(n, size)
	if err != nil {
		return Result{}, err
	}
	defer bare.remove()
	before, err := bare.run()
	if err != nil {
		return Result{}, err
	}
	began := time.Now()
	if err := f.p.Openings.Tabulate(ctx, actor.System(), l.ID); err != nil {
		return Result{}, err
	}
	ours := time.Since(began)
	after, err := bare.run()
	if err != nil {
		return Result{}, err
	}
	if err := f.complete(ctx, l, n); err != nil {
		return Result{}, err
	}
	r := newResult("open", "ms", ours, (before+after)/2)
	say("%d 份、每份 %.1f MB：", n, float64(size)/1e6)
	say("  从窗口关闭到开标一览表 %.0f ms", r.Value)
	say("  只读文件并解密         %.0f ms（前 %.0f，后 %.0f）", r.Peer, ms(before), ms(after))
	say("  比值 %.3f（目标不超过 1.5）", r.Ratio)
	return r, nil
}

// complete makes sure that what was measured is a whole table.
func (f *floor) complete(ctx context.Context, l *lot.Lot, n int) error {
	s, err := f.p.Openings.Snapshot(ctx, l.ID)
	if err != nil {
		return err
	}
	good := 0
	for _, b := range s.Bids {
		if b.Outcome == opening.OutcomeOpened {
			good++
		}
	}
	if good != n || s.State != opening.Imported {
		return fmt.Errorf("%d of %d bids opened, state %s", good, n, s.State)
	}
	return nil
}

// submitAll seals one bid of each firm and submits it.
func (f *floor) submitAll(ctx context.Context, l *lot.Lot, size int64) error {
	third := size / 3
	source := rand.NewChaCha8([32]byte{1})
	content := make([]byte, third)
	for i := range f.firms {
		t := &f.firms[i]
		o := offer(fmt.Sprintf("%d.00", 45_000_000+i))
		o.Files = map[string][]seal.FileInput{}
		_, _ = source.Read(content) // never fails
		for _, section := range []string{"qualification", "technical", "price"} {
			o.Files[section] = []seal.FileInput{{Name: section + ".bin", Media: "application/octet-stream", Size: third,
				Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}}
		}
		var envelope bytes.Buffer
		kept, err := t.Seal(&envelope, known(l), o, birth)
		if err != nil {
			return err
		}
		receipt, err := f.p.Submissions.Submit(ctx, t.who, &envelope)
		if err != nil {
			return err
		}
		if err := t.Keep(kept, receipt); err != nil {
			return err
		}
	}
	return nil
}

// toClosedWindow takes the lot through its opening until the window is closed.
func (f *floor) toClosedWindow(ctx context.Context, l *lot.Lot) error {
	o, system := f.p.Openings, actor.System()
	if _, err := f.p.Clock.Move(ctx, city.Conductor(), deadline); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return o.OpenLobby(ctx, system, l.ID) },
		func() error { return o.RecordCutoff(ctx, system, l.ID) },
		func() error { return o.Start(ctx, f.agency, l.ID) },
		func() error {
			_, err := f.p.Clock.Advance(ctx, city.Conductor(), 6*time.Minute)
			return err
		},
		func() error { return o.PublishRoster(ctx, f.agency, l.ID) },
		func() error { return o.StartDecrypt(ctx, f.agency, l.ID) },
		func() error { return f.releaseAll(ctx, l) },
		func() error { return o.CloseWindow(ctx, f.agency, l.ID) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (f *floor) releaseAll(ctx context.Context, l *lot.Lot) error {
	for i := range f.firms {
		in, err := f.firms[i].Release(l.ID, nil)
		if err != nil {
			return err
		}
		if err := f.p.Openings.ReleasePart(ctx, f.firms[i].who, l.ID, in); err != nil {
			return err
		}
	}
	return nil
}

// bare is the peer: files of sealed chunks, and the key.
type bare struct {
	dir   string
	files int
	aead  cipher.AEAD
}

func newBare(files int, size int64) (*bare, error) {
	dir, err := os.MkdirTemp("", "jianbiao-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	b := &bare{dir: dir, files: files}
	block, err := sm4.NewCipher([]byte("0123456789abcdef"))
	if err != nil {
		return nil, err
	}
	if b.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	var sealed []byte
	plain := make([]byte, seal.ChunkSize)
	for left := size; left > 0; left -= int64(len(plain)) {
		plain = plain[:min(left, seal.ChunkSize)]
		sealed = b.aead.Seal(sealed, make([]byte, 12), plain, nil)
	}
	for i := range files {
		if err := os.WriteFile(b.path(i), sealed, 0o600); err != nil {
			return nil, fmt.Errorf("write a file: %w", err)
		}
	}
	return b, nil
}

func (b *bare) path(i int) string { return filepath.Join(b.dir, fmt.Sprint(i)) }

func (b *bare) remove() { _ = os.RemoveAll(b.dir) } // what is left is in the folder for temporary files

func (b *bare) run() (time.Duration, error) {
	began := time.Now()
	buf := make([]byte, seal.ChunkSize+16)
	for i := range b.files {
		if err := b.one(i, buf); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func (b *bare) one(i int, buf []byte) error {
	f, err := os.Open(b.path(i))
	if err != nil {
		return fmt.Errorf("open a file: %w", err)
	}
	defer func() { _ = f.Close() }()
	for {
		n, err := io.ReadFull(f, buf)
		if n == 0 {
			return nil
		}
		if _, oerr := b.aead.Open(buf[:0], make([]byte, 12), buf[:n], nil); oerr != nil {
			return fmt.Errorf("decrypt: %w", oerr)
		}
		if err != nil { // the last chunk was short
			return nil
		}
	}
}
