package bench

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/server/live"
)

// hallClasses are the audience classes, and classOf their places.
var hallClasses = [...]live.Class{live.ClassPublic, live.ClassParty, live.ClassOfficial}

// roleOf mixes the audience: of a hundred, ninety are the public, eight are
// bidders (投标人), one supervises (监督) and one is the agency (代理机构).
func roleOf(i int) actor.Role {
	switch i % 100 {
	case 7, 19, 31, 43, 55, 67, 79, 91:
		return actor.Bidder
	case 50:
		return actor.Supervisor
	case 99:
		return actor.Agency
	default:
		return actor.Public
	}
}

func classOf(role actor.Role) int {
	switch role {
	case actor.Public:
		return 0
	case actor.Supervisor:
		return 2
	default:
		return 1
	}
}

// hallRoom shows an event in the size and shape that an opening gives it, and
// answers everything else from memory.
type hallRoom struct{}

type hallView struct {
	Seq        int64  `json:"seq"`
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Label      string `json:"label"`
	At         string `json:"at"`
	RecordedAt string `json:"recordedAt"`
	Text       string `json:"text"`
	Class      string `json:"class"`
	Commitment string `json:"commitment"`
	ProofState string `json:"proofState"`
}

func (hallRoom) Admit(_ context.Context, _ string, who actor.Actor, _ string) (live.Viewer, error) {
	return live.Viewer{Actor: who, Class: hallClasses[classOf(who.Role)], Host: who.Role == actor.Agency}, nil
}

func (hallRoom) View(e evidence.Event, class live.Class) (json.RawMessage, error) {
	const layout = "2006-01-02T15:04:05.000Z07:00"
	return json.Marshal(hallView{Seq: e.Seq, ID: e.ID, Kind: e.Kind, Label: "监督意见", At: e.At.In(evidence.Beijing).Format(layout),
		RecordedAt: e.RecordedAt.In(evidence.Beijing).Format(layout), Text: e.Text("text"), Class: string(class),
		Commitment: hex.EncodeToString(e.Commitment), ProofState: "recorded"})
}

func (hallRoom) Snapshot(context.Context, string, live.Viewer) (any, int64, error) {
	return nil, 1, nil
}

func (hallRoom) Actions(_ context.Context, _ string, v live.Viewer) (any, error) {
	return []map[string]any{{"command": "remark", "label": "提出意见", "allowed": v.Class == live.ClassOfficial}}, nil
}

func (hallRoom) Command(context.Context, string, live.Viewer, string, string, json.RawMessage) (any, error) {
	return nil, nil
}

func (hallRoom) Discreet(context.Context, string) (bool, error) { return true, nil }

func (hallRoom) Bids(context.Context, string, []string) (map[string]bool, error) { return nil, nil }
