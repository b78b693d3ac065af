package platform

import (
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/identity"
)

// caBirth is from when the rehearsal's own CA is valid; its clock may stand
// anywhere later.
var caBirth = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// trust reads the CAs whose certificates may be used. A rehearsal has one of its
// own, and production refuses to know it. Codes: certificate.roots,
// certificate.demo_root, platform.second_factor.
func (p *Platform) trust() (err error) {
	switch p.Config.SecondFactor {
	case "", identity.FactorOff, identity.FactorEnrolled, identity.FactorRequired:
	default:
		return apperr.New(apperr.Invalid, "platform.second_factor", "第二验证的设置应为 off、enrolled 或 required，不是“%s”。", p.Config.SecondFactor)
	}
	p.Trust = certificate.NewTrust()
	if p.Config.TrustedRoots != "" {
		if p.Trust, err = certificate.Load(p.Config.TrustedRoots); err != nil {
			return err
		}
	}
	if !p.Config.Rehearsal {
		if p.Trust.HasDemo() {
			return apperr.New(apperr.Precondition, "certificate.demo_root", "信任根中有演练 CA 的证书，正式平台不能使用：请从 %s 中删除后重新启动。", p.Config.TrustedRoots)
		}
		return nil
	}
	made, err := democa.New(caBirth)
	if err != nil {
		return err
	}
	p.DemoCA = &democa.CA{}
	if err := p.Keys.Keep("demo-ca", made, p.DemoCA); err != nil {
		return err
	}
	return p.Trust.AddCA(p.DemoCA.Certificate)
}
