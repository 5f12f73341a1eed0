// The level restricted of the Pod Security Standards for a stream of manifests, with the evaluator of Kubernetes.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func main() {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		log.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	documents := utilyaml.NewYAMLReader(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		kind, name, template, err := read(document)
		if err != nil {
			log.Fatal(err)
		}
		if template == nil {
			continue
		}
		all := evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec)
		if result := policy.AggregateCheckResults(all); !result.Allowed {
			fmt.Fprintf(out, "%s %s: %s\n", kind, name, result.ForbiddenDetail())
		}
	}
}

// read returns the pod template of a workload, and nil for other kinds.
func read(document []byte) (kind, name string, template *corev1.PodTemplateSpec, err error) {
	// Conversion to JSON takes most of the time, so it happens once.
	json, err := yaml.YAMLToJSON(document)
	if err != nil {
		return "", "", nil, err
	}
	var meta v1.PartialObjectMetadata
	if err := yaml.Unmarshal(json, &meta); err != nil {
		return "", "", nil, err
	}
	switch meta.Kind {
	case "Deployment":
		var o appsv1.Deployment
		err, template = yaml.Unmarshal(json, &o), &o.Spec.Template
	case "StatefulSet":
		var o appsv1.StatefulSet
		err, template = yaml.Unmarshal(json, &o), &o.Spec.Template
	case "DaemonSet":
		var o appsv1.DaemonSet
		err, template = yaml.Unmarshal(json, &o), &o.Spec.Template
	case "CronJob":
		var o batchv1.CronJob
		err, template = yaml.Unmarshal(json, &o), &o.Spec.JobTemplate.Spec.Template
	}
	return meta.Kind, meta.Name, template, err
}
