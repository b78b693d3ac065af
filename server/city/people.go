// Package city makes the rehearsal city (演练城市): 宿迁 with its organisations,
// people of every role, and lots in every state. Everything is reached by
// commands, in the order of time; only the clock is the rehearsal's.
package city

import (
	"context"
	"fmt"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
)

// Password of every rehearsal person, and passphrase of every rehearsal vault.
const Password = "Yanlian-2026"

// Conductor is who makes the city and moves its clock (演练主持).
func Conductor() actor.Actor { return actor.Actor{Role: actor.Rehearsal, PersonName: "演练主持"} }

// Person is somebody who can log in during a rehearsal.
type Person struct {
	Login        string     `json:"login"`
	Name         string     `json:"name"`
	Organisation string     `json:"organisation"`
	Role         actor.Role `json:"role"`
	RoleLabel    string     `json:"roleLabel"`
	Region       string     `json:"-"`
}

const city = "321300"

type unit struct {
	name, region string
	role         actor.Role
	people       []Person
}

// one is a unit with one person.
func one(role actor.Role, region, name, login, person string) unit {
	return unit{name, region, role, []Person{{Login: login, Name: person}}}
}

// units are the organisations of the city. Names are made up.
func units() []unit {
	list := []unit{
		one(actor.SystemAdmin, city, "宿迁市公共资源交易平台运行中心", "admin", "钱明"),
		one(actor.SecurityAdmin, city, "宿迁市公共资源交易平台安全管理组", "security", "石坚"),
		one(actor.AuditAdmin, city, "宿迁市公共资源交易平台审计组", "audit", "常青"),
		one(actor.Buyer, "321302", "宿迁市城市建设投资有限公司", "buyer1", "王建国"),
		one(actor.Buyer, "321311", "宿迁市水利工程建设管理处", "buyer2", "李文静"),
		one(actor.Buyer, "321302", "宿迁市第一中学", "buyer3", "陈志远"),
		one(actor.Buyer, "321322", "沭阳县交通运输局", "buyer4", "赵海峰"),
		one(actor.Buyer, "321324", "泗洪县人民医院", "buyer5", "孙丽华"),
		one(actor.Agency, city, "江苏经纬工程咨询有限公司", "agency1", "周敏"),
		one(actor.Agency, city, "宿迁正诚招标代理有限公司", "agency2", "吴晓东"),
		one(actor.Agency, city, "苏信项目管理有限公司", "agency3", "郑雪"),
		one(actor.Supervisor, city, "宿迁市住房和城乡建设局", "supervisor1", "冯立新"),
		one(actor.Supervisor, city, "宿迁市水利局", "supervisor2", "褚卫平"),
		one(actor.GeneralSupervisor, city, "宿迁市行政审批局综合监督处", "general1", "卫国强"),
		one(actor.DisciplineInspector, city, "宿迁市纪委监委派驻纪检监察组", "inspector1", "蒋正"),
		one(actor.WitnessOfficer, city, "宿迁市数字见证中心", "witness1", "沈亚楠"),
		one(actor.Centre, city, "宿迁市公共资源交易中心", "centre1", "韩梅"),
		one(actor.Notary, city, "宿迁市宿城公证处", "notary1", "杨帆"),
	}
	for i, name := range []string{"朱启明", "秦岭", "许静", "何伟", "吕兰", "施展", "张衡"} {
		list = append(list, one(actor.Expert, city, fmt.Sprintf("宿迁市工程评标专家第%d组", i+1), fmt.Sprintf("expert%d", i+1), name))
	}
	return append(list, firms()...)
}

var firmNames = []string{"苏北建设集团", "运河建工集团", "华宇建筑工程", "项王市政工程", "骆马湖水利建设", "洪泽路桥工程", "钟吾建筑安装", "泗水建设",
	"古黄河园林工程", "皂河机电安装", "楚风建设工程", "马陵山建筑", "宿城市政建设", "湖滨建筑科技", "三台山建设", "虞姬装饰工程", "梧桐巷建筑", "晓店建设",
	"大兴建工", "洋河建筑工程", "双沟市政", "归仁建设", "青阳建筑安装", "界集水利工程", "新袁路桥", "众兴建设集团", "穿城建筑工程", "沭河建设",
	"贤官市政工程", "庙头建筑", "韩山建设工程", "阴平路桥", "潼阳建工", "桑墟建筑安装", "吴集水利", "龙集建设", "半城市政工程", "临淮建筑工程", "瑶沟建设", "朱湖建工"}

var managers = []string{"李建国", "王海涛", "张立军", "刘志强", "陈永生", "杨德明", "赵振华", "黄国栋", "周卫东", "吴长江"}

func firms() []unit {
	out := make([]unit, len(firmNames))
	for i, name := range firmNames {
		out[i] = one(actor.Bidder, city, name+"有限公司", fmt.Sprintf("bidder%d", i+1), managers[i%len(managers)])
	}
	return out
}

// People lists everybody who can log in, for the login page.
func People() []Person {
	var out []Person
	for _, u := range units() {
		for _, p := range u.people {
			p.Organisation, p.Role, p.RoleLabel, p.Region = u.name, u.role, u.role.Label(), u.region
			out = append(out, p)
		}
	}
	return out
}

// Settle registers one more organisation with one person who acts in the role,
// for programs that need more people than the city has. number tells its code
// (统一社会信用代码) from those of the others; those below 1000 are the city's.
func Settle(ctx context.Context, ids *identity.Service, number int, role actor.Role, name, login, person string) (actor.Actor, error) {
	people, err := settle(ctx, ids, number, one(role, city, name, login, person))
	if err != nil {
		return actor.Actor{}, err
	}
	return people[0], nil
}

// settle registers a unit and its people and gives back who they are.
func settle(ctx context.Context, ids *identity.Service, number int, u unit) ([]actor.Actor, error) {
	who := Conductor()
	uscc := identity.MakeUSCC(fmt.Sprintf("91%s%09d", city, 260000000+number))
	org, err := ids.CreateOrganisation(ctx, who, identity.CreateOrganisationInput{USCC: uscc, Name: u.name, Region: u.region})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.name, err)
	}
	if err := ids.CertifyOrganisation(ctx, who, org.ID); err != nil {
		return nil, err
	}
	var out []actor.Actor
	for _, p := range u.people {
		person, err := ids.CreatePerson(ctx, who, identity.CreatePersonInput{Login: p.Login, Name: p.Name, Password: Password})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Login, err)
		}
		m := identity.Membership{PersonID: person.ID, OrganisationID: org.ID, Role: u.role, Region: u.region}
		if u.role == actor.Supervisor || u.role == actor.Bidder {
			m.Region = city
		}
		if err := ids.AddMembership(ctx, who, m); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Login, err)
		}
		out = append(out, actor.Actor{PersonID: person.ID, PersonName: p.Name, OrganisationID: org.ID, OrganisationName: u.name, USCC: uscc,
			Certified: true, Role: u.role, Region: m.Region, Rehearsal: true})
	}
	return out, nil
}

// errHalf says that a seeding was broken off.
func errHalf() error {
	return apperr.New(apperr.Precondition, "city.half_made", "演练城市只建成了一半(上次启动被打断):请删除数据目录后重新启动，或换一个目录(--data)。")
}
