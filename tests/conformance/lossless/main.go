// lossless judges texts that fitout has edited, with Go's YAML readers and with its own search for comments. The Rust test
// `fuzzing::go_finds_nothing_lost` writes the texts to its standard input: one JSON object on each line.
//
//	{"name": "…", "before": "…", "after": "…", "edits": [{"path": ["0", "spec", "replicas"], "value": 3}]}
//
// The first step of a path is the number of the document; an edit without a value is a removal. It prints a line for each
// fault, and the number of texts:
//
//   - The documents before, with the edits done in JSON, are the documents after (sigs.k8s.io/yaml).
//   - Each comment before is there after, in the same order, at the same owner: at the end of a line, the last node that starts
//     on the line; on a line of its own, the next node, or if that is indented less, the last line above that is indented less.
//     Nodes and their paths are those of go.yaml.in/yaml/v3.
//   - Each line that no edit concerns is there, in the same order, but perhaps with a comma.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

type edit struct {
	Path  []string         `json:"path"`
	Value *json.RawMessage `json:"value"`
}

type record struct {
	Name, Before, After string
	Edits               []edit
}

// node is a place where something starts: a line and column from 0.
type node struct {
	line, column int
	path         string
}

type comment struct{ text, owner string }

type text struct {
	lines     []string
	documents []any
	nodes     []node
	comments  []comment
	// The number of the node that is the first at or after each line.
	first []int
}

const separator = "\x00"

// items is the owner of comments in the column of a list that is not indented: the list, or the map that it is in.
const items = "at the items above"

// read splits a text into documents, as kubectl does, and reads each with both readers.
func read(whole string) (*text, error) {
	t := &text{lines: strings.SplitAfter(whole, "\n")}
	start, number := 0, 0
	for at := 0; at <= len(t.lines); at++ {
		ends := at == len(t.lines) || at > start && strings.HasPrefix(t.lines[at], "---") && strings.ContainsRune(" \t\r\n", rune((t.lines[at] + "\n")[3]))
		if !ends {
			continue
		}
		part := strings.Join(t.lines[start:at], "")
		var root yamlv3.Node
		if err := yamlv3.Unmarshal([]byte(part), &root); err != nil {
			return nil, err
		}
		if len(root.Content) > 0 {
			converted, err := yaml.YAMLToJSON([]byte(part))
			if err != nil {
				return nil, err
			}
			var value any
			if err := json.Unmarshal(converted, &value); err != nil {
				return nil, err
			}
			t.documents = append(t.documents, value)
			t.walk(root.Content[0], strconv.Itoa(number), start)
			number++
		}
		start = at
	}
	slices.SortStableFunc(t.nodes, func(a, b node) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return a.column - b.column
	})
	at := 0
	for line := 0; line <= len(t.lines); line++ {
		for at < len(t.nodes) && t.nodes[at].line < line {
			at++
		}
		t.first = append(t.first, at)
	}
	t.findComments()
	return t, nil
}

