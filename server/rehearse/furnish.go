package rehearse

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"jianbiao/internal/apperr"
	"jianbiao/internal/vault"
)

// furnish gives the person in the bidder's seat a vault (投标保险箱) that opens
// with the passphrase the rehearsal tells him. A vault of his own stays as it is.
func (p *play) furnish(ctx context.Context) error {
	if p.o.Seat != "bidder" {
		return nil
	}
	login := fmt.Sprintf("bidder%d", first)
	c, _, err := p.login(ctx, login)
	if err != nil {
		return err
	}
	blob, _, err := c.send(ctx, http.MethodGet, "/api/vault", nil, func() io.Reader { return http.NoBody })
	if err != nil {
		return err
	}
	if _, err := vault.Open(blob, "—"); apperr.CodeOf(err) != "vault.not_vault" {
		return nil
	}
	r, err := p.hireOne(ctx, login)
	if err != nil {
		return err
	}
	return p.saveVault(ctx, r)
}
