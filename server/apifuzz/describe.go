package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// schema is the part of JSON Schema that the platform's description uses.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       kinds              `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Enum       []any              `json:"enum"`
	Format     string             `json:"format"`
	Minimum    *float64           `json:"minimum"`
	Maximum    *float64           `json:"maximum"`
	MinLength  int                `json:"minLength"`
	MaxLength  int                `json:"maxLength"`
}

// kinds is "string" or ["array", "null"].
type kinds []string

// UnmarshalJSON takes both ways to write it.
func (k *kinds) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '[' {
		return json.Unmarshal(raw, (*[]string)(k))
	}
	*k = kinds{""}
	return json.Unmarshal(raw, &(*k)[0])
}

func (k kinds) is(kind string) bool { return slices.Contains(k, kind) }

// param is one parameter in path or query.
type param struct {
	Name   string  `json:"name"`
	In     string  `json:"in"`
	Schema *schema `json:"schema"`
}

// operation is one thing that may be asked.
type operation struct {
	method, path string
	params       []param
	body         *schema         // nil: none, or samples
	samples      []any           // bodies of a route that the description does not have: JSON values, or []byte as they are
	media        string          // of the body
	headers      []string        // "Name: value" that a right request has
	answers      map[string]bool // statuses that the description knows; nil: not described
	required     []string        // members that a described 200 has
	care         care
}

func (o *operation) name() string { return o.method + " " + o.path }

type document struct {
	Paths      map[string]map[string]described `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type described struct {
	Parameters  []param `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

// description is what the instance says about itself.
type description struct {
	operations []*operation
	schemas    map[string]*schema
}

func (d *description) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	if s == nil {
		return &schema{}
	}
	return s
}

// describe reads /openapi.json and adds the routes that carry something else than JSON.
func describe(ctx context.Context, base string) (*description, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/openapi.json", nil)
	if err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	var doc document
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	d := &description{schemas: doc.Components.Schemas}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			d.operations = append(d.operations, d.operation(strings.ToUpper(method), path, o))
		}
	}
	d.operations = append(d.operations, undescribed()...)
	held := 0
	for _, o := range d.operations {
		if c, ok := careful[o.name()]; ok {
			o.care = c.care
			held++
		}
	}
	if held != len(careful) {
		return nil, fmt.Errorf("%d operations are to be asked with care, %d of them exist: has a route another name?", len(careful), held)
	}
	slices.SortFunc(d.operations, func(a, b *operation) int { return strings.Compare(a.name(), b.name()) })
	return d, nil
}

func (d *description) operation(method, path string, o described) *operation {
	op := &operation{method: method, path: path, params: o.Parameters, answers: map[string]bool{}, media: "application/json"}
	op.body = o.RequestBody.Content["application/json"].Schema
	for status, answer := range o.Responses {
		op.answers[status] = true
		if s := answer.Content["application/json"].Schema; s != nil && strings.HasPrefix(status, "2") {
			op.required = d.resolve(s).Required
		}
	}
	return op
}
