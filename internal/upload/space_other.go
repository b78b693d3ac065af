//go:build !linux

package upload

import "os"

func freeBytes(string) int64 { return -1 }

func adopted(os.DirEntry) bool { return false }
