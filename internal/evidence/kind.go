package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Class says which part of an event a viewer may see. Each class sees what the
// ones before it see.
type Class int

// The audience classes: everybody; the parties of the lot (after the roster);
// the host and the authorities that supervise the lot; nobody (the value is in
// the evidence, and opened to whom the law names by other ways).
const (
	Public Class = iota
	Party
	Official
	Nobody
)

var classNames = [...]string{"public", "party", "official", "nobody"}

// String is the class's code.
func (c Class) String() string { return classNames[c] }

// Kind describes one kind of event: the dictionary of domain.md 2.8 and ours.
// A kind is never renamed and never changes its meaning.
type Kind struct {
	Name  string
	Label string // Chinese, for lists
	Class Class  // who sees that it happened
	// Fields lists the payload fields that need a higher class than the event.
	Fields map[string]Class
	// Text is one Chinese sentence about the event; nil means the label. It is
	// given only the fields that the viewer may see.
	Text func(View) string
}

// View is an event as one class of viewers sees it.
type View struct {
	*Event
	Class Class
	Kind  Kind
}

// Field is a text field that the viewer may see, "" otherwise.
func (v View) Field(name string) string {
	if v.Shows(name) {
		return v.Event.Text(name)
	}
	return ""
}

// Shows says whether the viewer may see the field. The actor's organisation and
// role are as public as the event; his name is for the officials, and his
// address for nobody.
func (v View) Shows(name string) bool {
	need := v.Kind.Class
	switch {
	case name == "actor.address" || name == "actor.person":
		need = Nobody
	case name == "actor.personName":
		need = max(need, Official)
	default:
		need = max(need, v.Kind.Fields[name])
	}
	return need != Nobody && v.Class >= need
}

// Sentence is the event as a Chinese sentence.
func (v View) Sentence() string {
	if v.Kind.Text == nil {
		return v.Kind.Label
	}
	return v.Kind.Text(v)
}

// Dictionary is every kind that the platform records.
type Dictionary map[string]Kind

// NewDictionary joins the kinds of all packages. It panics on a kind declared
// twice or badly named: a fault of the program.
func NewDictionary(lists ...[]Kind) Dictionary {
	d := Dictionary{}
	for _, list := range lists {
		for _, k := range list {
			if _, twice := d[k.Name]; twice || k.Label == "" || strings.Count(k.Name, ".") != 1 {
				panic(fmt.Sprintf("evidence: bad kind %q", k.Name))
			}
			d[k.Name] = k
		}
	}
	return d
}

// View gives the event to a class of viewers. ok is false when they may not
// know what it was; its place in the stream and its commitment they may.
func (d Dictionary) View(e *Event, class Class) (v View, ok bool) {
	k, known := d[e.Kind]
	if !known {
		k = Kind{Name: e.Kind, Label: e.Kind, Class: Nobody}
	}
	return View{Event: e, Class: class, Kind: k}, known && k.Class != Nobody && class >= k.Class
}

// Names lists the kinds in order.
func (d Dictionary) Names() []string { return slices.Sorted(maps.Keys(d)) }

// Number is an integer field that the viewer may see, 0 otherwise.
func (v View) Number(name string) int64 {
	var n int64
	if v.Shows(name) {
		if _, err := v.Event.Get(name, &n); err != nil {
			return 0
		}
	}
	return n
}