func (t *text) walk(n *yamlv3.Node, path string, from int) {
	isEmpty := n.Kind == yamlv3.ScalarNode && n.Value == "" && n.Style == 0
	if !isEmpty {
		t.nodes = append(t.nodes, node{from + n.Line - 1, n.Column - 1, path})
	}
	switch n.Kind {
	case yamlv3.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			below := path + separator + n.Content[i].Value
			t.nodes = append(t.nodes, node{from + n.Content[i].Line - 1, n.Content[i].Column - 1, below})
			t.walk(n.Content[i+1], below, from)
		}
	case yamlv3.SequenceNode:
		for i, item := range n.Content {
			t.walk(item, path+separator+strconv.Itoa(i), from)
		}
	}
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// findComments scans the lines with the states that a `#` can be in: plain text, quotes, and block scalars.
func (t *text) findComments() {
	var quote byte
	var open [][2]int // The lines and columns of brackets that are open.
	block := -1       // The indentation of the line with the header of a block scalar.
	for number, line := range t.lines {
		body := strings.TrimRight(line, "\r\n")
		if block >= 0 && quote == 0 {
			if strings.TrimSpace(body) == "" || indent(body) > block {
				continue
			}
			block = -1
		}
		at, closed, closedAt := -1, [2]int{}, -1
		for i := 0; i < len(body); i++ {
			c := body[i]
			atStart := i == 0 || strings.ContainsRune(" \t[{,", rune(body[i-1])) || body[i-1] == ':' || strings.HasPrefix(body, "\ufeff") && i == 3
			switch {
			case quote == '"' && c == '\\':
				i++
			case quote == '\'' && c == '\'' && i+1 < len(body) && body[i+1] == '\'':
				i++
			case quote != 0 && c == quote:
				quote = 0
			case quote != 0:
			case (c == '"' || c == '\'') && atStart && startsScalar(body[:i]):
				quote = c
			case (c == '{' || c == '[') && (len(open) > 0 || startsScalar(body[:i])):
				open = append(open, [2]int{number, utf8.RuneCountInString(body[:i])})
			case (c == '}' || c == ']') && len(open) > 0:
				closed, closedAt = open[len(open)-1], i
				open = open[:len(open)-1]
			case c == '#' && (i == 0 || strings.ContainsRune(" \t", rune(body[i-1]))):
				at = i
			}
			if at >= 0 {
				break
			}
		}
		before := body
		if at >= 0 {
			before = body[:at]
			owner := t.owner(number, at, before)
			if code := strings.TrimRight(before, " \t,"); len(code) == closedAt+1 && code != "" {
				// The brackets that end here.
				owner = t.startsAt(closed)
			}
			t.comments = append(t.comments, comment{strings.TrimRight(body[at:], " \t"), owner})
		}
		if fields := strings.Fields(before); quote == 0 && len(fields) > 0 && isHeader(fields[len(fields)-1]) && startsScalar(strings.TrimRight(before, " \t")[:strings.LastIndexAny(before, "|>")]) {
			// The dashes of items count as indentation.
			block = indent(before)
			for rest := before[block:]; strings.HasPrefix(rest, "- "); rest = before[block:] {
				if !strings.ContainsAny(rest[2:], ":") {
					break
				}
				block += 2 + indent(rest[2:])
			}
		}
	}
}

// startsScalar reports whether a scalar can start behind this beginning of a line.
func startsScalar(before string) bool {
	trimmed := strings.TrimRight(before, " \t")
	if trimmed == "" || trimmed == "\ufeff" {
		return true
	}
	fields := strings.Fields(trimmed)
	last := fields[len(fields)-1]
	return strings.HasSuffix(trimmed, ":") || strings.HasSuffix(trimmed, ",") || strings.HasSuffix(trimmed, "[") || strings.HasSuffix(trimmed, "{") ||
		last == "-" || last == "---" || last[0] == '&' || last[0] == '!' || last == "?"
}

func isHeader(field string) bool {
	return (field[0] == '|' || field[0] == '>') && strings.Trim(field[1:], "+-123456789") == ""
}

// startsAt is the path of the collection with this bracket, which may follow an anchor.
func (t *text) startsAt(bracket [2]int) string {
	owner := ""
	for _, n := range t.nodes[t.first[bracket[0]]:t.first[bracket[0]+1]] {
		if n.column <= bracket[1] {
			owner = n.path
		}
	}
	return owner
}

