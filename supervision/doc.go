// Package supervision will hold the supervision of trading (监督): clocks over the
// rule catalogue, warnings and their escalation, objections and complaints with
// their panels (合议组), supervision documents, conduct and credit, red flags. It
// learns what happened from events, reads bidding and evaluation, writes none
// of their tables, and must be able to run as a process of its own.
package supervision
