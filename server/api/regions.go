package api

import (
	"context"
	"net/http"
	"strings"

	"jianbiao/internal/actor"
	"jianbiao/internal/identity"
)

// RegionView is a region of GB/T 2260 (行政区划).
type RegionView struct {
	Code     string `json:"code" doc:"GB/T 2260，6 位"`
	Name     string `json:"name"`
	FullName string `json:"fullName" doc:"自省级起的全称"`
	Level    int    `json:"level" doc:"1 省级，2 地级，3 县级"`
}

type regionsInput struct {
	Under string `query:"under" doc:"只列这个区划和它下面的" pattern:"^([0-9]{6})?$"`
	Query string `query:"q" doc:"名称里的字，或代码的开头" maxLength:"40"`
	Level int    `query:"level" doc:"只列这一级；0 为不限" minimum:"0" maximum:"3"`
	Limit int    `query:"limit" minimum:"1" maximum:"4000" default:"4000"`
}

type regionsOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items []RegionView `json:"items"`
	}
}

func (a *API) registerRegions() {
	Register(a, Route{Method: http.MethodGet, Path: "/api/regions", Allow: Public, Summary: "行政区划"}, listRegions)
}

func listRegions(_ context.Context, _ actor.Actor, in *regionsInput) (*regionsOutput, error) {
	out := &regionsOutput{CacheControl: "public, max-age=3600"}
	out.Body.Items = []RegionView{}
	for _, p := range identity.Regions() {
		if in.matches(p) {
			out.Body.Items = append(out.Body.Items, RegionView{Code: p.Code, Name: p.Name, FullName: p.FullName(), Level: p.Level()})
		}
		if len(out.Body.Items) == in.Limit {
			break
		}
	}
	return out, nil
}

func (in *regionsInput) matches(p identity.Place) bool {
	if in.Under != "" && !identity.Within(p.Code, in.Under) || in.Level != 0 && p.Level() != in.Level {
		return false
	}
	q := strings.TrimSpace(in.Query)
	return q == "" || strings.HasPrefix(p.Code, q) || strings.Contains(p.FullName(), q)
}