func (t *text) owner(line, column int, before string) string {
	if strings.TrimSpace(before) != "" {
		owner := ""
		for _, n := range t.nodes[t.first[line]:] {
			if n.line > line {
				break
			}
			owner = n.path
		}
		return owner
	}
	// Deeper comment lines belong where the one above them does.
	for above := line - 1; above >= 0; above-- {
		l := strings.TrimSpace(t.lines[above])
		if l != "" && l[0] != '#' {
			break
		}
		if l != "" {
			column = min(column, indent(t.lines[above]))
		}
	}
	next := t.first[line+1]
	closes := ""
	below := 0
	for _, l := range t.lines[line+1:] {
		if trimmed := strings.TrimSpace(l); trimmed != "" && trimmed[0] != '#' {
			closes, below = trimmed, indent(l)
			break
		}
	}
	if closes == "" || below < column || closes[0] == '}' || closes[0] == ']' || strings.HasPrefix(closes, "---") {
		// A list that is not indented ends here, or the map that it is in.
		for above := line - 1; above >= 0; above-- {
			l := strings.TrimSpace(t.lines[above])
			if l == "" || l[0] == '#' || indent(t.lines[above]) > column {
				continue
			}
			if indent(t.lines[above]) == column && strings.HasPrefix(l, "- ") {
				return items
			}
			break
		}
		for above := line - 1; above >= 0; above-- {
			l := strings.TrimSpace(t.lines[above])
			if l == "" || l[0] == '#' || indent(t.lines[above]) >= column || t.first[above] == t.first[above+1] {
				continue
			}
			// The last node of the line that starts left of the comment.
			owner := ""
			for _, n := range t.nodes[t.first[above]:t.first[above+1]] {
				if n.column < column {
					owner = n.path
				}
			}
			return "in " + owner
		}
		return "at the end"
	}
	if next == len(t.nodes) {
		return "at the end"
	}
	return "before " + t.nodes[next].path
}

func set(place any, path []string, value *json.RawMessage) any {
	if len(path) == 0 {
		var new any
		_ = json.Unmarshal(*value, &new)
		return new
	}
	if place == nil && path[0] == "-" {
		place = []any{}
	} else if place == nil {
		place = map[string]any{}
	}
	switch typed := place.(type) {
	case map[string]any:
		if len(path) == 1 && value == nil {
			delete(typed, path[0])
			break
		}
		typed[path[0]] = set(typed[path[0]], path[1:], value)
		if below, ok := typed[path[0]].(map[string]any); ok && value == nil && len(below) == 0 {
			delete(typed, path[0])
		}
	case []any:
		index, err := strconv.Atoi(path[0])
		if err != nil || index >= len(typed) {
			return append(typed, set(nil, path[1:], value))
		}
		if len(path) == 1 && value == nil {
			return slices.Delete(typed, index, index+1)
		}
		typed[index] = set(typed[index], path[1:], value)
	}
	return place
}

// prune takes out the maps that a removal may leave or not.
func prune(place any, path []string) {
	for _, step := range path {
		switch typed := place.(type) {
		case map[string]any:
			if below, ok := typed[step].(map[string]any); ok && len(below) == 0 {
				delete(typed, step)
			}
			place = typed[step]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index >= len(typed) {
				return
			}
			place = typed[index]
		}
	}
}

func withoutCommas(line string) string {
	line = strings.TrimRight(strings.ReplaceAll(line, ",", ""), " \t\r\n")
	// At the end of a text without a newline the header keeps the value.
	if strings.HasSuffix(line, "|-") || strings.HasSuffix(line, ">-") {
		line = line[:len(line)-1]
	}
	return line
}

