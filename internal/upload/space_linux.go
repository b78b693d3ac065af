package upload

import (
	"os"
	"syscall"
)

// freeBytes is what the disk of dir has left for us, negative if unknown.
func freeBytes(dir string) int64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return -1
	}
	return int64(fs.Bavail) * fs.Bsize
}

// adopted says whether the bytes have become a stored file already.
func adopted(e os.DirEntry) bool {
	info, err := e.Info()
	if err != nil {
		return true // gone meanwhile
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1
}
