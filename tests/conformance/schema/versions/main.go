// Prints src/kubernetes/schema/kubernetes.txt: the kinds, fields and types of every supported version of Kubernetes, from the
// modules k8s.io/kubernetes and k8s.io/api of each release:
//
//   - api/openapi-spec/swagger.json has kinds, fields, types, required fields, defaults and the keys of lists;
//   - pkg/generated/openapi has the enums, which the published documents leave out;
//   - types.go of k8s.io/api and what the registries drop say the feature gates of fields, and pkg/features which gates are off;
//   - pkg/controlplane/instance.go has the beta versions that are served by default;
//   - zz_generated.prerelease-lifecycle.go says which versions are deprecated, and what replaces them.
//
// Run in tests/conformance: go run ./schema/versions > ../../src/kubernetes/schema/kubernetes.txt
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

const first, last = 25, 37

type definition struct {
	Description string                 `json:"description"`
	Type        string                 `json:"type"`
	Format      string                 `json:"format"`
	Ref         string                 `json:"$ref"`
	Items       *definition            `json:"items"`
	Values      *definition            `json:"additionalProperties"`
	Properties  map[string]*definition `json:"properties"`
	Required    []string               `json:"required"`
	Keys        []string               `json:"x-kubernetes-list-map-keys"`
	ListType    string                 `json:"x-kubernetes-list-type"`
}

type gvk struct{ Group, Version, Kind string }

func (it gvk) apiVersion() string {
	if it.Group == "" {
		return it.Version
	}
	return it.Group + "/" + it.Version
}

type operation struct {
	Parameters []struct {
		In     string
		Schema definition
	}
	Kind gvk `json:"x-kubernetes-group-version-kind"`
}

type document struct {
	Definitions map[string]*definition
	Paths       map[string]struct{ Post *operation }
}

// What a field is in one version.
type field struct {
	kind, enum, keys, gate string
	required               bool
}

type fieldName struct{ of, name string }

// What a kind is in one version.
type kind struct {
	of         string
	namespaced bool
	off        bool
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func module(path, version string) string {
	out, err := exec.Command("go", "mod", "download", "-json", path+"@"+version).Output()
	check(err)
	var found struct{ Dir string }
	check(json.Unmarshal(out, &found))
	return found.Dir
}

// The short name of a definition: core.v1.Pod for io.k8s.api.core.v1.Pod.
func short(name string) string {
	parts := strings.Split(strings.TrimPrefix(name, "#/definitions/"), ".")
	return strings.Join(parts[max(0, len(parts)-3):], ".")
}

var leaves = map[string]string{
	"resource.Quantity":    "quantity",
	"intstr.IntOrString":   "int-or-string",
	"v1.Time":              "time",
	"v1.MicroTime":         "micro-time",
	"v1.FieldsV1":          "any",
	"runtime.RawExtension": "any",
}

func typeOf(it *definition) string {
	switch {
	case it.Ref != "":
		name := short(it.Ref)
		if leaf, isLeaf := leaves[name[strings.Index(name, ".")+1:]]; isLeaf {
			return leaf
		}
		return name
	case it.Type == "array":
		return "[" + typeOf(it.Items) + "]"
	case it.Type == "object" && it.Values != nil:
		return "{" + typeOf(it.Values) + "}"
	case it.Type == "string" && it.Format == "byte":
		return "bytes"
	case it.Type == "string" && it.Format == "date-time":
		return "time"
	case it.Type == "string" && it.Format == "int-or-string":
		return "int-or-string"
	case it.Type == "string":
		return "string"
	case it.Type == "boolean":
		return "bool"
	case it.Type == "integer" && it.Format == "int64":
		return "int64"
	case it.Type == "integer":
		return "int32"
	case it.Type == "number":
		return "number"
	case it.Type == "object" || it.Type == "":
		return "any"
	}
	log.Fatalf("a type is not known: %+v", it)
	return ""
}

// The enums of fields, by short type name and field.
func enumsOf(dir string) map[fieldName][]string {
	all := map[fieldName][]string{}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "pkg/generated/openapi/zz_generated.openapi.go"), nil, 0)
	check(err)
	for _, decl := range file.Decls {
		fn, isFunc := decl.(*ast.FuncDecl)
		if !isFunc || !strings.HasPrefix(fn.Name.Name, "schema_") {
			continue
		}
		parts := strings.Split(fn.Name.Name, "_")
		if len(parts) < 4 {
			continue
		}
		of := strings.Join(parts[len(parts)-3:], ".")
		ast.Inspect(fn, func(node ast.Node) bool {
			pair, isPair := node.(*ast.KeyValueExpr)
			if !isPair {
				return true
			}
			name, isName := pair.Key.(*ast.BasicLit)
			if !isName {
				return true
			}
			ast.Inspect(pair.Value, func(node ast.Node) bool {
				inner, isPair := node.(*ast.KeyValueExpr)
				if !isPair {
					return true
				}
				if key, isIdent := inner.Key.(*ast.Ident); !isIdent || key.Name != "Enum" {
					return true
				}
				text, _ := strconv.Unquote(name.Value)
				for _, value := range inner.Value.(*ast.CompositeLit).Elts {
					value, _ := strconv.Unquote(value.(*ast.BasicLit).Value)
					all[fieldName{of, text}] = append(all[fieldName{of, text}], value)
				}
				return false
			})
			return false
		})
	}
	return all
}