func judge(r record) (faults []string) {
	before, err := read(r.Before)
	if err != nil {
		return []string{"skip: " + err.Error()}
	}
	after, err := read(r.After)
	if err != nil {
		return []string{"Go cannot read the new text: " + err.Error()}
	}
	removesItem := false
	for _, e := range r.Edits {
		index, _ := strconv.Atoi(e.Path[0])
		if index >= len(before.documents) || index >= len(after.documents) {
			return []string{"skip: another number of documents"}
		}
		before.documents[index] = set(before.documents[index], e.Path[1:], e.Value)
		_, err := strconv.Atoi(e.Path[len(e.Path)-1])
		removesItem = removesItem || e.Value == nil && err == nil
	}
	for _, e := range r.Edits {
		if e.Value == nil {
			index, _ := strconv.Atoi(e.Path[0])
			prune(before.documents[index], e.Path[1:])
			prune(after.documents[index], e.Path[1:])
		}
	}
	if !reflect.DeepEqual(before.documents, after.documents) {
		a, _ := json.Marshal(before.documents)
		b, _ := json.Marshal(after.documents)
		faults = append(faults, fmt.Sprintf("values: expected %s, found %s", a, b))
	}
	touched := func(path string) bool {
		return slices.ContainsFunc(r.Edits, func(e edit) bool {
			edited := strings.Join(e.Path, separator)
			return strings.HasPrefix(edited+separator, path+separator) || strings.HasPrefix(path+separator, edited+separator)
		})
	}
	// A list that is set may have other items, and their comments go with them.
	ofList := func(owner string) bool {
		return slices.ContainsFunc(r.Edits, func(e edit) bool {
			return e.Value != nil && (*e.Value)[0] == '[' && strings.HasPrefix(strings.TrimPrefix(owner, "before ")+separator, strings.Join(e.Path, separator)+separator)
		})
	}
	// What is removed takes its comments with it, and the maps around it if it was all that they had. Items behind a removed
	// one have other paths.
	gone := func(owner string) bool {
		path := strings.TrimPrefix(strings.TrimPrefix(owner, "before "), "in ") + separator
		return removesItem || slices.ContainsFunc(r.Edits, func(e edit) bool {
			edited := strings.Join(e.Path, separator) + separator
			return e.Value == nil && (strings.HasPrefix(path, edited) || strings.HasPrefix(edited, path) && !slices.ContainsFunc(after.nodes, func(n node) bool {
				return strings.HasPrefix(n.path, path)
			}))
		})
	}
	next := 0
	for _, c := range before.comments {
		found := slices.IndexFunc(after.comments[next:], func(now comment) bool { return now.text == c.text })
		if found < 0 {
			if !gone(c.owner) && !ofList(c.owner) {
				faults = append(faults, fmt.Sprintf("lost %q of %s", c.text, c.owner))
			}
			continue
		}
		next += found + 1
		now := after.comments[next-1]
		isNew := !slices.ContainsFunc(before.nodes, func(n node) bool { return "before "+n.path == now.owner })
		// Of comments at the end of a map, what is below them may be new.
		atEnd := func(owner string) bool {
			return owner == items || strings.HasPrefix(owner, "in ") || owner == "at the end"
		}
		isSame := now.owner == c.owner || atEnd(c.owner) && isNew && strings.HasPrefix(now.owner, "before ") ||
			atEnd(c.owner) && now.owner == items || c.owner == items && atEnd(now.owner)
		if !isSame && !gone(c.owner) {
			faults = append(faults, fmt.Sprintf("%q was of %s, and is of %s", c.text, c.owner, now.owner))
		}
	}
	at := 0
	for number, line := range before.lines {
		kept := withoutCommas(line)
		var paths []string
		for _, n := range before.nodes[before.first[number]:before.first[number+1]] {
			paths = append(paths, n.path)
		}
		if kept == "" || strings.TrimSpace(kept)[0] == '#' || slices.ContainsFunc(paths, touched) {
			continue
		}
		found := slices.IndexFunc(after.lines[at:], func(now string) bool { return withoutCommas(now) == kept })
		if found >= 0 {
			at += found + 1
		} else if !removesItem {
			faults = append(faults, fmt.Sprintf("lost the line %q", line))
			break
		}
	}
	return faults
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	decoder := json.NewDecoder(input)
	texts, skipped, bad := 0, 0, 0
	for decoder.More() {
		var r record
		if err := decoder.Decode(&r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		texts++
		for _, fault := range judge(r) {
			if strings.HasPrefix(fault, "skip: ") {
				skipped++
				continue
			}
			bad++
			fmt.Printf("%s: %s\n", r.Name, strings.ReplaceAll(fault, separator, "/"))
		}
	}
	fmt.Printf("%d texts, of which Go cannot read %d; %d faults\n", texts, skipped, bad)
	if bad > 0 {
		os.Exit(1)
	}
}
