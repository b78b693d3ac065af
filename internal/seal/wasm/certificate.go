//go:build js && wasm

package main

import (
	"syscall/js"

	"jianbiao/internal/certificate/keyfile"
)

// certificates are the opened key files; the page holds their numbers, never
// their keys.
var (
	certificates    = map[int]keyfile.File{}
	lastCertificate int
)

type openedCertificate struct {
	Handle      int    `json:"handle"`
	Certificate string `json:"certificate"` // DER, unpadded base64url
	PublicKey   string `json:"publicKey"`
}

// certificateOpen(file bytes, passphrase)
func certificateOpen(args []js.Value) (any, error) {
	f, err := keyfile.Open(bytesOf(args[0]), args[1].String())
	if err != nil {
		return nil, err
	}
	lastCertificate++
	certificates[lastCertificate] = f
	return openedCertificate{lastCertificate, f.Certificate(), f.Public().Text()}, nil
}

// certificateSign(handle, tag, message bytes)
func certificateSign(args []js.Value) (any, error) {
	f, ok := certificates[args[0].Int()]
	if !ok {
		return nil, keyfile.ErrNotKeyFile
	}
	return f.Sign(args[1].String(), bytesOf(args[2]))
}

// certificateClose(handle) forgets the key
func certificateClose(args []js.Value) (any, error) {
	delete(certificates, args[0].Int())
	return nil, nil
}
