package evidence

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/internal/canon"
)

// Domain separation of the two hashes of docs/spec/evidence-leaf.md. The
// digits are the version of the format and never change their meaning.
const (
	fieldTag = "jianbiao/field/1\x00"
	leafTag  = "jianbiao/leaf/1\x00"
	// EntryVersion is the first byte of every log entry.
	EntryVersion = 0x01
)

// Field is one field of an event's payload: its commitment, which stays for
// ever, and its opening (value and salt), which is absent (nil) when it was
// never stored, was erased, or is not for the reader's eyes.
type Field struct {
	Name       string
	Commitment []byte          // 32 bytes
	Value      json.RawMessage // canonical JSON (RFC 8785)
	Salt       []byte          // 32 random bytes
}

// commit hides value behind a fresh salt.
func commit(name string, v any) (Field, error) {
	value, err := canon.Marshal(v)
	if err != nil {
		return Field{}, fmt.Errorf("field %s: %w", name, err)
	}
	salt := random32()
	return Field{Name: name, Commitment: FieldCommitment(name, salt, value), Value: value, Salt: salt}, nil
}

// FieldCommitment is SHA-256(tag || u16 len(name) || name || salt || u32
// len(value) || value), integers big-endian.
func FieldCommitment(name string, salt, value []byte) []byte {
	h := sha256.New()
	h.Write([]byte(fieldTag))
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(name))))
	h.Write([]byte(name))
	h.Write(salt)
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(value))))
	h.Write(value)
	return h.Sum(nil)
}

// Root is the RFC 6962 Merkle tree hash over the commitments of an event's
// fields in the order of their names.
func Root(commitments [][]byte) []byte {
	switch n := len(commitments); n {
	case 0:
		h := sha256.Sum256(nil)
		return h[:]
	case 1:
		h := sha256.Sum256(append([]byte{0}, commitments[0]...))
		return h[:]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		h := sha256.New()
		h.Write([]byte{1})
		h.Write(Root(commitments[:k]))
		h.Write(Root(commitments[k:]))
		return h.Sum(nil)
	}
}

// header is the body of an event: what the leaf commits to. Everything that
// names a person or has few possible values stands behind Root.
type header struct {
	Version    int    `json:"v"`
	ID         string `json:"id"`
	Stream     string `json:"stream"`
	Seq        int64  `json:"seq"`
	Kind       string `json:"kind"`
	At         string `json:"at"`
	RecordedAt string `json:"recordedAt"`
	Fields     int    `json:"fields"`
	Root       string `json:"root"`
}

// timeLayout is RFC 3339 in UTC with exactly six decimals: PostgreSQL's own
// resolution, so that the text and the column never disagree.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func marshalBody(e *Event) ([]byte, error) {
	cs := make([][]byte, len(e.Fields))
	for i, f := range e.Fields {
		cs[i] = f.Commitment
	}
	return canon.Marshal(header{
		Version: 1, ID: e.ID, Stream: e.Stream, Seq: e.Seq, Kind: e.Kind,
		At: e.At.UTC().Format(timeLayout), RecordedAt: e.RecordedAt.UTC().Format(timeLayout),
		Fields: len(cs), Root: hex.EncodeToString(Root(cs)),
	})
}

// LeafCommitment is SHA-256(tag || blind || SHA-256(body) || SM3(body)): the
// only thing about an event that the public log shows.
func LeafCommitment(blind, body []byte) []byte {
	d := sha256.Sum256(body)
	m := sm3.Sum(body)
	h := sha256.New()
	h.Write([]byte(leafTag))
	h.Write(blind)
	h.Write(d[:])
	h.Write(m[:])
	return h.Sum(nil)
}

// Entry is the log entry of a commitment: version byte and 32 bytes, always
// the same length.
func Entry(commitment []byte) []byte {
	return append([]byte{EntryVersion}, commitment...)
}

// Verify re-derives everything that an event claims about itself: each opening
// against its commitment, the root, the body's fields against the columns and
// the leaf commitment. It returns what does not hold, nil when all does.
func (e *Event) Verify() error {
	for _, f := range e.Fields {
		if f.Salt != nil && string(FieldCommitment(f.Name, f.Salt, f.Value)) != string(f.Commitment) {
			return fmt.Errorf("event %s: field %s does not open its commitment", e.ID, f.Name)
		}
	}
	body, err := marshalBody(e)
	if err != nil {
		return err
	}
	if string(body) != string(e.Body) {
		return fmt.Errorf("event %s: body is not what its columns and fields say", e.ID)
	}
	if string(LeafCommitment(e.Blind, e.Body)) != string(e.Commitment) {
		return fmt.Errorf("event %s: commitment is not that of its body", e.ID)
	}
	return nil
}

func random32() []byte {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		panic("evidence: no randomness: " + err.Error())
	}
	return b
}

// micro cuts t to PostgreSQL's resolution.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
