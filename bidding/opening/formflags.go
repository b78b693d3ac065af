package opening

import (
	"encoding/json"
	"slices"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/canon"
	"jianbiao/internal/seal"
)

// flagRepeated marks a firm that bids more than once by way of a consortium
// (联合体成员重复参加, 实施条例第三十七条).
const flagRepeated = "consortium_member_repeated"

// bidOf is an opened bid as tenderform sees it; a form that cannot be read is
// empty, and what it lacks is flagged.
func bidOf(b *Bid, sections map[string]json.RawMessage) tenderform.Bid {
	out := tenderform.Bid{Forms: map[string]tenderform.SectionForm{}}
	for name, raw := range sections {
		var f tenderform.SectionForm
		if json.Unmarshal(raw, &f) != nil {
			f = tenderform.SectionForm{}
		}
		out.Forms[name] = f
	}
	var o seal.Owner
	if len(b.Owner) > 0 && canon.Unmarshal(b.Owner, &o) == nil {
		out.Owner = tenderform.Owner{Name: o.Name, USCC: o.USCC, LegalRepresentative: o.LegalRepresentative, Agent: o.Agent}
	}
	return out
}

// formFlags are the flags that the document's form gives, by the check that the
// bidder's own program ran. Sections that are not opened yet are not judged.
func (h *hall) formFlags(b *Bid, sections map[string]json.RawMessage) []string {
	terms := h.params.Terms()
	for i, s := range terms.Sections {
		if _, has := sections[s.Name]; !has {
			terms.Sections[i].Required = false
		}
	}
	var out []string
	for _, p := range tenderform.Check(terms, bidOf(b, sections)) {
		if formFlag[p.Code] && !slices.Contains(out, p.Code) {
			out = append(out, p.Code)
		}
	}
	return out
}

// formFlag are the problems of tenderform that become flags; the others are
// judged by the reading-out table itself.
var formFlag = map[string]bool{
	tenderform.CodeValueMissing: true, tenderform.CodeAttachmentMissing: true, tenderform.CodeBillIncomplete: true,
	tenderform.CodeBillSumDiffers: true, tenderform.CodeConsortiumInvalid: true, tenderform.CodeConsortiumNotAllowed: true,
	tenderform.CodeSubcontract: true, tenderform.CodeSubcontractForbidden: true, tenderform.CodeAttorneyMissing: true,
}

// markRepeated flags every bid that shares a firm with another: a member of a
// consortium that bids alone too, or in a second consortium. The bids' own firms
// are known from the roster, the members from the opened forms.
func (h *hall) markRepeated(forms map[string]map[string]json.RawMessage) {
	in := map[string][]*Bid{} // firm -> bids it takes part in
	for i := range h.bids {
		b := &h.bids[i]
		firms := []string{text(b.USCC)}
		for _, f := range bidOf(b, forms[b.Digest]).Forms {
			if f.Consortium == nil {
				continue
			}
			for _, m := range append(f.Consortium.Members, f.Consortium.Lead) {
				firms = append(firms, m.USCC)
			}
		}
		slices.Sort(firms)
		for _, firm := range slices.Compact(firms) {
			if firm != "" {
				in[firm] = append(in[firm], b)
			}
		}
	}
	for firm, bids := range in {
		alone := !slices.ContainsFunc(bids, func(b *Bid) bool { return text(b.USCC) != firm })
		if len(bids) < 2 || alone { // the same owner twice is flagged on the roster
			continue
		}
		for _, b := range bids {
			if !slices.Contains(b.Flags, flagRepeated) {
				b.Flags = append(b.Flags, flagRepeated)
			}
		}
	}
}
