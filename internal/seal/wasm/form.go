//go:build js && wasm

package main

import (
	"bytes"
	"syscall/js"

	"jianbiao/bidding/tenderform"
)

type prepared struct {
	Bid      tenderform.Bid       `json:"bid"`
	Problems []tenderform.Problem `json:"problems"`
}

// bidPrepare(terms, bid): the bid completed, and what it lacks
func bidPrepare(args []js.Value) (any, error) {
	terms, err := decode[tenderform.Terms](args[0])
	if err != nil {
		return nil, err
	}
	bid, err := decode[tenderform.Bid](args[1])
	if err != nil {
		return nil, err
	}
	bid = tenderform.Complete(terms, bid)
	problems := tenderform.Check(terms, bid)
	if problems == nil {
		problems = []tenderform.Problem{}
	}
	return prepared{bid, problems}, nil
}

// billRead(bill, workbook): the prices of an .xlsx file, and what is wrong line
// by line
func billRead(args []js.Value) (any, error) {
	bill, err := decode[tenderform.Bill](args[0])
	if err != nil {
		return nil, err
	}
	file := bytesOf(args[1])
	return tenderform.ReadBill(bill, bytes.NewReader(file), int64(len(file)))
}

// billTemplate(bill, lines): an .xlsx file to fill
func billTemplate(args []js.Value) (any, error) {
	bill, err := decode[tenderform.Bill](args[0])
	if err != nil {
		return nil, err
	}
	lines, err := decode[[]tenderform.BillLine](args[1])
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := tenderform.WriteBill(&out, bill, lines); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
