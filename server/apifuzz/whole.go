package main

import (
	"fmt"
	"math/rand/v2"

	"jianbiao/internal/identity"
)

// wholes are whole right bodies by the name of their schema: what members that fit each other only now and then would reach seldom.
func wholes(r *rand.Rand) map[string][]any {
	out := map[string][]any{
		"CreateLotInputBody":        {object{"name": "一标段", "estimate": "48000000.00"}},
		"LoginInputBody":            {object{"login": "expert7", "password": "Yanlian-2026"}, object{"login": "expert7", "password": "Yanlian-2025"}},
		"ReasonInputBody":           {object{"reason": "查实情况"}},
		"DecisionInputBody":         {object{"approve": true}, object{"approve": false, "reason": "材料不全"}},
		"ObjectInputBody":           {object{"subject": "评标办法", "text": "第三章与第五章不一致，请求更正。", "signed": true}, object{"subject": "工期", "text": "工期过短。"}},
		"RemoveMembershipInputBody": {object{"organisation": "00000000-0000-4000-8000-000000000000", "role": "bidder", "reason": "离职"}},
		"AskInputBody":              {object{"text": "图纸第3页与清单不一致，以哪一个为准？"}},
		"CheckLotInputBody":         {object{"issuedAt": "2026-03-03T09:00:00+08:00", "saleEnd": "2026-03-10T17:00:00+08:00", "bidDeadline": "2026-04-20T09:30:00+08:00"}},
		"CreateUploadInputBody":     {object{"size": 100000.0, "purpose": "bid"}, object{"size": 21.0, "purpose": "file"}},
		"HolidayInputBody":          {object{"text": "2027-01-01,元旦,放假\n2027-01-02,元旦,放假", "table": true, "year": 2027.0, "number": "国办发明电〔2026〕9号"}},
	}
	for range 200 {
		n := r.IntN(10_000_000)
		out["CreateOrganisationInputBody"] = append(out["CreateOrganisationInputBody"],
			object{"uscc": identity.MakeUSCC(fmt.Sprintf("91321300FY%07d", n)), "name": fmt.Sprintf("试验单位%d有限公司", n), "region": "321300"})
		out["CreatePersonInputBody"] = append(out["CreatePersonInputBody"], object{"login": fmt.Sprintf("fz%d", n), "name": "某某", "password": fmt.Sprintf("Once-Mima-%d", n)})
		out["CreateProjectInputBody"] = append(out["CreateProjectInputBody"],
			object{"code": fmt.Sprintf("FZ-GC-%d", n), "name": fmt.Sprintf("试验工程%d", n), "compulsory": true, "region": "321302", "approvalNumber": "宿发改〔2026〕1号", "approvalAuthority": "宿迁市发展和改革委员会"},
			object{"code": fmt.Sprintf("FZ-ZC-%d", n), "name": fmt.Sprintf("试验采购%d", n), "kind": "GOV", "compulsory": false, "region": "321302", "planFiling": "计划备案1号", "intentionAt": "2026-01-05T09:00:00+08:00"})
	}
	return out
}
