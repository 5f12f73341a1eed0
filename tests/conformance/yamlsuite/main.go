// yamlsuite prints what Kubernetes' readers make of texts, which the Rust test `yaml_suite::kubernetes_readers_agree` compares
// with what fitout makes of them. Standard input has a YAML text as a JSON string on each line. Each line of the output has
// the result of two readers, either the values of all documents, or the error:
//
//   - kubectl: objects of JSON, or parts between `---` lines, each read with sigs.k8s.io/yaml. Null is passed over.
//   - kustomize: documents read with go.yaml.in/yaml/v3, given as the texts of their scalars.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

type result struct {
	Documents []json.RawMessage `json:"documents"`
	Error     string            `json:"error,omitempty"`
}

// kubectl reads as the builder of kubectl does.
func kubectl(text string) result {
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	documents := []json.RawMessage{}
	for {
		var object runtime.RawExtension
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return result{Documents: documents}
		}
		if err != nil {
			return result{Error: err.Error()}
		}
		if len(object.Raw) > 0 {
			documents = append(documents, object.Raw)
		}
	}
}

// kustomize reads as kyaml does, and gives the shape of each document: the texts of scalars, whatever their type.
func kustomize(text string) result {
	decoder := yamlv3.NewDecoder(strings.NewReader(text))
	documents := []json.RawMessage{}
	for {
		var node yamlv3.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return result{Documents: documents}
		}
		if err != nil {
			return result{Error: err.Error()}
		}
		converted, err := json.Marshal(shape(node.Content[0]))
		if err != nil {
			return result{Error: err.Error()}
		}
		documents = append(documents, converted)
	}
}

func shape(n *yamlv3.Node) any {
	if n.Kind == yamlv3.ScalarNode {
		return n.Value
	}
	if n.Kind == yamlv3.AliasNode {
		return "*" + n.Value
	}
	below := []any{map[yamlv3.Kind]string{yamlv3.MappingNode: "map", yamlv3.SequenceNode: "list"}[n.Kind]}
	for _, child := range n.Content {
		below = append(below, shape(child))
	}
	return below
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var text string
		if err := json.Unmarshal(in.Bytes(), &text); err != nil {
			panic(err)
		}
		row := map[string]result{"kubectl": safely(kubectl, text), "kustomize": safely(kustomize, text)}
		if err := out.Encode(row); err != nil {
			panic(err)
		}
	}
}

// safely is for readers that panic.
func safely(read func(string) result, text string) (found result) {
	defer func() {
		if recover() != nil {
			found = result{Error: "a panic"}
		}
	}()
	return read(text)
}
