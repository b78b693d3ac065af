package database

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pidFile is what PostgreSQL writes into postmaster.pid.
type pidFile struct {
	pid    int
	port   int
	socket string // the folder of its socket
	status string // ready, starting, stopping
}

// readPidFile reads the pid file of a cluster; ok is false when there is none
// or it is not complete.
func readPidFile(data string) (f pidFile, ok bool) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return f, false
	}
	lines := strings.Split(string(text), "\n")
	if f.pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || f.pid <= 1 {
		return f, false
	}
	if len(lines) > 4 {
		f.port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
		f.socket = strings.TrimSpace(lines[4])
	}
	if len(lines) > 7 {
		f.status = strings.TrimSpace(lines[7])
	}
	return f, true
}

// isPostmaster says whether pid is a living PostgreSQL that works in data. The
// number alone says nothing: after a crash or a restart of the machine it may
// be anybody's.
func isPostmaster(pid int, data string) bool {
	if !alive(pid) {
		return false
	}
	exe, err := os.Readlink(procPath(pid, "exe"))
	if err == nil {
		name := strings.TrimSuffix(filepath.Base(exe), " (deleted)")
		cwd, err := os.Readlink(procPath(pid, "cwd"))
		return name == "postgres" && err == nil && cwd == data
	}
	// In a container root may lack the right to look at another account's
	// links; the command line is open to everybody.
	line, err := os.ReadFile(procPath(pid, "cmdline"))
	args := bytes.Split(line, []byte{0})
	return err == nil && filepath.Base(string(args[0])) == "postgres" && hasArgument(args, "-D", data)
}

// hasArgument says whether args has name followed by value.
func hasArgument(args [][]byte, name, value string) bool {
	for i := 0; i+1 < len(args); i++ {
		if string(args[i]) == name && string(args[i+1]) == value {
			return true
		}
	}
	return false
}

// alive says whether a process exists and is not a zombie, which nobody waits
// for and which holds nothing.
func alive(pid int) bool {
	stat, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return false
	}
	// pid (comm) state …; comm may hold anything, so the last bracket counts.
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	fields := bytes.Fields(after)
	return len(fields) > 0 && fields[0][0] != 'Z' && fields[0][0] != 'X'
}

// taken says whether a number is in use, be it by a zombie, which is how
// PostgreSQL looks at it.
func taken(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// processesIn lists PostgreSQL's processes whose working folder is one of
// dirs: children that a killed postmaster left behind, or an initdb with its
// own.
func processesIn(dirs ...string) []int {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	var pids []int
	for _, link := range links {
		cwd, err := os.Readlink(link)
		if err != nil || !slices.Contains(dirs, strings.TrimSuffix(cwd, " (deleted)")) {
			continue
		}
		exe, err := os.Readlink(filepath.Join(filepath.Dir(link), "exe"))
		name := strings.TrimSuffix(filepath.Base(exe), " (deleted)")
		if err != nil || (name != "postgres" && name != "initdb") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// leaveTime is how long the children of a dead postmaster get to notice it
// before they are ended.
const leaveTime = 3 * time.Second

// stopProcesses gives PostgreSQL's processes in dirs some time to leave, then
// ends them, and returns when they are gone. A new postmaster must not start
// beside an old backend: both would write the same files.
func stopProcesses(grace time.Duration, dirs ...string) {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		pids := processesIn(dirs...)
		if len(pids) == 0 {
			return
		}
		if time.Since(begin) < grace {
			continue
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
