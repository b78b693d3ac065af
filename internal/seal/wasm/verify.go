//go:build js && wasm

package main

import (
	"encoding/base64"
	"fmt"
	"syscall/js"
	"time"

	"jianbiao/internal/canon"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
	"jianbiao/internal/vrf"
)

var b64 = base64.RawURLEncoding.Strict()

// verifyReceipt(receipt, platformEd25519, platformSM2, header, digest, size): both
// signatures, by keys that the page has from elsewhere, and that it covers the envelope.
func verifyReceipt(args []js.Value) (any, error) {
	r, err := decode[seal.Receipt](args[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", seal.ErrReceipt, err)
	}
	ed, err := b64.DecodeString(args[1].String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", seal.ErrReceipt, err)
	}
	sm, err := seal.ParsePublicKey(args[2].String())
	if err != nil {
		return nil, err
	}
	h, err := decode[seal.Header](args[3])
	if err != nil {
		return nil, err
	}
	if err := seal.VerifyReceipt(r, ed, sm); err != nil {
		return nil, err
	}
	return nil, r.Covers(h, args[4].String(), int64(args[5].Float()))
}

// verifyOwner(header, owner)
func verifyOwner(args []js.Value) (any, error) {
	h, err := decode[seal.Header](args[0])
	if err != nil {
		return nil, err
	}
	o, err := decode[seal.Owner](args[1])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", seal.ErrOwner, err)
	}
	return nil, seal.VerifyOwner(h, o)
}

type drawn struct {
	Output string `json:"output"`
	Choice int    `json:"choice"`
}

// verifyVrf(public, alpha, proof, n): output and the choice of n it stands for;
// all bytes are base64url.
func verifyVrf(args []js.Value) (any, error) {
	var raw [3][]byte
	for i := range raw {
		b, err := b64.DecodeString(args[i].String())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", vrf.ErrProof, err)
		}
		raw[i] = b
	}
	beta, err := vrf.Verify(raw[0], raw[1], raw[2])
	if err != nil {
		return nil, err
	}
	return drawn{b64.EncodeToString(beta), vrf.Choose(beta, args[3].Int())}, nil
}

// signOneTime(private, tag, message bytes)
func signOneTime(args []js.Value) (any, error) {
	k, err := seal.ParsePrivateKey(args[0].String())
	if err != nil {
		return nil, err
	}
	return seal.SignWithOneTime(k, args[1].String(), bytesOf(args[2]))
}

// verifySignature(public, tag, message bytes, signature)
func verifySignature(args []js.Value) (any, error) {
	p, err := seal.ParsePublicKey(args[0].String())
	if err != nil {
		return nil, err
	}
	return p.Verify(args[1].String(), bytesOf(args[2]), args[3].String()) == nil, nil
}

// canonical(json): RFC 8785
func canonical(args []js.Value) (any, error) {
	raw, err := canon.Transform([]byte(args[0].String()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", seal.ErrInput, err)
	}
	return string(raw), nil
}

// vaults are the opened ones; the page holds their numbers, never their keys.
var (
	vaults    = map[int]*vault.Vault{}
	lastVault int
)

type openedVault struct {
	Handle   int            `json:"handle"`
	Document vault.Document `json:"document"`
}

func keepVault(v *vault.Vault) openedVault {
	lastVault++
	vaults[lastVault] = v
	return openedVault{lastVault, v.Doc}
}

func vaultOf(v js.Value) (*vault.Vault, error) {
	if opened, ok := vaults[v.Int()]; ok {
		return opened, nil
	}
	return nil, vault.ErrNotVault
}

// vaultCreate(passphrase)
func vaultCreate(args []js.Value) (any, error) {
	v, err := vault.New(args[0].String())
	if err != nil {
		return nil, err
	}
	return keepVault(v), nil
}

// vaultOpen(blob, passphrase)
func vaultOpen(args []js.Value) (any, error) {
	v, err := vault.Open(bytesOf(args[0]), args[1].String())
	if err != nil {
		return nil, err
	}
	return keepVault(v), nil
}

// vaultSeal(handle, document, now RFC 3339): the new blob
func vaultSeal(args []js.Value) (any, error) {
	v, err := vaultOf(args[0])
	if err != nil {
		return nil, err
	}
	now, err := time.Parse(time.RFC3339, args[2].String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", vault.ErrContents, err)
	}
	doc, err := vault.ParseDocument([]byte(args[1].String()))
	if err != nil {
		return nil, err
	}
	doc.Revision = max(doc.Revision, v.Doc.Revision)
	v.Doc = doc
	return v.Save(now)
}

// vaultChange(handle, old, next); takes effect with the next vaultSeal
func vaultChange(args []js.Value) (any, error) {
	v, err := vaultOf(args[0])
	if err != nil {
		return nil, err
	}
	return nil, v.ChangePassphrase(args[1].String(), args[2].String())
}

// vaultClose(handle) forgets the key
func vaultClose(args []js.Value) (any, error) {
	delete(vaults, args[0].Int())
	return nil, nil
}

// checkPassphrase(passphrase)
func checkPassphrase(args []js.Value) (any, error) {
	return nil, vault.CheckPassphrase(args[0].String())
}
