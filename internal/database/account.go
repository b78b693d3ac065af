package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"jianbiao/internal/apperr"
)

// nobodyID is the user and group that a process of ours has inside a user
// namespace, the kernel's "overflow" identity that every system knows.
const nobodyID = 65534

// account is the identity under which PostgreSQL runs. PostgreSQL refuses to
// be root, so that root has to become somebody else.
type account struct {
	name      string
	uid, gid  int  // the owner of the cluster's files, as the file system sees it
	drop      bool // change to uid and gid: only root can
	namespace bool // stay root outside, be nobody inside a user namespace
}

// attributes is how a process of this account is started.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	switch {
	case a.namespace:
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobodyID, HostID: a.uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobodyID, HostID: a.gid, Size: 1}}
	case a.drop:
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

// candidates lists the accounts to try, the best first. A person who is not
// root has only himself. The user namespace comes last although it always
// reaches the folder: in it PostgreSQL owns whatever root owns.
func candidates() []account {
	if os.Geteuid() != 0 {
		return []account{{name: "self", uid: os.Geteuid(), gid: os.Getegid()}}
	}
	var list []account
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err1 := strconv.Atoi(u.Uid)
			gid, err2 := strconv.Atoi(u.Gid)
			if err1 == nil && err2 == nil && uid != 0 {
				list = append(list, account{name: name, uid: uid, gid: gid, drop: true})
			}
		}
	}
	return append(list, account{name: "namespace", namespace: true})
}

// chooseAccount tries, really, which account can run the program and stand in
// folder: it starts `postgres -V` there. A parent folder of somebody else that
// is closed (0700) stops the accounts postgres and nobody, and a container may
// forbid user namespaces.
func chooseAccount(ctx context.Context, b binaries, folder string) (account, error) {
	var failures []error
	for _, who := range candidates() {
		cmd := b.command(ctx, who, "postgres", "-V")
		cmd.Dir = folder
		err := cmd.Run()
		if err == nil {
			return who, nil
		}
		failures = append(failures, fmt.Errorf("as %s: %w", who.name, err))
	}
	return account{}, apperr.New(apperr.Precondition, "database.folder_closed",
		"数据库程序进不了数据目录 %s：上级目录不允许其他用户通过，系统也不允许用户命名空间。请换一个数据目录，或对上级目录执行 chmod o+x", folder).
		Because(errors.Join(failures...))
}

// give makes the tree at root belong to the account. Only root can, and only
// when the owner changed is there anything to do: the account of a cluster
// changes when its folder becomes reachable or is closed.
func (a account) give(root string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Lstat(root)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == a.uid && int(stat.Gid) == a.gid {
		return nil
	}
	// The top comes last, so that an interrupted change is begun again.
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		return os.Lchown(path, a.uid, a.gid)
	})
	if err != nil {
		return err
	}
	return os.Lchown(root, a.uid, a.gid)
}
