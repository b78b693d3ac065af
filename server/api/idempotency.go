package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/labstack/echo/v4"

	"jianbiao/internal/apperr"
)

// Answers of requests with an Idempotency-Key are kept for keepAnswers, counted
// from the beginning of the hour. Status 0 is a request that was begun and left no answer.
const (
	keepAnswers  = 25 * time.Hour
	maxKey       = 200
	keyHeader    = "Idempotency-Key"
	replayHeader = "Idempotency-Replayed"
)

// secrets are what a request's key makes of itself. The key is not stored, nor
// whose it is: a row can be found and its answer read only by who brings the key
// again, so that the table does not say which bidder sent something and when.
type secrets struct {
	person string // stands for the person, a UUID
	key    string // stands for the key
	answer []byte // encrypts the answer
	salt   []byte // of the fingerprint
}

func secretsOf(personID, key string) secrets {
	part := func(purpose string) []byte {
		sum := sha256.Sum256([]byte("jianbiao/idempotency/1\x00" + purpose + "\x00" + personID + "\x00" + key))
		return sum[:]
	}
	id, err := uuid.FromBytes(part("person")[:16])
	if err != nil {
		panic("api: sixteen bytes are no UUID: " + err.Error())
	}
	return secrets{person: id.String(), key: hex.EncodeToString(part("key")[:16]), answer: part("answer"), salt: part("salt")}
}

func (s secrets) aead() cipher.AEAD {
	block, err := aes.NewCipher(s.answer)
	if err != nil {
		panic("api: key of an answer: " + err.Error())
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("api: cipher of an answer: " + err.Error())
	}
	return gcm
}

