//go:build js && wasm

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall/js"
	"time"

	"jianbiao/internal/seal"
)

// bidInput is seal.Input as JSON; keys are texts, files are described here and
// read through a callback.
type bidInput struct {
	Lot             string          `json:"lot"`
	DocumentVersion string          `json:"documentVersion"`
	CutoffKey       seal.PublicKey  `json:"cutoffKey"`
	OpeningKey      seal.PublicKey  `json:"openingKey"`
	Deadline        time.Time       `json:"deadline"`
	Kind            seal.Kind       `json:"kind"`
	Number          int             `json:"number"`
	Replaces        string          `json:"replaces"`
	OneTime         seal.PrivateKey `json:"oneTime"`
	Bidder          seal.PrivateKey `json:"bidder"`
	Firm            seal.PrivateKey `json:"firm"`
	Signatory       seal.PrivateKey `json:"signatory"`
	FirmFile        int             `json:"firmFile"`      // handle of an opened certificate that signs instead of firm; 0: none
	SignatoryFile   int             `json:"signatoryFile"` // and instead of signatory
	Owner           seal.Owner      `json:"owner"`
	MinSize         int64           `json:"minSize"`
	Sections        []struct {
		Name  string          `json:"name"`
		Form  json.RawMessage `json:"form"`
		Files []struct {
			Name  string `json:"name"`
			Media string `json:"media"`
			Size  int64  `json:"size"`
		} `json:"files"`
	} `json:"sections"`
}

func (b bidInput) input(read js.Value) seal.Input {
	in := seal.Input{
		Lot: b.Lot, DocumentVersion: b.DocumentVersion, CutoffKey: b.CutoffKey, OpeningKey: b.OpeningKey, Deadline: b.Deadline,
		Kind: b.Kind, Number: b.Number, Replaces: b.Replaces, OneTime: b.OneTime, Bidder: b.Bidder, Firm: b.Firm,
		Signatory: b.Signatory, Owner: b.Owner, MinSize: b.MinSize,
	}
	if f, ok := certificates[b.FirmFile]; ok {
		in.Firm = f
	}
	if f, ok := certificates[b.SignatoryFile]; ok {
		in.Signatory = f
	}
	for i, s := range b.Sections {
		section := seal.SectionInput{Name: s.Name, Form: s.Form}
		for k, f := range s.Files {
			open := func() (io.ReadCloser, error) {
				at := func(offset, length int64) js.Value { return read.Invoke(i, k, offset, length) }
				return &blobReader{read: at, size: f.Size}, nil
			}
			section.Files = append(section.Files, seal.FileInput{Name: f.Name, Media: f.Media, Size: f.Size, Open: open})
		}
		in.Sections = append(in.Sections, section)
	}
	return in
}

type sealed struct {
	Digest       string      `json:"digest"`
	HeaderDigest string      `json:"headerDigest"`
	Size         int64       `json:"size"`
	Header       seal.Header `json:"header"`
}

