package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
)

func (a *API) registerVault() {
	a.Raw(Route{Method: http.MethodGet, Path: "/api/vault", Allow: Allow(actor.Bidder), Silent: true, Summary: "取回保险箱"}, a.loadVault)
	a.Raw(Route{Method: http.MethodPut, Path: "/api/vault", Allow: Allow(actor.Bidder), Silent: true, Summary: "保存保险箱",
		Body: identity.MaxVault, Status: http.StatusNoContent}, a.saveVault)
}

func (a *API) loadVault(c echo.Context) error {
	blob, etag, err := a.deps.Identity.Vault(c.Request().Context(), Viewer(c))
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", `"`+etag+`"`)
	return c.Blob(http.StatusOK, echo.MIMEOctetStream, blob)
}

// saveVault wants the tag of what it replaces (If-Match), so that two machines
// of one bidder do not overwrite each other.
func (a *API) saveVault(c echo.Context) error {
	etag := strings.Trim(c.Request().Header.Get("If-Match"), `"`)
	if etag == "" || etag == "*" {
		return apperr.New(apperr.Invalid, "vault.if_match", "保存保险箱要说明替换的是哪一版：请先取回保险箱，再保存。").With("If-Match", "缺少版本标记。")
	}
	blob, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return unread(err)
	}
	next, err := a.deps.Identity.SaveVault(c.Request().Context(), Viewer(c), etag, blob)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", `"`+next+`"`)
	return c.NoContent(http.StatusNoContent)
}

// unread is the error of a body that did not come whole: too large, or cut off.
func unread(err error) error {
	if asProblem(err).Status == http.StatusRequestEntityTooLarge {
		return err
	}
	return apperr.New(apperr.Invalid, "request.incomplete", "内容没有收完整，请检查网络后再试。").Because(fmt.Errorf("read the body: %w", err))
}
