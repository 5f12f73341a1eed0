package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var isGate = regexp.MustCompile(`\+featureGate=(\w+)`)

// A field as Go names it, in all types that have it.
type goField struct {
	of   fieldName
	elem string
}

// The feature gates of fields: the markers in types.go of k8s.io/api, where those of a type count for all fields that have it;
// for fields without a marker, what the registries drop while a gate is off.
func gatesOf(api, dir string) map[fieldName][]string {
	all := map[fieldName][]string{}
	byName := map[string][]goField{}
	files, err := filepath.Glob(filepath.Join(api, "*/*/types.go"))
	check(err)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		check(err)
		parts := strings.Split(filepath.Dir(path), string(filepath.Separator))
		prefix := strings.Join(parts[len(parts)-2:], ".")
		ast.Inspect(file, func(node ast.Node) bool {
			spec, isType := node.(*ast.TypeSpec)
			if !isType {
				return true
			}
			object, isStruct := spec.Type.(*ast.StructType)
			if !isStruct {
				return false
			}
			for _, it := range object.Fields.List {
				if it.Tag == nil || len(it.Names) == 0 {
					continue
				}
				tag, _ := strconv.Unquote(it.Tag.Value)
				_, after, _ := strings.Cut(tag, `json:"`)
				name, _, _ := strings.Cut(after, `"`)
				name, _, _ = strings.Cut(name, ",")
				key := fieldName{prefix + "." + spec.Name.Name, name}
				byName[it.Names[0].Name] = append(byName[it.Names[0].Name], goField{key, elemOf(it.Type)})
				if it.Doc == nil {
					continue
				}
				for _, line := range it.Doc.List {
					for _, gate := range isGate.FindAllStringSubmatch(line.Text, -1) {
						all[key] = append(all[key], gate[1])
					}
				}
			}
			return false
		})
	}
	for key, gates := range droppedIn(dir, byName) {
		if all[key] == nil {
			all[key] = gates
		}
	}
	return all
}

// The name of the type of a field, without what it is wrapped in.
func elemOf(it ast.Expr) string {
	switch it := it.(type) {
	case *ast.StarExpr:
		return elemOf(it.X)
	case *ast.ArrayType:
		return elemOf(it.Elt)
	case *ast.Ident:
		return it.Name
	case *ast.SelectorExpr:
		return it.Sel.Name
	}
	return ""
}

// The gate in a condition such as `!utilfeature.DefaultFeatureGate.Enabled(features.X) && !inUse(old)`; whether it is off there.
func gateIn(condition ast.Expr) (gate string, isOff bool) {
	gates := 0
	ast.Inspect(condition, func(node ast.Node) bool {
		if not, isNot := node.(*ast.UnaryExpr); isNot && not.Op == token.NOT {
			if name := enabled(not.X); name != "" {
				gate, isOff = name, true
				gates++
				return false
			}
		}
		if call, isCall := node.(*ast.CallExpr); isCall {
			if name := enabled(call); name != "" {
				gate, isOff = name, false
				gates++
			}
		}
		return true
	})
	if gates != 1 {
		return "", false
	}
	return gate, isOff
}

func enabled(it ast.Expr) string {
	call, isCall := it.(*ast.CallExpr)
	if !isCall || len(call.Args) != 1 {
		return ""
	}
	called, isMethod := call.Fun.(*ast.SelectorExpr)
	gate, isName := call.Args[0].(*ast.SelectorExpr)
	if !isMethod || called.Sel.Name != "Enabled" || !isName {
		return ""
	}
	return gate.Sel.Name
}

// The names of `a.B[i].C`.
func selectors(it ast.Expr) []string {
	switch it := it.(type) {
	case *ast.SelectorExpr:
		return append(selectors(it.X), it.Sel.Name)
	case *ast.IndexExpr:
		return selectors(it.X)
	case *ast.Ident:
		return []string{it.Name}
	}
	return nil
}

