// typing prints what sigs.k8s.io/yaml makes of random plain scalars, which the Rust test
// `fuzzing::scalars_are_typed_as_in_go` compares with the model of the fuzz targets.
//
//	go run ./typing NUMBER SEED
//
// Each row: the scalar as a JSON string, a tab, and its value in JSON, or "-" for a number that JSON does not have.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

var pieces = strings.Split("0 0 1 7 8 9 1 2 . . + - _ _ e E x X o O b B 0x 0b 0o -0b +0x a f F : T Z 2001-01-02 12:30 Inf .inf .nan NaN y Y n N yes no on off true FALSE null ~ Ki m 18446744073709551615 9223372036854775808 e308 1e999 p4", " ")

func main() {
	number, _ := strconv.Atoi(os.Args[1])
	seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
	r := rand.New(rand.NewSource(seed))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for range number {
		var text strings.Builder
		for range 1 + r.Intn(5) {
			text.WriteString(pieces[r.Intn(len(pieces))])
		}
		scalar, _ := json.Marshal(text.String())
		var value struct{ K json.RawMessage }
		converted, err := yaml.YAMLToJSON([]byte("k: " + text.String() + "\n"))
		if err != nil {
			if strings.Contains(err.Error(), "json:") {
				fmt.Fprintf(out, "%s\t-\n", scalar)
			}
			continue // Not a plain scalar.
		}
		if json.Unmarshal(converted, &value) != nil || len(value.K) == 0 || value.K[0] == '{' || value.K[0] == '[' {
			continue
		}
		fmt.Fprintf(out, "%s\t%s\n", scalar, value.K)
	}
}
