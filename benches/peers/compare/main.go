// Compares what two outputs changed in manifests: the values as Kubernetes reads them, and the text around them.
//
//	compare ORIGINAL EXPECTED OUTPUT
//
// prints, separated by tabs: how many values EXPECTED adds, changes or removes; how many of them OUTPUT has the same; how many other
// values OUTPUT changes; lines of ORIGINAL that OUTPUT keeps, in percent; and comments.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// leaves are the values of all objects by their paths. What is empty counts as absent.
type leaves map[string]string

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: compare ORIGINAL EXPECTED OUTPUT")
	}
	original, text := read(os.Args[1])
	expected, _ := read(os.Args[2])
	output, outputText := read(os.Args[3])
	job, done, other := 0, 0, 0
	for path := range union(original, expected, output) {
		changes := original[path] != expected[path]
		same := expected[path] == output[path]
		switch {
		case changes && same:
			job, done = job+1, done+1
		case changes:
			job++
		case !same:
			other++
		}
	}
	fmt.Printf("%d\t%d\t%d\t%.1f\t%.1f\n", job, done, other,
		kept(lines(text), lines(outputText)), kept(comments(text), comments(outputText)))
}

func read(path string) (leaves, string) {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	all := leaves{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, string(text)
		}
		if err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		var object map[string]any
		if err := yaml.Unmarshal(document, &object); err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		if items, isList := object["items"].([]any); isList && object["kind"] == "ResourceList" {
			for _, item := range items {
				all.object(item.(map[string]any))
			}
		} else if object != nil {
			all.object(object)
		}
	}
}

func (l leaves) object(object map[string]any) {
	metadata, _ := object["metadata"].(map[string]any)
	l.value(fmt.Sprint(object["kind"], "/", metadata["namespace"], "/", metadata["name"]), object)
}

func (l leaves) value(path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			// Hosts add these, and remove them again.
			if strings.HasPrefix(key, "config.kubernetes.io/") || strings.HasPrefix(key, "internal.config.kubernetes.io/") {
				continue
			}
			l.value(path+"\x00"+key, field)
		}
	case []any:
		for index, item := range value {
			l.value(fmt.Sprint(path, "\x00", index), item)
		}
	default:
		l[path] = fmt.Sprintf("%T %v", value, value)
	}
}

func union(all ...leaves) map[string]bool {
	paths := map[string]bool{}
	for _, l := range all {
		for path := range l {
			paths[path] = true
		}
	}
	return paths
}

func lines(text string) []string {
	return strings.Split(text, "\n")
}

// comments is close enough: it takes a # in a text block for one as well.
func comments(text string) []string {
	var all []string
	for _, line := range lines(text) {
		if at := strings.Index(" "+line, " #"); at >= 0 {
			all = append(all, strings.TrimSpace(line[at:]))
		}
	}
	return all
}

// kept is how many of the texts are in the others as well, in percent.
func kept(texts, others []string) float64 {
	counts := map[string]int{}
	for _, text := range others {
		counts[text]++
	}
	n := 0
	for _, text := range texts {
		if counts[text] > 0 {
			counts[text]--
			n++
		}
	}
	return 100 * float64(n) / float64(max(1, len(texts)))
}
