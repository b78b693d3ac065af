package workday

import (
	"bytes"
	"embed"
	"encoding/json"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"

	"jianbiao/internal/apperr"
)

// maxFile bounds a holiday file; a real one has 5 KB.
const maxFile = 1 << 20

// File is the holiday notice (放假通知) of one year, in the form of the public
// collection holiday-cn. A notice of year N may carry days of N-1 and N+1.
type File struct {
	Year   int      `json:"year"`
	Papers []string `json:"papers"` // addresses of the notice
	Days   []Notice `json:"days"`   // empty: there is no notice yet
}

// Notice is one day that a notice moves: a day off, or a make-up working day (调休上班).
type Notice struct {
	Name string `json:"name"`
	Date Day    `json:"date"`
	Off  *bool  `json:"isOffDay"`
}

// ParseFile reads one holiday file and refuses one that contradicts itself.
// Its refusals are *apperr.Error of kind Invalid, code "workday.bad_file".
func ParseFile(data []byte) (File, error) {
	var f File
	if len(data) > maxFile {
		return File{}, badFile("放假安排文件过大，最多 1 MiB。")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&f); err != nil {
		return File{}, badFile("放假安排文件不是规定的 JSON 格式，或其中有不存在的日期。").Because(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return File{}, badFile("放假安排文件在内容之后还有多余的字符。")
	}
	if f.Year < 1999 || f.Year > 2199 {
		return File{}, badFile("放假安排文件的年份 %d 不正确。", f.Year)
	}
	seen := map[Day]bool{}
	for _, n := range f.Days {
		switch {
		case n.Off == nil:
			return File{}, badFile("%s 没有写明是放假还是上班。", n.Date)
		case n.Name == "":
			return File{}, badFile("%s 没有写明节日名称。", n.Date)
		case n.Date.Year() < f.Year-1 || n.Date.Year() > f.Year+1:
			return File{}, badFile("%s 不属于 %d 年的放假安排。", n.Date, f.Year)
		case seen[n.Date]:
			return File{}, badFile("%s 在同一份放假安排中出现两次。", n.Date)
		}
		seen[n.Date] = true
	}
	return f, nil
}

// Load reads every *.json of a folder as a holiday file, for an import of newer notices.
func Load(dir fs.FS) (*Calendar, error) {
	files, err := read(dir)
	if err != nil {
		return nil, err
	}
	return New(files...)
}

func read(dir fs.FS) ([]File, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, badFile("读不出放假安排文件“%s”。", path.Base(name)).Because(err)
		}
		f, err := ParseFile(data)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

//go:embed data/*.json
var embedded embed.FS

var shipped = sync.OnceValue(func() []File {
	dir, err := fs.Sub(embedded, "data")
	if err != nil {
		panic("workday: embedded data: " + err.Error())
	}
	files, err := read(dir)
	if err != nil {
		panic("workday: embedded data: " + err.Error()) // a broken build, found by every test
	}
	return files
})

var builtIn = sync.OnceValue(func() *Calendar {
	c, err := New(shipped()...)
	if err != nil {
		panic("workday: embedded data: " + err.Error())
	}
	return c
})

// With is the calendar that ships with the program, with other notices in the
// place of its own of the same years. Refusals: those of New.
func With(notices ...File) (*Calendar, error) {
	if len(notices) == 0 {
		return Default(), nil
	}
	files := slices.DeleteFunc(slices.Clone(shipped()), func(f File) bool {
		return slices.ContainsFunc(notices, func(n File) bool { return n.Year == f.Year })
	})
	return New(append(files, notices...)...)
}

// Default is the calendar that ships with the program.
func Default() *Calendar { return builtIn() }

func badFile(format string, args ...any) *apperr.Error {
	return apperr.New(apperr.Invalid, "workday.bad_file", format, args...)
}