// The fields that the registries set to nil while a feature gate is off.
func droppedIn(dir string, byName map[string][]goField) map[fieldName][]string {
	all := map[fieldName][]string{}
	for _, root := range []string{"pkg/api", "pkg/registry"} {
		packages := map[string][]*ast.FuncDecl{}
		check(filepath.WalkDir(filepath.Join(dir, root), func(path string, entry fs.DirEntry, err error) error {
			base := filepath.Base(path)
			if err != nil || entry.IsDir() || base != "strategy.go" && base != "util.go" {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			for _, decl := range file.Decls {
				if it, isFunc := decl.(*ast.FuncDecl); isFunc && it.Body != nil {
					packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], it)
				}
			}
			return err
		}))
		for path, functions := range packages {
			group := "core"
			if parts := strings.Split(path, "/pkg/registry/"); len(parts) == 2 {
				group = strings.Split(parts[1], "/")[0]
			} else if strings.HasSuffix(path, "/job") {
				group = "batch"
			} else if strings.Contains(path, "resourceclaim") {
				group = "resource"
			}
			for _, function := range functions {
				drops(function.Body, "", functions, func(names []string, gate string) {
					for _, key := range resolve(names, group, byName) {
						if !slices.Contains(all[key], gate) {
							all[key] = append(all[key], gate)
						}
					}
				})
			}
		}
	}
	return all
}

// Calls `found` with each field that is set to nil while a gate is off, also in functions that are called there.
func drops(body *ast.BlockStmt, gate string, functions []*ast.FuncDecl, found func([]string, string)) {
	ast.Inspect(body, func(node ast.Node) bool {
		switch it := node.(type) {
		case *ast.BlockStmt:
			if it == body {
				return true
			}
			drops(it, gate, functions, found)
			return false
		case *ast.IfStmt:
			name, isOff := gateIn(it.Cond)
			if name == "" {
				drops(it.Body, gate, functions, func(names []string, gate string) {
					if isPresence(it.Cond, names) {
						found(names, gate)
					}
				})
				return false
			}
			returns := false
			if last := len(it.Body.List) - 1; last >= 0 {
				_, returns = it.Body.List[last].(*ast.ReturnStmt)
			}
			switch {
			case isOff:
				drops(it.Body, name, functions, found)
			case returns:
				gate = name
			}
			return false
		case *ast.CallExpr:
			name, isName := it.Fun.(*ast.Ident)
			for _, function := range functions {
				if gate != "" && isName && function.Name.Name == name.Name && strings.HasPrefix(name.Name, "drop") {
					drops(function.Body, gate, nil, found)
				}
			}
		case *ast.AssignStmt:
			if value, isName := it.Rhs[0].(*ast.Ident); gate != "" && len(it.Lhs) == 1 && isName && value.Name == "nil" {
				if names := selectors(it.Lhs[0]); len(names) > 1 {
					found(names, gate)
				}
			}
		}
		return true
	})
}

// Whether a condition only asks for the presence of a field, or of what it is in.
func isPresence(condition ast.Expr, names []string) bool {
	is := true
	ast.Inspect(condition, func(node ast.Node) bool {
		switch it := node.(type) {
		case *ast.BinaryExpr:
			is = is && (it.Op != token.EQL || strings.HasPrefix(strings.Join(selectors(it.X), ""), "old"))
		case *ast.SelectorExpr:
			path := selectors(it)
			is = is && len(path) > 0 && (strings.HasPrefix(path[0], "old") || slices.Contains(names, path[len(path)-1]))
		}
		return is
	})
	return is
}

// The fields of a group that `a.B.C` can mean: those with the name C, if that is the field of one type, or the type of B or a has it.
func resolve(names []string, group string, byName map[string][]goField) (keys []fieldName) {
	name, above := names[len(names)-1], names[len(names)-2]
	types := map[string]bool{}
	for _, it := range byName[name] {
		types[it.of.of[strings.LastIndex(it.of.of, ".")+1:]] = types[it.of.of] || strings.HasPrefix(it.of.of, group+".")
	}
	var candidates []string
	for of, isOwn := range types {
		if isOwn {
			candidates = append(candidates, of)
		}
	}
	if len(candidates) > 1 {
		var nearer []string
		for _, of := range candidates {
			is := strings.EqualFold(strings.TrimPrefix(above, "new"), of)
			for _, it := range byName[above] {
				is = is || it.elem == of
			}
			if is {
				nearer = append(nearer, of)
			}
		}
		candidates = nearer
	}
	// A claim keeps this one unless it names another namespace.
	if len(candidates) != 1 || name == "DataSourceRef" || strings.Contains(strings.Join(names, "."), "Status") {
		return nil
	}
	for _, it := range byName[name] {
		if strings.HasPrefix(it.of.of, group+".") && strings.HasSuffix(it.of.of, "."+candidates[0]) {
			keys = append(keys, it.of)
		}
	}
	return keys
}