// once lets an unsafe JSON request with a key act at most once: the same
// request gets the same answer, another one under the same key is refused. Keys
// belong to a person. Silent routes and those without a session have none.
func (a *API) once(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, v := c.Request(), visitOf(c.Request().Context())
		key := r.Header.Get(keyHeader)
		if key == "" || v.route == nil || v.silent() || v.who.PersonID == "" || v.route.Path == "/api/session" || !unsafeJSON(r) {
			return next(c)
		}
		if len(key) > maxKey {
			return apperr.New(apperr.Invalid, "idempotency.key", "请求的编号太长，最多 %d 个字符。", maxKey).With(keyHeader, "太长。")
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return unread(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		done, err := a.idem.enter(r.Context(), v.who.PersonID+" "+key)
		if err != nil {
			return err
		}
		defer done()
		sec := secretsOf(v.who.PersonID, key)
		return a.answerOnce(c, next, sec, answerRow{PersonID: sec.person, Key: sec.key, Request: fingerprint(sec, v, r, body)})
	}
}

func unsafeJSON(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	ct := r.Header.Get(echo.HeaderContentType)
	return ct == "" || strings.HasPrefix(ct, echo.MIMEApplicationJSON)
}

// fingerprint is what makes two requests the same: role, method, address, body.
func fingerprint(sec secrets, v *visit, r *http.Request, body []byte) []byte {
	h := hmac.New(sha256.New, sec.salt)
	for _, part := range []string{string(v.who.Role), v.who.OrganisationID, r.Method, r.URL.RequestURI(), string(body)} {
		_, _ = fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return h.Sum(nil)
}

type answerRow struct {
	PersonID  string    `db:"person_id"`
	Key       string    `db:"key"`
	Request   []byte    `db:"request"`
	Status    int       `db:"status"`
	Answer    []byte    `db:"answer"` // encrypted: media type, line feed, body
	ExpiresAt time.Time `db:"expires_at"`
}

func (a *API) answerOnce(c echo.Context, next echo.HandlerFunc, sec secrets, row answerRow) error {
	ctx := c.Request().Context()
	known, err := a.claim(ctx, row)
	if err != nil {
		return err
	}
	if known != nil {
		return replay(c, sec, known, row.Request)
	}
	tee := &recorder{ResponseWriter: c.Response().Writer}
	c.Response().Writer = tee
	if err := next(c); err != nil {
		c.Error(err)
	}
	c.Response().Writer = tee.ResponseWriter
	row.Status = c.Response().Status
	plain := append([]byte(c.Response().Header().Get(echo.HeaderContentType)+"\n"), tee.body.Bytes()...)
	row.Answer = sec.aead().Seal(nil, nil, plain, nil)
	// The act is done: its answer is kept even if the client has gone.
	return a.keep(context.WithoutCancel(ctx), row)
}

func replay(c echo.Context, sec secrets, known *answerRow, request []byte) error {
	switch {
	case !bytes.Equal(known.Request, request):
		return apperr.New(apperr.Conflict, "idempotency.mismatch", "这个请求编号已经用在另一个请求上，请刷新页面后再办理。")
	case known.Status == 0:
		return apperr.New(apperr.Conflict, "idempotency.unfinished", "上一次同样的请求没有留下结果，不知道是否办成：请刷新核对，需要时重新办理。")
	}
	plain, err := sec.aead().Open(nil, nil, known.Answer, nil)
	if err != nil {
		return fmt.Errorf("read a kept answer: %w", err)
	}
	media, body, _ := bytes.Cut(plain, []byte("\n"))
	c.Response().Header().Set(replayHeader, "true")
	if len(body) == 0 {
		return c.NoContent(known.Status)
	}
	return c.Blob(known.Status, string(media), body)
}

// claim takes the key for this request, or returns the row that holds it.
func (a *API) claim(ctx context.Context, row answerRow) (*answerRow, error) {
	var known answerRow
	err := a.deps.Store.Aside(ctx, func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &known, `
			INSERT INTO idempotency AS i (person_id, key, request, status, answer, expires_at)
			VALUES ($1, $2, $3, 0, '', date_trunc('hour', clock_timestamp(), 'UTC') + make_interval(secs => $4))
			ON CONFLICT (person_id, key) DO UPDATE SET request = excluded.request, status = 0, answer = '', expires_at = excluded.expires_at
			WHERE i.expires_at <= clock_timestamp()
			RETURNING 0 AS status`, row.PersonID, row.Key, row.Request, keepAnswers.Seconds())
		if err == nil {
			known.Status = claimed
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("claim an idempotency key: %w", err)
		}
		if err := tx.GetContext(ctx, &known, `SELECT person_id, key, request, status, answer, expires_at FROM idempotency
			WHERE person_id = $1 AND key = $2`, row.PersonID, row.Key); err != nil {
			return fmt.Errorf("read a kept answer: %w", err)
		}
		return nil
	})
	if err != nil || known.Status == claimed {
		return nil, err
	}
	return &known, nil
}

// claimed marks, in memory only, that the key is ours.
const claimed = -1

// keep stores the answer. What said "not now" is forgotten, so that the same
// request may be tried again; a fault of ours stays without an answer, for
// nobody knows how far it got.
func (a *API) keep(ctx context.Context, row answerRow) error {
	query, args := `UPDATE idempotency SET status = $3, answer = $4 WHERE person_id = $1 AND key = $2`,
		[]any{row.PersonID, row.Key, row.Status, row.Answer}
	switch {
	case row.Status == http.StatusTooManyRequests || row.Status == http.StatusUnauthorized || row.Status == http.StatusServiceUnavailable:
		query, args = `DELETE FROM idempotency WHERE person_id = $1 AND key = $2`, args[:2]
	case row.Status >= http.StatusInternalServerError:
		return nil
	}
	err := a.deps.Store.Aside(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the answer of a request: %w", err)
	}
	return nil
}

// recorder copies what is written to the client.
type recorder struct {
	http.ResponseWriter
	body bytes.Buffer
}

// Write is http.ResponseWriter's.
func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// inFlight makes a repeated request wait for the first one in this process.
type inFlight struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

func (f *inFlight) enter(ctx context.Context, key string) (done func(), err error) {
	for {
		f.mu.Lock()
		if f.busy == nil {
			f.busy = map[string]chan struct{}{}
		}
		first, taken := f.busy[key]
		if !taken {
			mine := make(chan struct{})
			f.busy[key] = mine
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				delete(f.busy, key)
				close(mine)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-first:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
