package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"jianbiao/internal/seal"
	"jianbiao/server/firm"
	"jianbiao/server/web"
)

// sealMeasure measures sealing in two places: natively, as `jianbiao seal` does
// it from file to file, and in Chromium on the page /measure. The peer in each
// place is the bare cipher over the same bytes: read a chunk, SM4-GCM, write it,
// on one thread, without signatures or digests. The ratio is of speeds: 1 is the
// speed of the bare cipher.
func sealMeasure(ctx context.Context, flags *flag.FlagSet, args []string, human io.Writer) ([]Result, error) {
	size, rounds := flags.Int("size", 100_000_000, ""), flags.Int("rounds", 5, "")
	if err := parse(flags, args, size, rounds); err != nil {
		return nil, err
	}
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(human, format+"\n", a...) }
	native, err := sealNative(int64(*size), *rounds)
	if err != nil {
		return nil, err
	}
	say("命令行：密封 %.0f MB/s，只加密 %.0f MB/s，比值 %.3f（目标不低于 0.9）", native.Value, native.Peer, native.Ratio)
	page, err := sealInChromium(ctx, *rounds)
	if err != nil {
		return []Result{native}, err
	}
	say("Chromium：密封 %.0f MB/s，只加密 %.0f MB/s，比值 %.3f（目标不低于 0.9）", page.Value, page.Peer, page.Ratio)
	return []Result{native, page}, nil
}

func perSecond(bytes int64, took time.Duration) float64 { return float64(bytes) / 1e6 / took.Seconds() }

func sealNative(size int64, rounds int) (Result, error) {
	dir, err := os.MkdirTemp("", "jianbiao-bench-")
	if err != nil {
		return Result{}, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is in the folder for temporary files
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, make([]byte, size), 0o600); err != nil {
		return Result{}, fmt.Errorf("write a file: %w", err)
	}
	var ours, theirs []float64
	for range rounds {
		took, err := timed(func() error { return sealFile(in, filepath.Join(dir, "out"), size) })
		if err != nil {
			return Result{}, err
		}
		ours = append(ours, perSecond(size, took))
		if took, err = timed(func() error { return encryptFile(in, filepath.Join(dir, "bare")) }); err != nil {
			return Result{}, err
		}
		theirs = append(theirs, perSecond(size, took))
	}
	return ratio(Result{Bench: "seal/native", Value: middle(ours), Unit: "MB/s", Peer: middle(theirs)}), nil
}

func timed(f func() error) (time.Duration, error) {
	began := time.Now()
	err := f()
	return time.Since(began), err
}

// sealFile seals one file of a bid for an invented lot.
func sealFile(in, out string, size int64) error {
	keys := make([]seal.PrivateKey, 2)
	for i := range keys {
		var err error
		if keys[i], err = seal.GenerateKey(); err != nil {
			return err
		}
	}
	f, err := firm.New("测量投标人", "91321300MA1XTEST00", "某人")
	if err != nil {
		return err
	}
	o := offer("45000000.00")
	o.Files = map[string][]seal.FileInput{"technical": {{Name: "技术标.bin", Media: "application/octet-stream", Size: size,
		Open: func() (io.ReadCloser, error) { return os.Open(in) }}}}
	return toFile(out, func(w io.Writer) error {
		_, err := f.Seal(w, firm.Lot{ID: "bench", Title: "测量", DocumentVersion: 1, CutoffKey: keys[0].Public().Text(),
			OpeningKey: keys[1].Public().Text(), Deadline: deadline}, o, birth)
		return err
	})
}

func encryptFile(in, out string) error {
	r, err := os.Open(in)
	if err != nil {
		return fmt.Errorf("open a file: %w", err)
	}
	defer func() { _ = r.Close() }()
	key, nonce, buf := make([]byte, 16), make([]byte, 12), make([]byte, seal.ChunkSize, seal.ChunkSize+16)
	return toFile(out, func(w io.Writer) error {
		for {
			n, err := io.ReadFull(r, buf)
			if n == 0 {
				return nil
			}
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("read: %w", err)
			}
			sealed, err := seal.EncryptHere(key, nonce, buf[:n], nil)
			if err != nil {
				return err
			}
			if _, err := w.Write(sealed); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	})
}

func toFile(path string, write func(w io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create a file: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(write(w), w.Flush(), f.Close())
}

// sealInChromium opens the page 本机测速, which seals 100 MB and then encrypts
// them alone, once for each round.
func sealInChromium(ctx context.Context, rounds int) (Result, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return Result{}, fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: web.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close
	defer func() { _ = srv.Close() }()
	url := "http://" + l.Addr().String() + "/measure"
	b, err := newBrowser(ctx, url)
	if err != nil {
		return Result{}, err
	}
	defer b.close()
	var ours, theirs []float64
	for range rounds {
		text, err := b.evaluate(ctx, url, measureOnce, 3*time.Minute)
		if err != nil {
			return Result{}, err
		}
		var r struct {
			Bytes int64   `json:"bytes"`
			Seal  float64 `json:"seal"` // ms
			Bare  float64 `json:"bare"`
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return Result{}, fmt.Errorf("result of the page: %w", err)
		}
		ours = append(ours, float64(r.Bytes)/1e3/r.Seal)
		theirs = append(theirs, float64(r.Bytes)/1e3/r.Bare)
		if _, err := b.evaluate(ctx, url, `document.querySelector('[data-result]').removeAttribute('data-result'); 'gone'`, time.Minute); err != nil {
			return Result{}, err
		}
	}
	return ratio(Result{Bench: "seal/chromium", Value: middle(ours), Unit: "MB/s", Peer: middle(theirs)}), nil
}

// measureOnce presses the button once and then waits for the result.
const measureOnce = `(() => {
  const result = document.querySelector('[data-result]')
  if (result) { window.measuring = false; return result.dataset.result }
  const button = document.querySelector('.measure button')
  if (button && !button.disabled && !window.measuring) { window.measuring = true; button.click() }
  return ''
})()`
