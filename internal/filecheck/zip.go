package filecheck

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"jianbiao/internal/apperr"
)

// The limits of an archive: entries, bytes when unpacked, how many times larger
// than packed (from ratioFrom bytes on; deflate itself ends at 1,032).
const (
	maxEntries  = 20_000
	maxUnpacked = 4 << 30
	maxRatio    = 100
	ratioFrom   = 32 << 20
	maxTable    = 16 << 20 // bytes of the table of contents
)

const flagEncrypted = 1

// checkZip reads the table of contents and then inflates every entry into
// nothing, since what a table says may be false. An archive within an archive is
// one more file; it is not opened.
func checkZip(ctx context.Context, name string, size int64, r io.ReaderAt) error {
	if err := checkEnd(name, size, r); err != nil {
		return err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return damagedZip(name).Because(err)
	}
	if err := checkTable(name, size, z.File); err != nil {
		return err
	}
	for _, f := range z.File {
		if err := inflate(ctx, f); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return refuseEntry(name, err)
		}
	}
	return nil
}

func damagedZip(name string) *apperr.Error {
	return apperr.New(apperr.Invalid, "file.damaged_zip", "“%s”打不开，可能没有下载完或已损坏：请重新保存后再上传。", name)
}

func bomb(name string) *apperr.Error {
	return apperr.New(apperr.Invalid, "file.zip_bomb", "“%s”解压后过大（超过 %d GB、%d 个文件，或是压缩前的 %d 倍以上），平台不接收：请拆分后再上传。",
		name, maxUnpacked>>30, maxEntries, maxRatio)
}

func refuseEntry(name string, err error) error {
	if errors.Is(err, zip.ErrAlgorithm) {
		return apperr.New(apperr.Invalid, "file.zip_unreadable", "“%s”用了少见的压缩方式，多数人打不开：请用普通的 ZIP 方式重新压缩。", name).Because(err)
	}
	return damagedZip(name).Because(err)
}

// checkEnd refuses a table of contents that alone would fill the memory: the
// number of entries and the size of the table stand at the end of the file.
func checkEnd(name string, size int64, r io.ReaderAt) error {
	const fixed, comment = 22, 1<<16 - 1
	n := min(size, fixed+comment)
	tail := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(r, size-n, n), tail); err != nil {
		return damagedZip(name).Because(err)
	}
	at := strings.LastIndex(string(tail), "PK\x05\x06")
	if at < 0 || len(tail)-at < fixed {
		return damagedZip(name)
	}
	end := tail[at:]
	entries := int(end[10]) | int(end[11])<<8
	table := int64(end[12]) | int64(end[13])<<8 | int64(end[14])<<16 | int64(end[15])<<24
	// 0xffff and 0xffffffff stand for "in the zip64 record": so large is none of ours.
	if entries > maxEntries || table > maxTable {
		return bomb(name)
	}
	return nil
}

func checkTable(name string, size int64, files []*zip.File) error {
	if len(files) > maxEntries {
		return bomb(name)
	}
	var packed, unpacked uint64
	for _, f := range files {
		if f.CompressedSize64 > uint64(size) || f.UncompressedSize64 > maxUnpacked {
			return bomb(name)
		}
		packed += f.CompressedSize64
		unpacked += f.UncompressedSize64
		inner := strings.ReplaceAll(f.Name, `\`, "/")
		switch {
		case f.Flags&flagEncrypted != 0:
			return apperr.New(apperr.Invalid, "file.zip_encrypted", "“%s”设有打开密码，别人无法查看：请去掉密码后再上传。", name)
		case strings.HasPrefix(inner, "/") || slices.Contains(strings.Split(inner, "/"), ".."):
			return apperr.New(apperr.Invalid, "file.zip_path", "“%s”里有文件带着别处的路径，解压时会写到其他位置：请重新压缩后再上传。", name)
		case slices.Contains(programs, strings.ToLower(path.Ext(inner))):
			return executable(inner)
		}
	}
	// Entries that lie over each other have more packed bytes than the file.
	if packed > uint64(size) || unpacked > maxUnpacked || unpacked > ratioFrom && unpacked > maxRatio*uint64(size) {
		return bomb(name)
	}
	return nil
}

// inflate unpacks an entry into nothing; the reader stops where an entry is
// larger than its table says.
func inflate(ctx context.Context, f *zip.File) error {
	rc, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }()
	_, err = io.Copy(io.Discard, &stoppable{ctx, rc})
	return err
}

type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