// sealBid(input, read(section, file, offset, length), emit(bytes), progress(done, total), encrypt)
//
// encrypt(key, nonce, plain, aad) gives a promise of one chunk's ciphertext, from
// another worker's encryptChunk; null: this worker encrypts.
func sealBid(args []js.Value) (any, error) {
	in, err := decode[bidInput](args[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", seal.ErrInput, err)
	}
	progress := func(done, total int64) { args[3].Invoke(done, total) }
	input := in.input(args[1])
	if args[4].Type() == js.TypeFunction {
		input.Encrypt = elsewhere(args[4])
	}
	out, err := seal.Seal(emitter{args[2]}, input, progress)
	if err != nil {
		return nil, err
	}
	return sealed{out.Digest, out.HeaderDigest, out.Size, out.Header}, nil
}

func elsewhere(encrypt js.Value) seal.Encrypt {
	return func(key, nonce, plain, aad []byte) ([]byte, error) {
		v, err := await(encrypt.Invoke(bytesToJS(key), bytesToJS(nonce), bytesToJS(plain), bytesToJS(aad)))
		if err != nil {
			return nil, err
		}
		out := append(plain[:0], make([]byte, v.Get("byteLength").Int())...)
		js.CopyBytesToGo(out, v)
		return out, nil
	}
}

// encryptChunk(key, nonce, plain, aad): one chunk, for a sealBid that runs in
// another worker.
func encryptChunk(args []js.Value) (any, error) {
	return seal.EncryptHere(bytesOf(args[0]), bytesOf(args[1]), bytesOf(args[2]), bytesOf(args[3]))
}

// encryptOnly(size, read(offset, length), emit(bytes)) encrypts chunk by chunk
// and does nothing else: what sealing is measured against.
func encryptOnly(args []js.Value) (any, error) {
	r := &blobReader{size: int64(args[0].Float()), read: func(offset, length int64) js.Value { return args[1].Invoke(offset, length) }}
	out := emitter{args[2]}
	key, nonce, buf := make([]byte, 16), make([]byte, 12), make([]byte, seal.ChunkSize, seal.ChunkSize+16)
	for {
		n, err := io.ReadFull(r, buf)
		if n == 0 {
			return nil, nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		sealed, err := seal.EncryptHere(key, nonce, buf[:n], nil)
		if err != nil {
			return nil, err
		}
		if _, err := out.Write(sealed); err != nil {
			return nil, err
		}
	}
}

// digest(size, read(offset, length), progress(done, total))
func digest(args []js.Value) (any, error) {
	size := int64(args[0].Float())
	r := &blobReader{size: size, read: func(offset, length int64) js.Value { return args[1].Invoke(offset, length) }}
	d := seal.NewDigest()
	buf := make([]byte, pieceSize)
	for {
		n, err := r.Read(buf)
		if err == io.EOF {
			return d.Sum(), nil
		}
		if err != nil {
			return nil, err
		}
		_, _ = d.Write(buf[:n]) // never fails
		args[2].Invoke(d.Size(), size)
	}
}

type keyPair struct {
	Private seal.PrivateKey `json:"private"`
	Public  seal.PublicKey  `json:"public"`
}

// generateKeys(count)
func generateKeys(args []js.Value) (any, error) {
	n := args[0].Int()
	if n < 1 || n > 100 {
		return nil, errArguments
	}
	keys := make([]keyPair, n)
	for i := range keys {
		k, err := seal.GenerateKey()
		if err != nil {
			return nil, err
		}
		keys[i] = keyPair{k, k.Public()}
	}
	return keys, nil
}

// publicKey(private)
func publicKey(args []js.Value) (any, error) {
	k, err := seal.ParsePrivateKey(args[0].String())
	return k.Public().Text(), err
}

// unwrapPart(private, header, section): the part in base64url, checked against
// the header's commitment.
func unwrapPart(args []js.Value) (any, error) {
	k, err := seal.ParsePrivateKey(args[0].String())
	if err != nil {
		return nil, err
	}
	h, err := decode[seal.Header](args[1])
	if err != nil {
		return nil, err
	}
	s, ok := h.Section(args[2].String())
	if !ok {
		return nil, seal.ErrNoSection
	}
	part, err := seal.UnwrapBidder(k, s)
	if err != nil {
		return nil, err
	}
	if !h.CheckPart(s.Name, seal.RoleBidder, part) {
		return nil, &seal.PartError{Section: s.Name, Role: seal.RoleBidder}
	}
	return b64.EncodeToString(part), nil
}

// checkPart(header, section, role, part)
func checkPart(args []js.Value) (any, error) {
	h, err := decode[seal.Header](args[0])
	if err != nil {
		return nil, err
	}
	part, err := b64.DecodeString(args[3].String())
	if err != nil {
		return false, nil //nolint:nilerr // what is not base64url is not the part
	}
	return h.CheckPart(args[1].String(), seal.Role(args[2].String()), part), nil
}
