package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// inherited is the socket that systemd (or another program that follows its
// protocol, sd_listen_fds(3)) holds for us, nil when there is none. While we
// are being restarted connections wait in it and none is refused.
func inherited() (net.Listener, error) {
	pid, _ := strconv.Atoi(os.Getenv("LISTEN_PID"))
	n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // not for our children
	}
	if pid != os.Getpid() || n < 1 {
		return nil, nil
	}
	const first = 3 // SD_LISTEN_FDS_START
	f := os.NewFile(first, "systemd socket")
	l, err := net.FileListener(f) // takes a copy that our children do not get
	if err != nil {
		return nil, fmt.Errorf("take over the socket: %w", err)
	}
	return l, f.Close()
}

// notify tells systemd how we are (sd_notify(3)); without systemd it is nothing.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if strings.HasPrefix(path, "@") {
		path = "\x00" + path[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(state)) // who does not listen is not told
	_ = conn.Close()
}