var (
	oldGate   = regexp.MustCompile(`(?m)^\s*(?:\w+\.)?(\w+):\s*\{Default: (true|false), PreRelease`)
	newGate   = regexp.MustCompile(`(?m)^\s*(?:\w+\.)?(\w+):\s*\{\s*\n((?:\s*(?://.*)?\{?Version: .*\n|\s*//.*\n|\s*\{Version: .*\n)+)`)
	gateState = regexp.MustCompile(`Version: version\.MustParse\("1\.(\d+)"\), Default: (true|false)`)
)

// The feature gates of a version that are off by default.
func offGates(dir string, version int) map[string]bool {
	text, err := os.ReadFile(filepath.Join(dir, "pkg/features/kube_features.go"))
	check(err)
	if versioned, err := os.ReadFile(filepath.Join(dir, "pkg/features/versioned_kube_features.go")); err == nil {
		text = append(text, versioned...)
	}
	off := map[string]bool{}
	for _, gate := range oldGate.FindAllSubmatch(text, -1) {
		off[string(gate[1])] = string(gate[2]) == "false"
	}
	for _, gate := range newGate.FindAllSubmatch(text, -1) {
		for _, state := range gateState.FindAllSubmatch(gate[2], -1) {
			if since, _ := strconv.Atoi(string(state[1])); since <= version {
				off[string(gate[1])] = string(state[2]) == "false"
			}
		}
	}
	return off
}

var (
	isImport = regexp.MustCompile(`(?m)^\s*(\w+) "k8s\.io/(?:api|kubernetes/pkg/apis|kube-aggregator/pkg/apis|apiextensions-apiserver/pkg/apis)/(\w+/\w+)"`)
	isServed = regexp.MustCompile(`(\w+)\.SchemeGroupVersion\.WithResource\("(\w+)"\)`)
)

// The resources of beta versions that are served by default, as "flowcontrol/v1beta3 flowschemas".
func servedBetas(dir string) map[string]bool {
	served := map[string]bool{}
	for _, path := range []string{"pkg/controlplane/instance.go", "pkg/controlplane/apiserver/config.go"} {
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			continue
		}
		start := bytes.Index(text, []byte("legacyBetaEnabledByDefaultResources = "))
		if start < 0 {
			continue
		}
		imports := map[string]string{}
		for _, it := range isImport.FindAllSubmatch(text, -1) {
			imports[string(it[1])] = string(it[2])
		}
		list := text[start:]
		list = list[:bytes.Index(list, []byte("\n\t}"))]
		for _, it := range isServed.FindAllSubmatch(list, -1) {
			served[imports[string(it[1])]+" "+string(it[2])] = true
		}
	}
	return served
}

