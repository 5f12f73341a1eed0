// quantities prints the results of k8s.io/apimachinery for random quantities, which the Rust test
// `quantity::tests::conformance_with_apimachinery` compares with its own.
//
//	go run ./quantities NUMBER SEED
//
// Rows, tab-separated; texts are JSON strings, a rejected text has the canonical form "-":
//
//	text    TEXT CANONICAL          resource.ParseQuantity
//	quoted  TEXT CANONICAL          a quoted YAML scalar, through Quantity.UnmarshalJSON
//	plain   TEXT CANONICAL          an unquoted YAML scalar, through sigs.k8s.io/yaml
//	cmp     TEXT TEXT -1|0|1        Quantity.Cmp
//	scale   TEXT FACTOR STEP CANONICAL
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"gopkg.in/inf.v0"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// The Rust side supports 38 digits; longer quantities differ, as documented.
const longest = 38

var (
	units     = []string{"", "", "", "n", "u", "m", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Mi", "Gi", "Gi", "Ti", "Pi", "Ei"}
	badUnits  = []string{"K", "g", "gi", "GB", "kb", "i", "mm", "Gi0", " Gi", "e", "ei", "b", "cpu", "Mi ", "Ee3", "\u00a0", "\u2028", "\t"}
	alphabet  = []rune("0123456789012345678901234567890123456789......++--eeEEinumkKMGTP__xXbBoO ,\t\n\u00a0\u3000½")
	exaPower  = int32(18)
	binaryMax = big.NewInt(1<<63 - 1)
)

func digits(r *rand.Rand) string {
	n := 1 + r.Intn(4)
	switch r.Intn(12) {
	case 0:
		n = 1 + r.Intn(36)
	case 1:
		n = 15 + r.Intn(8)
	case 2:
		n = 0
	}
	var b strings.Builder
	for range n {
		switch r.Intn(4) {
		case 0:
			b.WriteByte('0')
		case 1:
			b.WriteByte('9')
		default:
			b.WriteByte(byte('0' + r.Intn(10)))
		}
	}
	return b.String()
}

func unit(r *rand.Rand) string {
	switch r.Intn(10) {
	case 0:
		return badUnits[r.Intn(len(badUnits))]
	case 1, 2:
		power := r.Intn(60) - 25
		if r.Intn(10) == 0 {
			power = r.Intn(900) - 450
		}
		sign := ""
		if power >= 0 && r.Intn(3) == 0 {
			sign = "+"
		}
		return string("eE"[r.Intn(2)]) + sign + strconv.Itoa(power)
	default:
		return units[r.Intn(len(units))]
	}
}

func text(r *rand.Rand) string {
	switch r.Intn(20) {
	case 0: // noise
		var b strings.Builder
		for range 1 + r.Intn(8) {
			b.WriteRune(alphabet[r.Intn(len(alphabet))])
		}
		return b.String()
	case 1: // numbers as YAML 1.1 writes them
		prefix := []string{"0x", "0b", "0o", "0", "-0x", "+0", "0X", "-0b", "+0b"}[r.Intn(9)]
		return prefix + []string{digits(r), "1_0", "101", "ff", "7_7_7", "_1", "ffffffffffffffff", "8000000000000000"}[r.Intn(8)]
	case 2: // grouping
		s := digits(r) + "." + digits(r)
		at := r.Intn(len(s) + 1)
		return s[:at] + "_" + s[at:] + []string{"", "e3", "e-7", "E+21", "Mi"}[r.Intn(5)]
	case 4: // floats with two shortest forms
		return strconv.FormatInt(r.Int63n(1<<53), 10) + "." + digits(r)
	case 3: // around the limits of the formats
		near := new(big.Int).Add(binaryMax, big.NewInt(int64(r.Intn(5)-2)))
		if r.Intn(2) == 0 {
			near.Mul(near, big.NewInt(2))
		}
		if r.Intn(2) == 0 {
			near.Quo(near, new(big.Int).Lsh(big.NewInt(1), uint(10*r.Intn(7))))
		}
		return near.String() + unit(r)
	}
	s := []string{"", "", "", "", "", "-", "-", "+"}[r.Intn(8)] + digits(r)
	if r.Intn(3) == 0 {
		s += "." + digits(r)
	}
	s += unit(r)
	if r.Intn(15) == 0 {
		s = []string{" ", "\t", "\n", "\u00a0", ""}[r.Intn(5)] + s + []string{" ", "\t", "\n", "\u00a0", ""}[r.Intn(5)]
	}
	return s
}

// canonical gives the canonical form, with the one correction that the Rust side documents: beyond
// exa, upstream has no unit and drops the power of ten.
func canonical(q resource.Quantity) (form string, length int) {
	c := q.DeepCopy()
	if mantissa, power := c.AsCanonicalBytes(nil); c.Format != resource.DecimalExponent && power > exaPower && !c.IsZero() {
		return string(mantissa) + strings.Repeat("0", int(power-exaPower)) + "E", len(mantissa)
	}
	number, suffix := c.CanonicalizeBytes(make([]byte, 0, 64))
	return string(number) + string(suffix), len(number)
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func verdict(q resource.Quantity, err error) (form string, comparable bool) {
	if err != nil {
		return "-", true
	}
	form, length := canonical(q)
	return form, length < longest
}

// throughYAML reads one scalar as the API server's clients do.
func throughYAML(scalar string) (resource.Quantity, error, bool) {
	// In YAML the first is a line break and the second begins a list: neither is part of a scalar.
	if strings.ContainsRune(scalar, '\u2028') || strings.TrimSpace(scalar) == "-" {
		return resource.Quantity{}, nil, false
	}
	js, err := yaml.YAMLToJSON([]byte("q: " + scalar + "\n"))
	if err != nil {
		// Only YAML scalars reach a quantity; an infinity is one.
		return resource.Quantity{}, err, strings.Contains(err.Error(), "unsupported value")
	}
	var t struct {
		Q resource.Quantity `json:"q"`
	}
	err = json.Unmarshal(js, &t)
	return t.Q, err, true
}

func rat(q resource.Quantity) *big.Rat {
	c := q.DeepCopy()
	r, _ := new(big.Rat).SetString(c.AsDec().String())
	return r
}

// scaled multiplies and rounds away from zero to a multiple of step.
func scaled(q resource.Quantity, factor string, step resource.Quantity) string {
	f, _ := new(big.Rat).SetString(factor)
	s := rat(step)
	if s.Sign() <= 0 {
		return "-"
	}
	steps := new(big.Rat).Mul(rat(q), f)
	steps.Quo(steps, s)
	count, remainder := new(big.Int).QuoRem(steps.Num(), steps.Denom(), new(big.Int))
	if remainder.Sign() != 0 {
		count.Add(count, big.NewInt(int64(steps.Sign())))
	}
	value := new(big.Rat).Mul(new(big.Rat).SetInt(count), s)
	if q.Format == resource.BinarySI && new(big.Rat).Abs(value).Cmp(new(big.Rat).SetInt(binaryMax)) > 0 {
		return "-"
	}
	nano := new(big.Rat).Mul(value, new(big.Rat).SetInt64(1_000_000_000))
	form, _ := canonical(*resource.NewDecimalQuantity(*inf.NewDecBig(nano.Num(), 9), q.Format))
	return form
}

func moderate(q resource.Quantity) bool {
	limit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil))
	v := rat(q)
	return v.Abs(v).Cmp(limit) < 0
}

