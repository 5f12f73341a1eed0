// selectors prints the results of k8s.io/apimachinery for random label selectors, which the Rust test
// `label_selector::tests::conformance_with_apimachinery` compares with its own.
//
//	go run ./selectors NUMBER SEED
//
// Each row: the selector as a JSON string, then "-" if labels.Parse rejects it, or for each of the
// sets in labels.json "1" if it matches and "0" if not, and the number of requirements each of
// them misses, separated by commas.
package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

//go:embed labels.json
var labelSets []byte

var (
	keys      = []string{"a", "b", "c", "in", "notin", "example.com/a", "n", "app.kubernetes.io/name", "0"}
	badKeys   = []string{"", "/a", "a/", "A.com/a", "a/b/c", "-a", "a-", "a..b/c", "é", "_", "a b", "x@y", strings.Repeat("k", 64), strings.Repeat("k", 63), strings.Repeat("d.", 127) + "d/k", strings.Repeat("d.", 126) + "d/k", strings.Repeat("l", 64) + ".com/k", "a-.b/c", "a.-b/c", "a./c"}
	values    = []string{"1", "2", "x", "in", "notin", "", "5", "-5", "007", "9223372036854775807", "9223372036854775808", "x_y.z-1"}
	badValues = []string{"-x", "x-", "a/b", "é", "a:b", "*", strings.Repeat("v", 64), strings.Repeat("v", 63), "+5", "\"x\""}
	operators = []string{"=", "==", "!=", ">", "<", " in ", " notin ", "=", "=>", "=<", "===", "!==", "!", " ", " IN "}
	noise     = []string{"a", "b", "in", "notin", "=", "==", "!=", "!", "(", ")", ",", " ", "\t", "\n", "\r", ">", "<", "1", "x", "-", "/", "\v", "é"}
)

func pick(r *rand.Rand, good, bad []string, rare int) string {
	if r.Intn(rare) == 0 {
		return bad[r.Intn(len(bad))]
	}
	return good[r.Intn(len(good))]
}

func blank(r *rand.Rand) string {
	return []string{"", "", "", "", " ", "  ", "\t", "\n"}[r.Intn(8)]
}

func list(r *rand.Rand) string {
	var parts []string
	for range r.Intn(4) {
		parts = append(parts, blank(r)+pick(r, values, badValues, 25)+blank(r))
	}
	return "(" + strings.Join(parts, ",") + ")"
}

func requirement(r *rand.Rand) string {
	key := blank(r) + pick(r, keys, badKeys, 20)
	switch r.Intn(8) {
	case 0:
		return key
	case 1:
		return "!" + key
	case 2, 3:
		return key + []string{" in ", " notin "}[r.Intn(2)] + list(r)
	default:
		operator := operators[r.Intn(7)]
		if r.Intn(15) == 0 {
			operator = operators[r.Intn(len(operators))]
		}
		value := pick(r, values, badValues, 20)
		if strings.HasPrefix(operator, " ") {
			value = list(r)
		}
		return key + blank(r) + operator + blank(r) + value + blank(r)
	}
}

func selector(r *rand.Rand) string {
	if r.Intn(5) == 0 {
		var b strings.Builder
		for range r.Intn(9) {
			b.WriteString(noise[r.Intn(len(noise))])
		}
		return b.String()
	}
	var parts []string
	for range r.Intn(4) {
		parts = append(parts, requirement(r))
	}
	s := strings.Join(parts, ",")
	if r.Intn(10) == 0 && len(s) > 0 {
		at := r.Intn(len(s))
		s = s[:at] + noise[r.Intn(len(noise))] + s[at:]
	}
	return strings.ToValidUTF8(s, "")
}

func main() {
	number, _ := strconv.Atoi(os.Args[1])
	seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
	r := rand.New(rand.NewSource(seed))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var sets []map[string]string
	if err := json.Unmarshal(labelSets, &sets); err != nil {
		panic(err)
	}
	for range number {
		s := selector(r)
		text, _ := json.Marshal(s)
		parsed, err := labels.Parse(s)
		if err != nil {
			fmt.Fprintf(out, "%s\t-\n", text)
			continue
		}
		requirements, _ := parsed.Requirements()
		var matches strings.Builder
		var misses []string
		for _, set := range sets {
			missed := 0
			for _, one := range requirements {
				if !one.Matches(labels.Set(set)) {
					missed++
				}
			}
			misses = append(misses, strconv.Itoa(missed))
			if parsed.Matches(labels.Set(set)) {
				matches.WriteByte('1')
			} else {
				matches.WriteByte('0')
			}
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", text, matches.String(), strings.Join(misses, ","))
	}
}