type lifecycle struct {
	deprecated, removed int
	replacement         string
}

var (
	isEnd         = regexp.MustCompile(`func \(in \*(\w+)\) APILifecycle(Deprecated|Removed)\(\) \(major, minor int\) \{\s*return 1, (\d+)`)
	isReplacement = regexp.MustCompile(`func \(in \*(\w+)\) APILifecycleReplacement\(\) schema\.GroupVersionKind \{\s*return schema\.GroupVersionKind\{Group: "([^"]*)", Version: "(\w+)", Kind: "(\w+)"`)
	isGroup       = regexp.MustCompile(`const GroupName = "([^"]*)"`)
)

// When versions of kinds end, by apiVersion and kind.
func lifecycles(dir string, all map[string]lifecycle) {
	files, err := filepath.Glob(filepath.Join(dir, "*/*/zz_generated.prerelease-lifecycle.go"))
	check(err)
	for _, path := range files {
		text, err := os.ReadFile(path)
		check(err)
		register, err := os.ReadFile(filepath.Join(filepath.Dir(path), "register.go"))
		check(err)
		group := isGroup.FindSubmatch(register)
		if group == nil {
			continue
		}
		version := filepath.Base(filepath.Dir(path))
		key := func(kind []byte) string {
			return gvk{string(group[1]), version, string(kind)}.apiVersion() + " " + string(kind)
		}
		for _, end := range isEnd.FindAllSubmatch(text, -1) {
			it := all[key(end[1])]
			minor, _ := strconv.Atoi(string(end[3]))
			if string(end[2]) == "Removed" {
				it.removed = minor
			} else {
				it.deprecated = minor
			}
			all[key(end[1])] = it
		}
		for _, to := range isReplacement.FindAllSubmatch(text, -1) {
			it := all[key(to[1])]
			it.replacement = gvk{string(to[2]), string(to[3]), ""}.apiVersion() + " " + string(to[4])
			all[key(to[1])] = it
		}
	}
}

// Versions as ranges: "" for all, "29-" since, "-31" until, "28-30".
func span(versions []int) string {
	from, to := versions[0], versions[len(versions)-1]
	text := ""
	if from > first {
		text = strconv.Itoa(from)
	}
	if from > first || to < last {
		text += "-"
	}
	if to < last {
		text += strconv.Itoa(to)
	}
	return text
}

// The values of each version as runs of equal ones.
func runs[T comparable](of map[int]T) (all []struct {
	versions []int
	value    T
}) {
	for version := first; version <= last; version++ {
		value, exists := of[version]
		if !exists {
			continue
		}
		if n := len(all); n > 0 && all[n-1].value == value && all[n-1].versions[len(all[n-1].versions)-1] == version-1 {
			all[n-1].versions = append(all[n-1].versions, version)
			continue
		}
		all = append(all, struct {
			versions []int
			value    T
		}{[]int{version}, value})
	}
	return all
}

// Whether a definition is that of a kind.
func isKind(object *definition) bool {
	return object.Properties["apiVersion"] != nil && object.Properties["kind"] != nil
}

