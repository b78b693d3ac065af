package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/reports/openingrecord"
	"jianbiao/server/live"
)

func (t *trade) registerHall() {
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/cutoff", Allow: Public, Summary: "截止记录"}, t.getCutoff)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/snapshot", Allow: Public, Summary: "开标大厅的当前状况"}, t.getSnapshot)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/record", Allow: Public, Summary: "开标记录"}, t.getRecord)
	t.Raw(Route{Method: http.MethodGet, Path: "/api/lots/{id}/record.pdf", Allow: Public, Summary: "开标记录表(PDF)"}, t.getRecordPDF)
	t.Raw(Route{Method: http.MethodPost, Path: "/api/lots/{id}/commands/{command}", Allow: AnyLoggedIn, Summary: "办理一个操作"}, t.command)
}

// RegisterLive adds the websocket of the halls.
func RegisterLive(a *API, hub *live.Hub) {
	a.Raw(Route{Method: http.MethodGet, Path: "/api/lots/{id}/hall", Allow: Public, Summary: "开标大厅(websocket)"}, func(c echo.Context) error {
		after, err := strconv.ParseInt(c.QueryParam("after"), 10, 64)
		if err != nil || after < 0 {
			after = 0
		}
		hub.Serve(c.Response(), c.Request(), c.Param("id"), Viewer(c), after, c.QueryParam("view"))
		return nil
	})
}

type cutoffOutput struct{ Body opening.Cutoff }

func (t *trade) getCutoff(ctx context.Context, who actor.Actor, in *lotInput) (*cutoffOutput, error) {
	if _, err := t.visible(ctx, who, in.ID); err != nil {
		return nil, err
	}
	c, err := t.Openings.Cutoff(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, apperr.New(apperr.Precondition, "opening.no_cutoff", "还没有截止记录：到投标截止时间由平台形成。")
	}
	return &cutoffOutput{*c}, nil
}

type snapshotOutput struct{ Body *opening.Snapshot }

func (t *trade) getSnapshot(ctx context.Context, who actor.Actor, in *lotInput) (*snapshotOutput, error) {
	if _, err := t.visible(ctx, who, in.ID); err != nil {
		return nil, err
	}
	s, err := t.Openings.Snapshot(ctx, in.ID)
	return &snapshotOutput{s}, err
}

type recordOutput struct{ Body openingrecord.Record }

type sessionInput struct {
	ID      string `path:"id"`
	Session int    `query:"session" minimum:"0" maximum:"2" doc:"双信封的第几次开标，默认最近结束的一次"`
}

func (t *trade) record(ctx context.Context, who actor.Actor, id string, session int) (openingrecord.Record, error) {
	l, err := t.visible(ctx, who, id)
	if err != nil {
		return openingrecord.Record{}, err
	}
	return openingrecord.Of(ctx, t.deps.Store, t.Openings, l, session, t.PublicURL)
}

func (t *trade) getRecord(ctx context.Context, who actor.Actor, in *sessionInput) (*recordOutput, error) {
	r, err := t.record(ctx, who, in.ID, in.Session)
	return &recordOutput{r}, err
}

func (t *trade) getRecordPDF(c echo.Context) error {
	session := map[string]int{"1": 1, "2": 2}[c.QueryParam("session")]
	r, err := t.record(c.Request().Context(), Viewer(c), c.Param("id"), session)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := openingrecord.Draw(&out, r); err != nil {
		return fmt.Errorf("draw the opening record: %w", err)
	}
	c.Response().Header().Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape("开标记录表-"+r.Lot.Code+".pdf"))
	return c.Blob(http.StatusOK, "application/pdf", out.Bytes())
}

// command gives a command over HTTP: those of the lot, and those of the opening
// that the hall gives over its socket. The state tables decide who may.
func (t *trade) command(c echo.Context) error {
	ctx, who, id, name := c.Request().Context(), Viewer(c), c.Param("id"), c.Param("command")
	input, err := readBody(c)
	if err != nil {
		return err
	}
	if ok, err := t.lotCommand(ctx, who, id, name, input); ok {
		return answer(c, map[string]bool{"done": true}, err)
	}
	who.Request = c.Request().Header.Get("Idempotency-Key")
	result, err := t.Openings.Do(ctx, who, id, name, input)
	if errors.Is(err, opening.ErrRepeated) {
		return c.JSON(http.StatusOK, map[string]bool{"repeated": true})
	}
	if result == nil {
		result = map[string]bool{"done": true}
	}
	return answer(c, result, err)
}

func answer(c echo.Context, result any, err error) error {
	if err != nil {
		return err
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return c.JSONBlob(http.StatusOK, raw)
}
