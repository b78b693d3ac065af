//go:build js && wasm

// Command wasm is the sealer in the browser: internal/seal, internal/vault,
// internal/vrf and bidding/tenderform behind functions on globalThis.jianbiaoSealer that return
// promises. It runs in a Web Worker and has no network, no storage and no page:
// what it knows it is told, what it makes it gives back. See server/web/src/sealer
// for the typed client.
package main

import (
	"syscall/js"

	"jianbiao/internal/seal"
)

// functions are all that JavaScript can call, with the number of arguments.
var functions = map[string]struct {
	arity int
	call  call
}{
	"generateKeys":    {1, generateKeys},
	"publicKey":       {1, publicKey},
	"sealBid":         {5, sealBid},
	"encryptChunk":    {4, encryptChunk},
	"encryptOnly":     {3, encryptOnly},
	"digest":          {3, digest},
	"unwrapPart":      {3, unwrapPart},
	"checkPart":       {4, checkPart},
	"verifyReceipt":   {6, verifyReceipt},
	"verifyOwner":     {2, verifyOwner},
	"verifyVrf":       {4, verifyVrf},
	"signOneTime":     {3, signOneTime},
	"verifySignature": {4, verifySignature},
	"canonical":       {1, canonical},
	"vaultCreate":     {1, vaultCreate},
	"vaultOpen":       {2, vaultOpen},
	"vaultSeal":       {3, vaultSeal},
	"vaultChange":     {3, vaultChange},
	"vaultClose":      {1, vaultClose},
	"checkPassphrase": {1, checkPassphrase},

	"certificateOpen":  {2, certificateOpen},
	"certificateSign":  {3, certificateSign},
	"certificateClose": {1, certificateClose},
	"bidPrepare":       {2, bidPrepare},
	"billRead":         {2, billRead},
	"billTemplate":     {2, billTemplate},
}

func main() {
	object := js.Global().Get("Object").New()
	for name, f := range functions {
		object.Set(name, export(f.arity, f.call))
	}
	object.Set("version", seal.Sealer)
	js.Global().Set("jianbiaoSealer", object)
	select {} // the functions live as long as the worker
}