func main() {
	log.SetFlags(0)
	fields := map[fieldName]map[int]field{}
	kinds := map[string]map[int]kind{}
	// Whether they have fields.
	objects := map[string]bool{}
	enums := map[fieldName]map[int][]string{}
	gates := map[int]map[fieldName][]string{}
	off := map[int]map[string]bool{}
	ends := map[string]lifecycle{}
	for version := first; version <= last; version++ {
		dir := module("k8s.io/kubernetes", fmt.Sprintf("v1.%d.0", version))
		api := module("k8s.io/api", fmt.Sprintf("v0.%d.0", version))
		var it document
		text, err := os.ReadFile(filepath.Join(dir, "api/openapi-spec/swagger.json"))
		check(err)
		check(json.Unmarshal(text, &it))
		for name, values := range enumsOf(dir) {
			if enums[name] == nil {
				enums[name] = map[int][]string{}
			}
			slices.Sort(values)
			enums[name][version] = slices.Compact(values)
		}
		gates[version] = gatesOf(api, dir)
		off[version] = offGates(dir, version)
		lifecycles(api, ends)
		for _, server := range []string{"apiextensions-apiserver", "kube-aggregator"} {
			if version == last {
				lifecycles(filepath.Join(module("k8s.io/"+server, fmt.Sprintf("v0.%d.0", version)), "pkg/apis"), ends)
			}
		}
		served := servedBetas(dir)
		for name, object := range it.Definitions {
			of := short(name)
			if hasFields := len(object.Properties) > 0; hasFields || object.Type == "object" && object.Values == nil {
				objects[of] = objects[of] || hasFields
			}
			for name, property := range object.Properties {
				key := fieldName{of, name}
				if fields[key] == nil {
					fields[key] = map[int]field{}
				}
				keys := strings.Join(property.Keys, ",")
				if property.ListType == "set" {
					keys = "="
				}
				of := typeOf(property)
				if name == "status" && isKind(object) {
					// The API server ignores what is applied there.
					of = "any"
				}
				fields[key][version] = field{kind: of, keys: keys, required: slices.Contains(object.Required, name)}
			}
		}
		for path, methods := range it.Paths {
			post := methods.Post
			parts := strings.Split(strings.Trim(path, "/"), "/")
			resource := parts[len(parts)-1]
			if post == nil || post.Kind.Kind == "" || strings.HasPrefix(resource, "{") || len(parts) > 3 && strings.HasPrefix(parts[len(parts)-2], "{") && parts[len(parts)-3] != "namespaces" {
				continue
			}
			name := post.Kind.apiVersion() + " " + post.Kind.Kind
			for _, parameter := range post.Parameters {
				if parameter.In != "body" {
					continue
				}
				if kinds[name] == nil {
					kinds[name] = map[int]kind{}
				}
				of := short(parameter.Schema.Ref)
				group := strings.Join(strings.Split(of, ".")[:2], "/")
				isOff := strings.ContainsAny(post.Kind.Version, "ab") && !served[group+" "+resource]
				known := kinds[name][version]
				kinds[name][version] = kind{of, known.namespaced || strings.Contains(path, "{namespace}"), isOff}
			}
		}
	}
	complete(fields, enums, gates, off)
	write(fields, kinds, objects, ends)
}

// Adds enums and feature gates to fields.
func complete(fields map[fieldName]map[int]field, enums map[fieldName]map[int][]string, gates map[int]map[fieldName][]string, off map[int]map[string]bool) {
	for key, versions := range fields {
		// The keys of some lists were written down late too.
		keys := versions[slices.Max(slices.Collect(maps.Keys(versions)))].keys
		earliest := first
		for earliest <= last && enums[key][earliest] == nil {
			earliest++
		}
		for version, it := range versions {
			// The enum of a field was written down after the server already refused other values.
			values := enums[key][max(version, earliest)]
			it.enum, it.keys = strings.Join(values, "|"), keys
			var closed []string
			for _, gate := range gates[version][key] {
				if off[version][gate] {
					closed = append(closed, gate)
				}
			}
			if len(closed) > 0 && len(closed) == len(gates[version][key]) {
				it.gate = strings.Join(closed, ",")
			}
			versions[version] = it
		}
	}
}

