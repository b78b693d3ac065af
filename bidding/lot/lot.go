// Package lot is the lot (标段) from its draft to its opening: project, tender
// document (招标文件), notice (招标公告) and the lot's own life. Minimum periods
// come from the rule catalogue; a date that breaks one is refused with its
// article.
package lot

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/internal/rule"
	"jianbiao/internal/upload"
	"jianbiao/internal/workday"
)

// Project is an approved project (项目) of a buyer; its lots are tendered.
type Project struct {
	ID                string     `db:"id"`
	Code              string     `db:"code"`
	Name              string     `db:"name"`
	Kind              string     `db:"kind"`       // ENG 工程建设 | GOV 政府采购
	Compulsory        bool       `db:"compulsory"` // 依法必须招标
	Region            string     `db:"region"`     // GB/T 2260
	BuyerID           string     `db:"buyer_id"`
	Buyer             string     `db:"buyer"`
	AgencyID          *string    `db:"agency_id"`
	Agency            *string    `db:"agency"`
	ApprovalNumber    string     `db:"approval_number"`
	ApprovalAuthority string     `db:"approval_authority"`
	Method            string     `db:"method"`       // 采购方式
	MethodBasis       string     `db:"method_basis"` // 邀请招标的批准或认定
	PlanFiling        string     `db:"plan_filing"`  // 采购计划备案号, GOV
	IntentionAt       *time.Time `db:"intention_at"` // 采购意向公开, GOV
	CreatedAt         time.Time  `db:"created_at"`
}

// Lot is one lot of a project.
type Lot struct {
	ID              string           `db:"id"`
	ProjectID       string           `db:"project_id"`
	Code            string           `db:"code"`
	Name            string           `db:"name"`
	State           State            `db:"state"`
	Version         int              `db:"version"`
	Estimate        decimal.Decimal  `db:"estimate"`      // 估算价, 元
	PriceCeiling    *decimal.Decimal `db:"price_ceiling"` // 最高投标限价, 元
	DocumentVersion int              `db:"document_version"`
	PublishedAt     *time.Time       `db:"published_at"`
	SaleEnd         *time.Time       `db:"sale_end"`
	BidDeadline     *time.Time       `db:"bid_deadline"`
	SuspendedSince  *time.Time       `db:"suspended_since"`
	SuspendedReason *string          `db:"suspended_reason"`
	CutoffKey       *string          `db:"cutoff_key"`
	OpeningKey      *string          `db:"opening_key"`
	VRFKey          *string          `db:"vrf_key"`
	Attempt         int              `db:"attempt"`        // 第 n 次招标
	PredecessorID   *string          `db:"predecessor_id"` // the lot that this one tenders again (重新招标)
	HostHolds       bool             `db:"host_holds"`     // the host suspended it
	OrderStands     bool             `db:"order_stands"`   // an authority's order of suspension stands
	OpenObjections  int              `db:"open_objections"`
	HasSuccessor    bool             `db:"has_successor"`
	CreatedAt       time.Time        `db:"created_at"`
	UpdatedAt       time.Time        `db:"updated_at"`
	Project         Project          `db:"project"`
}

// Stream is the evidence stream of the lot and its opening.
func (l *Lot) Stream() string { return "lot/" + l.ID }

// HostedBy says whether a hosts this lot's opening and runs its tender: the
// buyer himself, or the agency by his mandate (招标投标法 35, 12-13).
func (l *Lot) HostedBy(a actor.Actor) bool {
	switch a.Role {
	case actor.Buyer:
		return a.OrganisationID == l.Project.BuyerID
	case actor.Agency:
		return l.Project.AgencyID != nil && a.OrganisationID == *l.Project.AgencyID
	default:
		return false
	}
}

// Supervises says whether a is an authority whose region holds the lot's.
func (l *Lot) Supervises(a actor.Actor) bool {
	return a.In(actor.Supervisor, actor.GeneralSupervisor, actor.DisciplineInspector, actor.WitnessOfficer, actor.Centre) &&
		regionWithin(l.Project.Region, a.Region)
}

// regionWithin compares GB/T 2260 codes: 321300 (a city) holds 321302.
func regionWithin(region, scope string) bool {
	for len(scope) > 0 && scope[len(scope)-2:] == "00" {
		scope = scope[:len(scope)-2]
	}
	return scope != "" && len(region) >= len(scope) && region[:len(scope)] == scope
}

// Periods is the part of the rule catalogue that a tender's dates are checked
// against. Both return an *apperr.Error that names the article.
type Periods interface {
	Dates
	// CheckMin refuses an until that comes before from plus the rule's period.
	CheckMin(code string, from, until time.Time) error
	// CheckRatio refuses a part that exceeds the rule's share of whole.
	CheckRatio(code string, part, whole decimal.Decimal) error
	// Row is the rule of a code in force on the day of at.
	Row(code string, at time.Time) (rule.Rule, error)
	// Bound is the rule of a code and the date it gives from a start.
	Bound(code string, from time.Time) (rule.Rule, rule.Result, error)
	// BoundIn is Bound by another reading than the rule's own.
	BoundIn(code string, mode rule.Mode, from time.Time) (rule.Result, error)
	// Calendar is the working calendar of all dates.
	Calendar() *workday.Calendar
}

// KeyMaker makes a lot's keys at its publication and tells their public halves;
// the private halves stay in the key store. Asked twice for one lot it answers
// the same.
type KeyMaker interface {
	CreateLot(lotID string) (cutoff, opening, vrf string, err error)
	// Platform gives the keys with which notices are signed.
	Platform() keystore.Platform
	// Tag is a MAC of input under a secret of the lot's, which the database
	// does not have.
	Tag(lotID string, input []byte) ([]byte, error)
}

// Service is the only writer of projects, lots, documents and notices. Each
// method is one command: one transaction, at least one event.
type Service struct {
	store   *evidence.Store
	periods Periods
	keys    KeyMaker
	files   blob.Store
	uploads *upload.Store // nil: files come in one piece only
}

// NewService wires the package.
func NewService(store *evidence.Store, periods Periods, keys KeyMaker, files blob.Store) *Service {
	return &Service{store: store, periods: periods, keys: keys, files: files}
}

// errNotYours is the refusal for somebody else's lot.
func errNotYours() error {
	return apperr.New(apperr.Forbidden, "lot.not_yours", "这个标段由其招标人或受其委托的代理机构办理，贵单位不能操作。").By("招标投标法第十二条、第三十五条")
}

// authorise refuses a buyer or an agency of another lot, and an authority of
// another region. Other roles are judged by the state table.
func authorise(l *Lot, who actor.Actor) error {
	switch {
	case who.In(actor.Buyer, actor.Agency) && !l.HostedBy(who):
		return errNotYours()
	case who.In(actor.Supervisor, actor.GeneralSupervisor, actor.WitnessOfficer, actor.Centre, actor.DisciplineInspector) && !l.Supervises(who):
		return apperr.New(apperr.Forbidden, "lot.other_region", "这个标段不在贵单位的辖区内。")
	}
	return nil
}

// Authorise is authorise for the packages above (opening).
func Authorise(l *Lot, who actor.Actor) error { return authorise(l, who) }

// Get reads one lot with its project. Error: lot.not_found.
func (s *Service) Get(ctx context.Context, id string) (*Lot, error) {
	return get(ctx, s.store.DB(), id, "")
}
