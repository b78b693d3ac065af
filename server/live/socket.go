package live

import (
	"bufio"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// socket is a viewer's TCP connection. It remembers what a write that ran out
// of time left over: a frame cut in the middle makes all that follows it
// unreadable, so the rest has to go out before the close frame can.
type socket struct {
	net.Conn
	rest []byte
}

// Write is net.Conn's, and keeps what was not written.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if err != nil {
		s.rest = append([]byte(nil), p[n:]...)
	}
	return n, err
}

// cutOff ends the connection of a reader that is too slow: what was begun is
// finished and the close frame follows, if the reader takes them within
// patience; otherwise the connection just ends.
func (s *socket) cutOff(f *farewell, patience time.Duration) {
	reason := websocket.FormatCloseMessage(f.close, f.code)
	frame := append([]byte{0x80 | websocket.CloseMessage, byte(len(reason))}, reason...)
	if err := s.Conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return
	}
	_, _ = s.Conn.Write(append(s.rest, frame...)) // the reader may be gone, and then there is nobody to tell
}

// hijacker makes the upgrader use our socket.
type hijacker struct {
	http.ResponseWriter
	sock *socket
}

// Hijack takes the connection from the HTTP server.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.sock = &socket{Conn: conn}
	return h.sock, rw, nil
}
