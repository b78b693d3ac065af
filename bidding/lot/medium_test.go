package lot_test

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"strings"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/seal"
)

func TestNotice_IsSignedAndAnyChangeShows(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	n, err := c.Lots.Notice(ctx, l.ID, 1)
	c.Must(err)
	keys := c.Keys.Platform()
	ed, sm := keys.Ed25519.Public().(ed25519.PublicKey), keys.SM2.Public()
	c.Must(lot.VerifyNotice(n, ed, sm))
	if lot.Digest(n.Canonical) != n.Digest || *n.ContentDigest != lot.ContentDigest(n.Title, n.Body) || !bytes.Contains(n.Canonical, []byte("2026-03-24T09:30:00+08:00")) {
		t.Errorf("%s", n.Canonical)
	}
	published, err := c.Store.OfKind(ctx, l.Stream(), "notice.published")
	c.Must(err)
	if len(published) != 1 || published[0].Text("digest") != n.Digest || published[0].Text("contentDigest") != *n.ContentDigest {
		t.Error("the signed digest is not on the record")
	}
	other, _, err := ed25519.GenerateKey(nil)
	c.Must(err)
	foreign, err := seal.GenerateKey()
	c.Must(err)
	for name, try := range map[string]func(n *lot.Notice) error{
		"another title": func(n *lot.Notice) error { n.Title = "更正公告"; return lot.VerifyNotice(n, ed, sm) },
		"another body":  func(n *lot.Notice) error { n.Body += "。"; return lot.VerifyNotice(n, ed, sm) },
		"another deadline": func(n *lot.Notice) error {
			n.Canonical = bytes.Replace(n.Canonical, []byte("2026-03-24"), []byte("2026-03-25"), 1)
			n.Digest = lot.Digest(n.Canonical)
			return lot.VerifyNotice(n, ed, sm)
		},
		"another platform's key": func(n *lot.Notice) error { return lot.VerifyNotice(n, other, sm) },
		"another SM2 key":        func(n *lot.Notice) error { return lot.VerifyNotice(n, ed, foreign.Public()) },
		"no signature":           func(n *lot.Notice) error { n.Signature = nil; return lot.VerifyNotice(n, ed, sm) },
	} {
		changed := *n
		if try(&changed) == nil {
			t.Errorf("%s: it verifies", name)
		}
	}
	_, err = c.Lots.Notice(ctx, l.ID, 2)
	want(t, "no second notice", err, "notice.not_found")
}

func TestRecordMedium_ComparesWhatReadersRead(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	n, err := c.Lots.Notice(ctx, l.ID, 1)
	c.Must(err)
	at := biddingtest.Start.Add(time.Hour)
	c.At(at.Add(time.Hour))
	put := func(medium, text, digest string) *lot.Medium {
		m, err := c.Lots.RecordMedium(ctx, c.Agency, l.ID, lot.MediumInput{Medium: medium, URL: "https://example.cn/1", Text: text, Digest: digest, SentAt: ptr(biddingtest.Start), PublishedAt: at})
		c.Must(err)
		return m
	}
	for name, try := range map[string]struct {
		text, digest string
		equal        bool
	}{
		"word for word":           {text: n.Title + "\n" + n.Body, equal: true},
		"without the title":       {text: n.Body, equal: true},
		"other spaces and breaks": {text: " 招标 公告\r\n\u3000\u3000欢迎\u200b投标。 ", equal: true},
		"by its digest":           {digest: *n.ContentDigest, equal: true},
		"a word more":             {text: n.Title + n.Body + "须投标报名"},
		"another digest":          {digest: lot.Digest([]byte("x"))},
	} {
		if m := put(name, try.text, try.digest); m.Equal != try.equal {
			t.Errorf("%s: equal %v", name, m.Equal)
		}
	}
	put("a word more", n.Title+n.Body, "") // corrected there, recorded again
	media, err := c.Lots.Media(ctx, l.ID, 1)
	c.Must(err)
	recorded, err := c.Store.OfKind(ctx, l.Stream(), "notice.medium_recorded")
	c.Must(err)
	if len(media) != 6 || len(recorded) != 7 {
		t.Errorf("%d media, %d events", len(media), len(recorded))
	}
	for i := range media {
		checks, err := c.Lots.MediumChecks(l, &media[i])
		c.Must(err)
		if checks[0].Rule != "R06-5" || checks[0].OK != media[i].Equal || !strings.Contains(checks[0].Basis, "第十五条") {
			t.Errorf("%s: %+v", media[i].Medium, checks[0])
		}
		if len(checks) != 2 || checks[1].Rule != "R06-1" || !checks[1].OK {
			t.Errorf("%s: %+v", media[i].Medium, checks)
		}
	}
}

