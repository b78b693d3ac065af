// Package seal makes and opens bid envelopes (加密投标文件): one Go package for the
// server, the command line and, compiled to WebAssembly, the bidder's browser.
// docs/spec/bid-envelope.md is the format; this package is one reading of it.
//
// An envelope tells whoever holds the file its size class and nothing else. Its
// header is sealed to the lot's cut-off key (截标密钥). Its sections (投标人信息,
// 资格, 技术, 报价 …) are each sealed under a key that needs two parts: one that
// only the bidder's machine can open, one that only the tender's opening key
// (开标密钥) can. The owner section needs the tender's part alone.
//
// The package refuses to give out a byte that is not authenticated, a section
// whose parts are not those committed to, and a header that breaks a limit.
// It reads no clock, no network and no disk; it compiles for GOOS=js.
package seal
