package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
	"jianbiao/server/orgsheet"
)

// ImportView is a list of organisations that was applied.
type ImportView struct {
	ID        string `json:"id"`
	Name      string `json:"name" doc:"文件名"`
	Rows      int    `json:"rows"`
	Entered   int    `json:"entered"`
	Refused   int    `json:"refused"`
	CreatedAt string `json:"createdAt"`
}

// ImportPreview says what a list would do. Nothing of it is stored.
type ImportPreview struct {
	Rows   int                    `json:"rows"`
	Good   int                    `json:"good"`
	Bad    int                    `json:"bad" doc:"不能登记的行数"`
	Errors []identity.ImportError `json:"errors" doc:"最多 1000 处"`
	Sample []ImportSample         `json:"sample" doc:"可以登记的前几行"`
}

// ImportSample is a row that can be entered.
type ImportSample struct {
	Line   int    `json:"line"`
	USCC   string `json:"uscc"`
	Name   string `json:"name"`
	Region string `json:"region"`
}

const (
	shownErrors = 1000
	shownRows   = 20
)

type importsOutput struct{ Body Page[ImportView] }

func (a *API) registerImport() {
	system := Allow(actor.SystemAdmin)
	const path = "/api/organisations/imports"
	a.Raw(Route{Method: http.MethodPost, Path: path + "/preview", Allow: system, Summary: "预览单位名录", Body: orgsheet.MaxBytes}, a.previewImport)
	a.Raw(Route{Method: http.MethodPost, Path: path, Allow: system, Summary: "导入单位名录", Body: orgsheet.MaxBytes, Status: http.StatusCreated}, a.applyImport)
	Register(a, Route{Method: http.MethodGet, Path: path, Allow: Allow(actor.Administrators()...), Summary: "单位名录的导入"}, a.listImports)
	a.Raw(Route{Method: http.MethodGet, Path: path + "/{id}/result.csv", Allow: Allow(actor.Administrators()...), Summary: "导入结果"}, a.importResult)
	a.Raw(Route{Method: http.MethodGet, Path: path + "/template", Allow: system, Summary: "单位名录的模板"}, a.importTemplate)
}

// list reads the body as a list of organisations; its digest is that of the file.
func list(c echo.Context) (rows []identity.ImportRow, digest string, err error) {
	data, err := io.ReadAll(c.Request().Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, "", apperr.New(apperr.TooLarge, "import.too_large", "文件超过 %d MB，请分成几份导入。", orgsheet.MaxBytes>>20)
	case err != nil:
		return nil, "", apperr.New(apperr.Invalid, "import.broken_off", "文件没有传完，请重试。").Because(err)
	}
	sum := sha256.Sum256(data)
	rows, err = orgsheet.Read(data)
	return rows, "sha256:" + hex.EncodeToString(sum[:]), err
}

func (a *API) previewImport(c echo.Context) error {
	rows, _, err := list(c)
	if err != nil {
		return err
	}
	p, err := a.deps.Identity.PlanImport(c.Request().Context(), Viewer(c), rows)
	if err != nil {
		return err
	}
	out := ImportPreview{Rows: len(rows), Good: len(p.Good), Bad: len(rows) - len(p.Good), Errors: []identity.ImportError{}, Sample: []ImportSample{}}
	out.Errors = append(out.Errors, p.Errors[:min(len(p.Errors), shownErrors)]...)
	for _, r := range p.Good[:min(len(p.Good), shownRows)] {
		place, _ := identity.Region(r.Region)
		out.Sample = append(out.Sample, ImportSample{r.Line, r.USCC, r.Name, place.FullName()})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) applyImport(c echo.Context) error {
	rows, digest, err := list(c)
	if err != nil {
		return err
	}
	im, err := a.deps.Identity.ApplyImport(c.Request().Context(), Viewer(c), c.QueryParam("name"), digest, rows, c.QueryParam("mode") != "good")
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, importView(im))
}

func importView(im identity.Import) ImportView {
	return ImportView{ID: im.ID, Name: im.Name, Rows: im.Rows, Entered: im.Entered, Refused: im.Refused, CreatedAt: Stamp(im.CreatedAt)}
}

func (a *API) listImports(ctx context.Context, _ actor.Actor, _ *Nothing) (*importsOutput, error) {
	rows, err := a.deps.Identity.Imports(ctx, 100)
	if err != nil {
		return nil, err
	}
	return &importsOutput{page(rows, 100, importView, func(im identity.Import) string { return im.ID })}, nil
}

func (a *API) importResult(c echo.Context) error {
	data, err := a.deps.Identity.ImportResult(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return attachment(c, "result.csv", "text/csv; charset=utf-8", data)
}

func (a *API) importTemplate(c echo.Context) error {
	if c.QueryParam("format") == "csv" {
		return attachment(c, "template.csv", "text/csv; charset=utf-8", orgsheet.CSVTemplate())
	}
	data, err := orgsheet.WorkbookTemplate()
	if err != nil {
		return err
	}
	return attachment(c, "template.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", data)
}

func attachment(c echo.Context, name, media string, data []byte) error {
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, media, data)
}