// Data are to be published within twelve hours; by hand within a working day of
// the verification, which takes at most three.
func TestMediumChecks_PeriodsOfTheMedia(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	for name, try := range map[string]struct {
		m    lot.Medium
		fail []string
	}{
		"thirteen hours":    {lot.Medium{SentAt: ptr(beijing(3, 2, 9, 0)), PublishedAt: beijing(3, 2, 22, 0)}, []string{"R06-1"}},
		"by hand, in time":  {lot.Medium{SentAt: ptr(beijing(3, 2, 9, 0)), VerifiedAt: ptr(beijing(3, 5, 23, 0)), PublishedAt: beijing(3, 6, 23, 0)}, nil},
		"by hand, too late": {lot.Medium{SentAt: ptr(beijing(3, 2, 9, 0)), VerifiedAt: ptr(beijing(3, 6, 1, 0)), PublishedAt: beijing(3, 10, 1, 0)}, []string{"R06-3", "R06-2"}},
	} {
		try.m.Equal = true
		checks, err := c.Lots.MediumChecks(l, &try.m)
		c.Must(err)
		var failed []string
		for _, x := range checks {
			if !x.OK {
				failed = append(failed, x.Rule)
			}
		}
		if strings.Join(failed, " ") != strings.Join(try.fail, " ") {
			t.Errorf("%s: %v, want %v", name, failed, try.fail)
		}
	}
}

func TestRecordMedium_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	good := lot.MediumInput{Medium: "中国招标投标公共服务平台", URL: "https://example.cn/1", Text: "x", PublishedAt: biddingtest.Start}
	for name, try := range map[string]struct {
		who    actor.Actor
		change func(*lot.MediumInput)
		code   string
	}{
		"no name":               {c.Agency, func(in *lot.MediumInput) { in.Medium = " " }, "medium.invalid"},
		"no address":            {c.Agency, func(in *lot.MediumInput) { in.URL = "javascript:alert(1)" }, "medium.invalid"},
		"neither text, digest":  {c.Agency, func(in *lot.MediumInput) { in.Text = "" }, "medium.invalid"},
		"both text, digest":     {c.Agency, func(in *lot.MediumInput) { in.Digest = lot.Digest(nil) }, "medium.invalid"},
		"no digest":             {c.Agency, func(in *lot.MediumInput) { in.Text, in.Digest = "", "sm3:1" }, "medium.invalid"},
		"in the future":         {c.Agency, func(in *lot.MediumInput) { in.PublishedAt = biddingtest.Start.Add(time.Hour) }, "medium.invalid"},
		"sent after it came":    {c.Agency, func(in *lot.MediumInput) { in.SentAt = ptr(biddingtest.Start.Add(time.Minute)) }, "medium.invalid"},
		"a NUL in its name":     {c.Agency, func(in *lot.MediumInput) { in.Medium = "x\x00" }, "medium.invalid"},
		"a number beyond all":   {c.Agency, func(in *lot.MediumInput) { in.Number = 1 << 40 }, "notice.not_found"},
		"no such notice":        {c.Agency, func(in *lot.MediumInput) { in.Number = 9 }, "notice.not_found"},
		"by the supervisor":     {c.Supervisor, func(*lot.MediumInput) {}, "lot.role"},
		"by another's agency":   {c.Organisation("另一家代理有限公司", actor.Agency), func(*lot.MediumInput) {}, "lot.not_yours"},
		"for a lot not yet out": {c.Agency, nil, "lot.state"},
	} {
		in, id := good, l.ID
		if try.change == nil {
			id = written(t, c, true).ID
		} else {
			try.change(&in)
		}
		_, err := c.Lots.RecordMedium(ctx, try.who, id, in)
		want(t, name, err, try.code)
	}
	if media, err := c.Lots.Media(ctx, l.ID, 1); err != nil || len(media) != 0 {
		t.Errorf("a refusal left %v, %v", media, err)
	}
}

// There is no registration (报名): whoever comes has the document of a published
// lot, and nothing is kept of who took it.
func TestDocument_IsHadWithoutRegistration(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := gov(t, c, nil)
	f, err := c.Lots.AddFile(ctx, c.Agency, l.ID, "采购文件.pdf", "application/pdf", strings.NewReader(biddingtest.PDF("采购文件")))
	c.Must(err)
	strangers := map[string]actor.Actor{"a firm": c.Organisation("从未来过的公司", actor.Bidder), "anyone": actor.Anyone()}
	for name, who := range strangers {
		_, _, err := c.Lots.OpenFile(ctx, who, l.ID, f.ID)
		want(t, name+", before the notice", err, "lot.not_found")
	}
	c.Must(publish(c, l, beijing(3, 9, 17, 30), beijing(3, 24, 9, 30)))
	for name, who := range strangers {
		before := heads(c, l)
		_, r, err := c.Lots.OpenFile(ctx, who, l.ID, f.ID)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b, err := io.ReadAll(r); err != nil || string(b) != biddingtest.PDF("采购文件") {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		_ = r.Close()
		if heads(c, l) != before {
			t.Errorf("%s: something was written", name)
		}
	}
}
