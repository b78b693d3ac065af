// Package actor names who acts: a person in a role of an organisation, the
// platform's own clock, or the public. Every command takes an Actor as an
// argument; nobody hides in a context.
package actor

import "slices"

// Role is what a person may be in a tender. The codes are stored and shown in
// the interface through Label.
type Role string

// The roles. Clock is the platform acting on a due time; Rehearsal is the
// conductor of a rehearsal (演练) and does not exist in production.
const (
	Public              Role = "public"
	Buyer               Role = "buyer"
	Agency              Role = "agency"
	Bidder              Role = "bidder"
	Expert              Role = "expert"
	Supervisor          Role = "supervisor"
	GeneralSupervisor   Role = "general_supervisor"
	DisciplineInspector Role = "discipline_inspector"
	WitnessOfficer      Role = "witness_officer"
	Centre              Role = "centre"
	Notary              Role = "notary"
	SystemAdmin         Role = "system_admin"
	SecurityAdmin       Role = "security_admin"
	AuditAdmin          Role = "audit_admin"
	Clock               Role = "clock"
	Rehearsal           Role = "rehearsal"
)

var labels = map[Role]string{
	Public: "社会公众", Buyer: "招标人", Agency: "招标代理机构", Bidder: "投标人", Expert: "评标专家",
	Supervisor: "行政监督部门", GeneralSupervisor: "综合监督", DisciplineInspector: "纪检监察",
	WitnessOfficer: "见证员", Centre: "交易中心", Notary: "公证机构",
	SystemAdmin: "系统管理员", SecurityAdmin: "安全管理员", AuditAdmin: "审计管理员",
	Clock: "平台授时", Rehearsal: "演练主持",
}

// Roles lists every role, in the order in which pages show them.
func Roles() []Role {
	return []Role{Public, Buyer, Agency, Bidder, Expert, Supervisor, GeneralSupervisor, DisciplineInspector,
		WitnessOfficer, Centre, Notary, SystemAdmin, SecurityAdmin, AuditAdmin, Clock, Rehearsal}
}

// Label is the role's Chinese name.
func (r Role) Label() string { return labels[r] }

// Known says whether r is one of Roles.
func (r Role) Known() bool { return slices.Contains(Roles(), r) }

// Administrators are the three that run the platform and of which nobody may
// hold two (三员分立, GB/T 22239-2019 8.1.5): the first keeps the registers, the
// second grants rights, the third reads what both did.
func Administrators() []Role { return []Role{SystemAdmin, SecurityAdmin, AuditAdmin} }

// Administers says whether r is one of Administrators.
func (r Role) Administers() bool { return slices.Contains(Administrators(), r) }

// Actor is who gives a command. The zero value is nobody and may do nothing.
type Actor struct {
	PersonID         string `json:"person,omitempty"`
	PersonName       string `json:"personName,omitempty"`
	OrganisationID   string `json:"organisation,omitempty"`
	OrganisationName string `json:"organisationName,omitempty"`
	USCC             string `json:"uscc,omitempty"` // 统一社会信用代码
	Certified        bool   `json:"-"`              // the organisation's papers were checked
	Role             Role   `json:"role"`
	Region           string `json:"region,omitempty"` // GB/T 2260
	Address          string `json:"address,omitempty"`
	Rehearsal        bool   `json:"-"` // a rehearsal person
	PasswordOnce     bool   `json:"-"` // logged in with a one-time password: must change it first
	Request          string `json:"-"` // the act's own id, if it may arrive twice: a repeated one acts once
}

// System is the platform's clock: it notices what is due, and the guards decide.
func System() Actor { return Actor{Role: Clock} }

// Anyone is the public, without a name.
func Anyone() Actor { return Actor{Role: Public} }

// In says whether the actor holds one of the roles.
func (a Actor) In(roles ...Role) bool { return slices.Contains(roles, a.Role) }
