//go:build js && wasm

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall/js"

	"jianbiao/internal/apperr"
)

// call is one function of the sealer: it gets the arguments of the JavaScript
// call and gives a string, bool, []byte, nil, or anything that JSON can carry.
type call func(args []js.Value) (any, error)

var errArguments = errors.New("sealer: wrong number or type of arguments")

// export makes a function that returns a promise. Each call runs on a goroutine
// of its own, so that it may itself wait for promises.
func export(arity int, f call) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var executor js.Func
		executor = js.FuncOf(func(_ js.Value, settle []js.Value) any {
			resolve, reject := settle[0], settle[1]
			go func() {
				defer executor.Release()
				value, err := guarded(arity, f, args)
				if err != nil {
					reject.Invoke(problem(err))
					return
				}
				resolve.Invoke(value)
			}()
			return nil
		})
		return js.Global().Get("Promise").New(executor)
	})
}

// guarded turns a panic (syscall/js panics on values of the wrong type) into an
// error: the worker must outlive a wrong call.
func guarded(arity int, f call, args []js.Value) (value js.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sealer: %v: %w", r, errArguments)
		}
	}()
	if len(args) != arity {
		return js.Undefined(), errArguments
	}
	result, err := f(args)
	if err != nil {
		return js.Undefined(), err
	}
	return toJS(result)
}

func toJS(v any) (js.Value, error) {
	switch v := v.(type) {
	case nil:
		return js.Undefined(), nil
	case string, bool:
		return js.ValueOf(v), nil
	case []byte:
		return bytesToJS(v), nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return js.Undefined(), fmt.Errorf("sealer: result: %w", err)
	}
	return js.Global().Get("JSON").Call("parse", string(raw)), nil
}

func bytesToJS(b []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(a, b)
	return a
}

func bytesOf(v js.Value) []byte {
	b := make([]byte, v.Get("byteLength").Int())
	js.CopyBytesToGo(b, v)
	return b
}

// problem is an Error with the code and the Chinese sentence; of an unexpected
// error only the code "seal.internal" and a general sentence, and the text for
// the console.
func problem(err error) js.Value {
	code, detail := "seal.internal", "投标工具内部错误，请刷新页面后重试；如仍出现，请导出保险箱备份并联系平台。"
	if e, ok := apperr.From(err); ok {
		code, detail = e.Code, e.Detail
	}
	object := js.Global().Get("Error").New(detail)
	object.Set("code", code)
	object.Set("detail", detail)
	object.Set("cause", err.Error())
	return object
}

// decode reads a JSON argument.
func decode[T any](v js.Value) (out T, err error) {
	if v.Type() != js.TypeString {
		return out, errArguments
	}
	if err := json.Unmarshal([]byte(v.String()), &out); err != nil {
		return out, fmt.Errorf("%w: %w", errArguments, err)
	}
	return out, nil
}

var errRejected = errors.New("sealer: callback failed")

// await waits for a value that may be a promise.
func await(v js.Value) (js.Value, error) {
	if v.Type() != js.TypeObject || v.Get("then").Type() != js.TypeFunction {
		return v, nil
	}
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	settle := func(err error) js.Func {
		return js.FuncOf(func(_ js.Value, args []js.Value) any {
			o := outcome{err: err}
			if len(args) > 0 {
				o.value = args[0]
			}
			settled <- o
			return nil
		})
	}
	yes, no := settle(nil), settle(errRejected)
	defer yes.Release()
	defer no.Release()
	v.Call("then", yes, no)
	o := <-settled
	if o.err != nil {
		return o.value, fmt.Errorf("%w: %s", o.err, js.Global().Get("String").Invoke(o.value).String())
	}
	return o.value, nil
}

const pieceSize = 1 << 20

// blobReader reads a Blob piece by piece through read(offset, length), which
// gives a promise of a Uint8Array.
type blobReader struct {
	read   func(offset, length int64) js.Value
	offset int64
	size   int64
	rest   []byte
	buf    []byte
}

func (b *blobReader) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.offset >= b.size {
			return 0, io.EOF
		}
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *blobReader) fill() error {
	want := min(b.size-b.offset, pieceSize)
	v, err := await(b.read(b.offset, want))
	if err != nil {
		return err
	}
	if b.buf == nil {
		b.buf = make([]byte, pieceSize)
	}
	if got := v.Get("byteLength").Int(); got <= 0 || int64(got) > want {
		return io.ErrUnexpectedEOF
	}
	n := js.CopyBytesToGo(b.buf, v)
	b.rest = b.buf[:n]
	b.offset += int64(n)
	return nil
}

// Close is there for io.ReadCloser; a Blob needs none.
func (b *blobReader) Close() error { return nil }

// emitter hands what is written to emit(Uint8Array), and waits if that gives a
// promise.
type emitter struct{ emit js.Value }

func (e emitter) Write(p []byte) (int, error) {
	if _, err := await(e.emit.Invoke(bytesToJS(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
