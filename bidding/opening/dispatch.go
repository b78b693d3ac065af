package opening

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
)

// Do carries out a command by its name, for the socket and for HTTP. The input
// is JSON; unknown fields are refused, so that a misspelt one is not lost. The
// result is null or a small JSON value.
func (s *Service) Do(ctx context.Context, who actor.Actor, lotID, command string, input json.RawMessage) (any, error) {
	run, ok := commands[command]
	if !ok {
		return nil, apperr.New(apperr.NotFound, "opening.unknown_command", "没有这个操作。")
	}
	return run(s, ctx, who, lotID, input)
}

type runner func(s *Service, ctx context.Context, who actor.Actor, lotID string, input json.RawMessage) (any, error)

func plain(f func(*Service, context.Context, actor.Actor, string) error) runner {
	return with(func(s *Service, ctx context.Context, who actor.Actor, lotID string, _ struct{}) error {
		return f(s, ctx, who, lotID)
	})
}

func with[In any](f func(*Service, context.Context, actor.Actor, string, In) error) runner {
	return func(s *Service, ctx context.Context, who actor.Actor, lotID string, input json.RawMessage) (any, error) {
		var in In
		if err := decodeInput(input, &in); err != nil {
			return nil, err
		}
		return nil, f(s, ctx, who, lotID, in)
	}
}

func decodeInput(input json.RawMessage, into any) error {
	if len(input) == 0 || string(input) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(input))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return apperr.New(apperr.Invalid, "opening.input", "提交的内容格式不对：请刷新页面后再试。").Because(err)
	}
	return nil
}

type textInput struct {
	Objection string `json:"objection"`
	Text      string `json:"text"`
}

type pauseInput struct {
	Reason string `json:"reason"`
	Outage bool   `json:"outage"`
}

type reasonInput struct {
	Reason string `json:"reason"`
}

type atInput struct {
	At time.Time `json:"at"`
}

type decideInput struct {
	Digest  string `json:"digest"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
}

type receiptInput struct {
	Receipt seal.Receipt `json:"receipt"`
}

var commands = map[string]runner{
	"open_lobby":         plain((*Service).OpenLobby),
	"record_cutoff":      plain((*Service).RecordCutoff),
	"abort_lt3":          plain((*Service).AbortLt3),
	"start":              plain((*Service).Start),
	"publish_roster":     plain((*Service).PublishRoster),
	"start_decrypt":      plain((*Service).StartDecrypt),
	"close_window":       plain((*Service).CloseWindow),
	"import_bids":        plain((*Service).ImportBids),
	"check_files":        plain((*Service).CheckFiles),
	"announce":           plain((*Service).Announce),
	"open_objections":    plain((*Service).OpenObjections),
	"start_confirmation": plain((*Service).StartConfirmation),
	"close_first":        plain((*Service).CloseFirst),
	"review":             with((*Service).Review),
	"sign_record":        plain((*Service).SignRecord),
	"close":              plain((*Service).Close),
	"resume":             plain((*Service).Resume),
	"reopen_lobby":       plain((*Service).ReopenLobby),
	"check_seal":         with((*Service).CheckSeal),
	"release_part":       with((*Service).ReleasePart),
	"report_failure":     with((*Service).ReportFailure),
	"no_objection":       with((*Service).NoObjection),
	"confirm_record":     with((*Service).ConfirmRecord),
	"report_missing": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in receiptInput) error {
		return s.ReportMissing(ctx, who, id, in.Receipt)
	}),
	"raise_objection": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in ObjectionInput) error {
		_, err := s.RaiseObjection(ctx, who, id, in)
		return err
	}),
	"answer_objection": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in textInput) error {
		return s.AnswerObjection(ctx, who, id, in.Objection, in.Text)
	}),
	"remark": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in textInput) error {
		return s.Remark(ctx, who, id, in.Text)
	}),
	"pause": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in pauseInput) error {
		return s.Pause(ctx, who, id, in.Reason, in.Outage)
	}),
	"postpone": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in pauseInput) error {
		return s.Postpone(ctx, who, id, in.Reason)
	}),
	"reconvene": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in atInput) error {
		return s.Reconvene(ctx, who, id, in.At)
	}),
	"schedule_second": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in atInput) error {
		return s.ScheduleSecond(ctx, who, id, in.At)
	}),
	"cancel_second": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in reasonInput) error {
		return s.CancelSecond(ctx, who, id, in.Reason)
	}),
	"decide_bid": with(func(s *Service, ctx context.Context, who actor.Actor, id string, in decideInput) error {
		return s.DecideBid(ctx, who, id, in.Digest, in.Outcome, in.Reason)
	}),
}
