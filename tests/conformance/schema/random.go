package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"strings"

	decoder "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Values that are wrong for most fields.
var wrong = []any{nil, true, "x", "", "true", "1", "1Gi", "1 core", 0, 1, -1, 1.5, 1000.0, 3000000000, 1e20,
	[]any{}, []any{1}, []any{"a"}, []any{nil}, map[string]any{}, map[string]any{"a": 1}, map[string]any{"a": "b"}}

func random(r *rand.Rand, t reflect.Type, depth int) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if r.Intn(25) == 0 {
		value := wrong[r.Intn(len(wrong))]
		// A list of numbers is decoded as bytes too, but nobody writes that.
		if _, isList := value.([]any); !isList || leaves[t] != "Bytes" {
			return value
		}
	}
	switch leaves[t] {
	case "Quantity":
		return []any{"1Gi", 1, 1.5, "100m"}[r.Intn(4)]
	case "IntOrString":
		return []any{"a", 8080}[r.Intn(2)]
	case "String":
		return nil // Times and durations have a form that the table does not know.
	case "Bytes":
		return "aGVsbG8="
	case "Any":
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.String:
		return "a"
	case reflect.Bool:
		return true
	case reflect.Int32, reflect.Int64:
		return r.Intn(3)
	case reflect.Slice:
		return []any{random(r, t.Elem(), depth+1)}
	case reflect.Map:
		return map[string]any{"a": random(r, t.Elem(), depth+1)}
	}
	object := map[string]any{}
	some(r, t, depth, object)
	return object
}

// A few fields of a struct.
func some(r *rand.Rand, t reflect.Type, depth int, object map[string]any) {
	for range min(4, t.NumField()) {
		f := t.Field(r.Intn(t.NumField()))
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.Anonymous:
			some(r, f.Type, depth, object)
		case name == "" || name == "-" || name == "status" && isKind(t) || isTime(f.Type):
		default:
			object[name] = random(r, f.Type, depth+1)
		}
	}
}

// Whether the table has the type without its status.
func isKind(t reflect.Type) bool {
	for _, group := range kinds {
		for _, kind := range group.kinds {
			if reflect.TypeOf(kind) == t {
				return true
			}
		}
	}
	return false
}

func isTime(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return leaves[t] == "String"
}

// Prints random objects, each with whether Kubernetes decodes it.
func printRandom(rows int, seed int64) {
	r := rand.New(rand.NewSource(seed))
	for range rows {
		group := kinds[r.Intn(len(kinds))]
		t := reflect.TypeOf(group.kinds[r.Intn(len(group.kinds))])
		object := map[string]any{}
		some(r, t, 0, object)
		object["apiVersion"], object["kind"] = group.version, t.Name()
		text, _ := json.Marshal(object)
		// Clients convert YAML to JSON first, which makes 1000.0 a whole number.
		converted, err := yaml.YAMLToJSON(text)
		if err == nil {
			err = decoder.UnmarshalCaseSensitivePreserveInts(converted, reflect.New(t).Interface())
		}
		fmt.Printf("%s\t%v\n", text, err == nil)
	}
}