func main() {
	number, _ := strconv.Atoi(os.Args[1])
	seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
	r := rand.New(rand.NewSource(seed))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	row := func(cells ...string) { fmt.Fprintln(out, strings.Join(cells, "\t")) }
	steps := []string{"1m", "1Mi", "1", "1n", "1u", "250m", "3", "64Mi", "1k", "0.5Gi", "7u", "0", "-1"}
	factors := []string{"0.5", "1.25", "1", "2", "0.001", "3.14159", "0.333", "10", "1000", ".75", "1.50", "0.000001"}

	type read struct {
		text  string
		value resource.Quantity
	}
	last := read{"0", resource.MustParse("0")}
	for range number {
		s := text(r)
		q, err := resource.ParseQuantity(s)
		if form, ok := verdict(q, err); ok {
			row("text", quote(s), form)
		}
		var viaJSON resource.Quantity
		jsonErr := json.Unmarshal([]byte(quote(s)), &viaJSON)
		if form, ok := verdict(viaJSON, jsonErr); ok {
			row("quoted", quote(s), form)
		}
		if plain, err, scalar := throughYAML(s); scalar {
			if form, ok := verdict(plain, err); ok {
				row("plain", quote(s), form)
			}
		}
		if err != nil {
			continue
		}
		if _, ok := verdict(q, nil); !ok {
			continue
		}
		row("cmp", quote(s), quote(last.text), strconv.Itoa(q.Cmp(last.value)))
		// The same value in nano, milli and so on, to test equality.
		if moderate(q) {
			c := q.DeepCopy()
			same := c.AsDec().String()
			row("cmp", quote(s), quote(same), strconv.Itoa(q.Cmp(resource.MustParse(same))))
			factor, step := factors[r.Intn(len(factors))], steps[r.Intn(len(steps))]
			row("scale", quote(s), factor, step, scaled(q, factor, resource.MustParse(step)))
		}
		last = read{s, q}
	}
}
