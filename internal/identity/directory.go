package identity

import (
	"context"
	"fmt"

	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
)

// WithRole lists the certified organisations of which somebody has the role, by
// name: the agencies that a buyer may mandate.
func (s *Service) WithRole(ctx context.Context, role actor.Role) ([]Organisation, error) {
	out := []Organisation{}
	err := s.store.DB().SelectContext(ctx, &out, `SELECT `+organisationColumns+` FROM organisation o
		WHERE certified_at IS NOT NULL AND suspended_at IS NULL AND EXISTS (SELECT FROM membership m WHERE m.organisation_id = o.id AND m.role = $1)
		ORDER BY name LIMIT 500`, role)
	if err != nil {
		return nil, fmt.Errorf("organisations by role: %w", err)
	}
	return out, nil
}

// Kinds are the events of this package.
func Kinds() []evidence.Kind {
	return []evidence.Kind{
		{Name: "organisation.created", Label: "登记单位"},
		{Name: "organisation.certified", Label: "核验单位"},
		{Name: "person.created", Label: "登记人员", Class: evidence.Official},
		{Name: "membership.added", Label: "授予角色", Class: evidence.Official},
		{Name: "person.password_set", Label: "设置口令", Class: evidence.Nobody},
		{Name: "person.password_rehashed", Label: "口令散列升级", Class: evidence.Nobody},
		{Name: "certificate.bound", Label: "绑定数字证书", Class: evidence.Official},
		{Name: "certificate.unbound", Label: "解除数字证书", Class: evidence.Official},
		{Name: "factor.enrolled", Label: "启用动态口令", Class: evidence.Nobody},
		{Name: "factor.removed", Label: "停用动态口令", Class: evidence.Nobody},
		{Name: "factor.recovery_codes_made", Label: "重新生成备用码", Class: evidence.Nobody},
		{Name: "factor.recovery_code_used", Label: "使用备用码", Class: evidence.Nobody},
		{Name: "person.disabled", Label: "停用账号", Class: evidence.Official},
		{Name: "organisation.suspended", Label: "暂停单位使用平台", Class: evidence.Official},
		{Name: "organisation.resumed", Label: "恢复单位使用平台", Class: evidence.Official},
		{Name: "organisation.imported", Label: "批量登记单位", Class: evidence.Official},
		{Name: "membership.requested", Label: "申请授予角色", Class: evidence.Official},
		{Name: "membership.rejected", Label: "驳回角色申请", Class: evidence.Official},
		{Name: "membership.removed", Label: "收回角色", Class: evidence.Official},
		{Name: "administrator.logged_in", Label: "管理员登录", Class: evidence.Nobody},
		{Name: "administrator.login_refused", Label: "管理员登录被拒", Class: evidence.Nobody},
	}
}
