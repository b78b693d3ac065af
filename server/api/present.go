package api

import (
	"net"
	"net/netip"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/apperr"
)

var errDatabaseGone = apperr.New(apperr.Unavailable, "platform.database_gone",
	"平台的数据库暂时没有响应：什么都没有改动，请几秒钟后再试；已经提交的内容都在。")

// present refuses at once what needs a database that does not answer. Routes
// that are no route (files of the web application) and those that ask about the
// program itself go on.
func (a *API) present(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := visitOf(c.Request().Context())
		if v.route == nil || a.deps.Gone == nil || !a.deps.Gone() || aboutItself[v.route.Path] {
			return next(c)
		}
		return errDatabaseGone
	}
}

// aboutItself are the routes that answer without the database.
var aboutItself = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true, "/openapi.json": true}

// AddressBehind finds the client's address behind proxies of these networks:
// the last address of X-Forwarded-For that is none of theirs. Without proxies
// it is the address of the connection, whatever a header says.
func AddressBehind(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return nil
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		p = p.Masked()
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
