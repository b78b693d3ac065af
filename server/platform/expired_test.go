package platform_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/identity"
	"jianbiao/server/city"
)

// The session of a bidder ends in the middle of the decryption: the hall says so
// and closes with 4008, the command did nothing. He logs in again, comes back
// where he was, gives the same command and is decrypted with the others.
func TestHall_SessionEndsInMidDecryption(t *testing.T) {
	t.Parallel()
	p := still(t, t.TempDir())
	c := cityOf(t, p)
	server := httptest.NewServer(p.Handler())
	t.Cleanup(func() {
		server.Close()
		must(t, p.Stop(t.Context()))
	})
	l := c.Published()
	firms := []*biddingtest.Firm{c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司"), c.NewFirm("华宇建筑工程有限公司")}
	for _, f := range firms {
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
	}
	c.To(l, firms, opening.Decrypting)
	conductor := actor.Actor{Role: actor.Rehearsal}
	person, err := p.Identity.CreatePerson(t.Context(), conductor, identity.CreatePersonInput{Login: "late-bidder", Name: "王解密", Password: city.Password})
	must(t, err)
	must(t, p.Identity.AddMembership(t.Context(), conductor, identity.Membership{PersonID: person.ID, OrganisationID: firms[0].Actor.OrganisationID,
		Role: actor.Bidder, Region: "321300"}))
	browser := &client{http: login(t, server.URL, "late-bidder"), site: server.URL}
	hall := enterHall(t, browser, l.ID, 0)
	seq := hall.await("snapshot").Seq
	// In another window of the same browser the session ends.
	want(t, "log out", browser.ask(t, http.MethodDelete, "/api/session", nil, nil), http.StatusNoContent, "")
	parts := c.Parts(firms[0])
	command := map[string]any{"id": "release-1", "command": "release_part",
		"input": opening.ReleaseInput{Signed: c.Signed(firms[0], l.ID, "release_part", map[string]any{"parts": parts}), Parts: parts}}
	must(t, hall.ws.WriteJSON(command))
	if code, said := hall.end(); code != 4008 || !strings.Contains(said, "登录") {
		t.Errorf("closed with %d %q", code, said)
	}
	if n := released(t, c, l.ID); n != 0 {
		t.Errorf("%d parts were released without a session", n)
	}
	browser.http = login(t, server.URL, "late-bidder")
	hall = enterHall(t, browser, l.ID, seq)
	must(t, hall.ws.WriteJSON(command))
	if a := hall.await("ack"); a.ID != "release-1" || a.Problem != nil {
		t.Errorf("the same command after logging in again: %+v", a)
	}
	must(t, c.Release(firms[1], l.ID))
	must(t, c.Release(firms[2], l.ID))
	if n := released(t, c, l.ID); n != 3 {
		t.Errorf("%d of 3 released", n)
	}
}

func released(t *testing.T, c *biddingtest.City, lotID string) int {
	t.Helper()
	var n int
	must(t, c.Store.DB().GetContext(t.Context(), &n, `SELECT count(*) FROM bid WHERE lot_id = $1 AND part_state = 'released'`, lotID))
	return n
}

// seat is a place in a hall.
type seat struct {
	t  *testing.T
	ws *websocket.Conn
}

type said struct {
	Type, ID, Code, Detail string
	Seq                    int64
	Problem                *struct{ Code, Detail string }
}

func enterHall(t *testing.T, c *client, lotID string, after int64) seat {
	t.Helper()
	site, err := url.Parse(c.site)
	must(t, err)
	dialer := websocket.Dialer{Jar: c.http.Jar, HandshakeTimeout: 10 * time.Second}
	ws, res, err := dialer.DialContext(t.Context(), fmt.Sprintf("ws://%s/api/lots/%s/hall?after=%d", site.Host, lotID, after), http.Header{"Origin": {c.site}})
	must(t, err)
	_ = res.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	must(t, ws.SetReadDeadline(time.Now().Add(30*time.Second)))
	return seat{t, ws}
}

func (s seat) await(kind string) said {
	s.t.Helper()
	for {
		var m said
		must(s.t, s.ws.ReadJSON(&m))
		if m.Type == kind {
			return m
		}
	}
}

// end reads to the close frame: its code, and what the goodbye said before.
func (s seat) end() (code int, goodbye string) {
	s.t.Helper()
	for {
		var m said
		err := s.ws.ReadJSON(&m)
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code, goodbye
		}
		must(s.t, err)
		if m.Type == "goodbye" {
			goodbye = m.Detail
		}
	}
}
