package platform_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"jianbiao/internal/evidence"
	"jianbiao/server/platform"
)

var update = flag.Bool("update", false, "write the generated documents again")

const eventsDoc = "../../docs/events.md"

// The list of events for people is what the dictionary says.
func TestDocuments_EventsAreThoseOfTheDictionary(t *testing.T) {
	t.Parallel()
	want := eventsMarkdown(platform.Dictionary())
	if *update {
		if err := os.WriteFile(eventsDoc, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(eventsDoc); err != nil || string(got) != want {
		t.Errorf("%s is not what the dictionary says: run make gen (%v)", eventsDoc, err)
	}
}

// eventsMarkdown is the dictionary as a document, one table a noun.
func eventsMarkdown(d evidence.Dictionary) string {
	var b strings.Builder
	b.WriteString(`# Events 事件

Made from the lists of kinds in code; a test keeps it true.

The audience (受众) is who may know that the event happened: ` + "`public`" + ` everybody, ` + "`party`" + ` the parties of the lot, ` + "`official`" + `
its host and the authorities that supervise it, ` + "`nobody`" + ` only whoever is shown the event's openings by other ways. Everybody sees
the place and the commitment of every event of a lot. A field that is named needs a higher audience than its event; the person's name
(` + "`actor.personName`" + `) is for officials in every event, his address and his id for nobody.
`)
	noun := ""
	for _, name := range d.Names() {
		if n, _, _ := strings.Cut(name, "."); n != noun {
			noun = n
			fmt.Fprintf(&b, "\n## %s\n\n| event | 名称 | audience | fields of a higher audience |\n|---|---|---|---|\n", noun)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, d[name].Label, d[name].Class, higher(d[name].Fields))
	}
	return b.String()
}

func higher(fields map[string]evidence.Class) string {
	var out []string
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, fmt.Sprintf("`%s`: %s", f, fields[f]))
	}
	return strings.Join(out, ", ")
}
