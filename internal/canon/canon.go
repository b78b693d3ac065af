// Package canon writes JSON in the one form that is hashed and signed: RFC 8785
// (JSON Canonicalization Scheme) without its difficult part, the floating
// point numbers. Amounts, rates and times travel as strings; a number that is
// not an integer within ±(2^53-1) is refused, and so is everything that two
// parsers may read differently: duplicate names, text that is not UTF-8, lone
// surrogates, "-0", "1.0", "1e3", and more than 64 levels.
//
// Whoever hashes a document hashes the bytes of Marshal and keeps them; whoever
// receives bytes that claim to be canonical asks Check before trusting their
// digest.
package canon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// MaxDepth is the deepest nesting of arrays and objects that is accepted.
const MaxDepth = 64

// MaxInteger is the largest magnitude of a number, 2^53-1 (RFC 7493, 2.2):
// every language reads it exactly.
const MaxInteger = 1<<53 - 1

// ErrNotCanonical is what Check returns for JSON that is well formed but not in
// canonical form.
var ErrNotCanonical = errors.New("canon: not in canonical form")

// Marshal returns the canonical JSON of v. It reads v through encoding/json
// (tags, MarshalJSON, MarshalText and json.RawMessage work as usual) and
// refuses what the package refuses.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("canon: encode: %w", err)
	}
	return Transform(buf.Bytes())
}

// Transform rewrites one JSON text into canonical form.
func Transform(raw []byte) ([]byte, error) {
	p := parser{in: raw}
	out, err := p.document()
	if err != nil {
		return nil, fmt.Errorf("canon: at byte %d: %w", p.pos, err)
	}
	return out, nil
}

// Check says whether raw is canonical JSON, byte for byte. ErrNotCanonical means
// that it could be rewritten; any other error that it could not.
func Check(raw []byte) error {
	out, err := Transform(raw)
	if err != nil {
		return err
	}
	if !bytes.Equal(out, raw) {
		return ErrNotCanonical
	}
	return nil
}

// Unmarshal reads canonical JSON into v and makes sure that v holds all of it:
// writing v again must give the same bytes. So nothing that was signed or hashed
// is silently ignored: no unknown name, no name that differs in case only
// (encoding/json would take it), no missing field that v always writes.
func Unmarshal(raw []byte, v any) error {
	if err := Check(raw); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("canon: decode: %w", err)
	}
	again, err := Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, raw) {
		return fmt.Errorf("canon: %T does not hold the whole document: %w", v, ErrNotCanonical)
	}
	return nil
}
