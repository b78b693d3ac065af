// Package apperr is the one error type that reaches people: a stable code for
// machines, a Chinese sentence that says what is wrong and what to do, and the
// cause, which is logged and never shown. Everything that is not an
// *apperr.Error is an internal error, told to nobody but the log.
package apperr

import (
	"errors"
	"fmt"
)

// Kind says which sort of refusal an error is; the HTTP layer derives the
// status from it and from nothing else.
type Kind int

// The kinds. Internal is the zero value, so that a forgotten kind never turns
// into a friendly answer.
const (
	Internal        Kind = iota
	Invalid              // the input is wrong: 422
	Unauthenticated      // nobody is logged in: 401
	Forbidden            // this person may not: 403
	NotFound             // nothing there, or nothing this person may know of: 404
	Conflict             // it changed meanwhile, or was done before: 409
	Precondition         // the state of the lot does not allow it: 412
	TooMany              // too often: 429
	TooLarge             // the body is too big: 413
	Unavailable          // not now, try again: 503
)

// Error is a refusal.
type Error struct {
	Kind   Kind
	Code   string            // "lot.too_few_bidders": <aggregate>.<reason>, never reused
	Detail string            // a Chinese sentence: what is wrong and what to do
	Fields map[string]string // request field -> complaint, in Chinese
	Basis  string            // the article of law or of the document behind the refusal, if any
	cause  error
}

// New makes an error with a formatted Chinese sentence.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Error is the text for the log; people are shown Detail.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.cause)
	}
	return e.Code + ": " + e.Detail
}

// Unwrap gives the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// Because returns a copy that carries its cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// By returns a copy that names the article it stands on.
func (e *Error) By(basis string) *Error {
	c := *e
	c.Basis = basis
	return &c
}

// With returns a copy that has a complaint about one field of the request.
func (e *Error) With(field, complaint string) *Error {
	c := *e
	c.Fields = map[string]string{field: complaint}
	for k, v := range e.Fields {
		c.Fields[k] = v
	}
	return &c
}

// From finds the *Error in a chain; ok is false for an unexpected error.
func From(err error) (e *Error, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}

// KindOf is the kind of a chain's Error, Internal when there is none.
func KindOf(err error) Kind {
	if e, ok := From(err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf is the code of a chain's Error, "" when there is none.
func CodeOf(err error) string {
	if e, ok := From(err); ok {
		return e.Code
	}
	return ""
}