func write(fields map[fieldName]map[int]field, kinds map[string]map[int]kind, objects map[string]bool, ends map[string]lifecycle) {
	fmt.Println("# Generated by tests/conformance/schema/versions; do not edit.")
	fmt.Println("#")
	fmt.Println("# kind API-VERSION KIND TYPE SCOPE [VERSIONS] [off] [deprecated=MINOR] [removed=MINOR] [replaced=API-VERSION KIND]")
	fmt.Println("#   SCOPE is n for namespaced kinds and c for others; `off` is not served by default; TYPE is - for kinds of earlier versions.")
	fmt.Println("# type: NAME, and its fields: NAME[!] TYPE [VERSIONS] [@KEYS] [?GATES] [=ENUM]")
	fmt.Println("#   `!` is required; [T] a list, {T} a map, `.T` a type of the same package, `empty` one without fields; @KEYS are the keys of the items of a list,")
	fmt.Println("#   @= for a set; ?GATES are feature gates that are off by default. VERSIONS are minor versions, such as 29-, -31 and 27-30.")
	fmt.Printf("versions %d %d\n", first, last)
	for name := range ends {
		if kinds[name] == nil && ends[name].removed <= first && ends[name].removed > 0 && !strings.HasSuffix(name, "List") {
			kinds[name] = map[int]kind{}
		}
	}
	for _, name := range sorted(kinds) {
		end := ends[name]
		tail := ""
		if end.deprecated > 0 && end.deprecated <= last {
			tail += fmt.Sprintf(" deprecated=%d", end.deprecated)
		}
		if end.removed > 0 && end.removed <= last {
			tail += fmt.Sprintf(" removed=%d", end.removed)
		}
		if tail != "" && end.replacement != "" {
			tail += " replaced=" + end.replacement
		}
		all := runs(kinds[name])
		if len(all) == 0 {
			fmt.Printf("kind %s - n%s\n", name, tail)
		}
		for _, run := range all {
			line := "kind " + name + " " + run.value.of + " "
			if run.value.namespaced {
				line += "n"
			} else {
				line += "c"
			}
			if text := span(run.versions); text != "" {
				line += " " + text
			}
			if run.value.off {
				line += " off"
			}
			fmt.Println(line + tail)
		}
	}
	byType := map[string][]string{}
	for key := range fields {
		byType[key.of] = append(byType[key.of], key.name)
	}
	for _, of := range sorted(reachable(kinds, fields)) {
		fmt.Println("type:", of)
		names := byType[of]
		sort.Strings(names)
		own := of[:strings.LastIndex(of, ".")]
		for _, name := range names {
			for _, run := range runs(fields[fieldName{of, name}]) {
				it := run.value
				line := name
				if it.required {
					line += "!"
				}
				line += " " + shorten(it.kind, own, objects)
				if text := span(run.versions); text != "" {
					line += " " + text
				}
				if it.keys != "" {
					line += " @" + it.keys
				}
				if it.gate != "" {
					line += " ?" + it.gate
				}
				// Values may contain spaces.
				if it.enum != "" {
					line += " =" + it.enum
				}
				fmt.Println(line)
			}
		}
	}
}

// A type with `.` for the package `own`; types that are not objects are any.
func shorten(kind, own string, objects map[string]bool) string {
	for _, brackets := range []string{"[]", "{}"} {
		if inner, isNested := strings.CutPrefix(kind, brackets[:1]); isNested {
			return brackets[:1] + shorten(strings.TrimSuffix(inner, brackets[1:]), own, objects) + brackets[1:]
		}
	}
	if !strings.Contains(kind, ".") {
		return kind
	}
	hasFields, isObject := objects[kind]
	switch {
	case !isObject:
		return "any"
	case !hasFields:
		return "empty"
	}
	if name, isOwn := strings.CutPrefix(kind, own+"."); isOwn {
		return "." + name
	}
	return kind
}

// The types below kinds; the others are of requests and lists.
func reachable(kinds map[string]map[int]kind, fields map[fieldName]map[int]field) map[string]bool {
	parts := map[string][]string{}
	for key, versions := range fields {
		for _, it := range versions {
			parts[key.of] = append(parts[key.of], strings.Trim(it.kind, "[]{}"))
		}
	}
	all := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if all[name] || parts[name] == nil {
			return
		}
		all[name] = true
		for _, part := range parts[name] {
			visit(part)
		}
	}
	for _, versions := range kinds {
		for _, it := range versions {
			visit(it.of)
		}
	}
	return all
}

func sorted[T any](of map[string]T) (names []string) {
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
