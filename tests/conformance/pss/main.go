// pss prints the results of the API server's own evaluator of the Pod Security Standards for objects. The Rust tests in
// pod_security and restricted.rs compare them with fitout's.
//
//	go run ./pss < questions > answers
//
// A question is a line of JSON with a level, a version and the text of an object, YAML or JSON. So is its answer: why
// the text is not an object with pods, or each check that forbids them. Answers are flushed at the latest when there are no
// more questions.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/pod-security-admission/admission"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type question struct {
	Level, Version, Text string
}

type violation struct {
	Check  string `json:"check"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

type answer struct {
	NoPods     string      `json:"noPods"`
	Violations []violation `json:"violations"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

type oracle struct {
	evaluator policy.Evaluator
	decoder   runtime.Decoder
	// The checks that the evaluator ran since this was last emptied: its results do not name them.
	asked []string
}

func newOracle() *oracle {
	o := &oracle{}
	checks := policy.DefaultChecks()
	for _, check := range checks {
		for i := range check.Versions {
			judge := check.Versions[i].CheckPod
			check.Versions[i].CheckPod = func(metadata *metav1.ObjectMeta, spec *corev1.PodSpec) policy.CheckResult {
				o.asked = append(o.asked, string(check.ID))
				return judge(metadata, spec)
			}
		}
	}
	o.evaluator = must(policy.NewEvaluator(checks, nil))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme} {
		must(0, add(scheme))
	}
	o.decoder = serializer.NewCodecFactory(scheme).UniversalDeserializer()
	return o
}

func main() {
	o := newOracle()
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		must(0, err)
		var q question
		must(0, json.Unmarshal(line, &q))
		out.Write(append(must(json.Marshal(o.answer(q))), '\n'))
		if in.Buffered() == 0 {
			must(0, out.Flush())
		}
	}
	must(0, out.Flush())
}

func (o *oracle) answer(q question) answer {
	object, _, err := o.decoder.Decode([]byte(q.Text), nil, nil)
	if err != nil {
		return answer{NoPods: err.Error()}
	}
	metadata, spec, err := admission.DefaultPodSpecExtractor{}.ExtractPodSpec(object)
	if err != nil || spec == nil {
		return answer{NoPods: "no pod spec"}
	}
	_, isPod := object.(*corev1.Pod)
	applyDefaults(spec, isPod)
	level := api.LevelVersion{Level: must(api.ParseLevel(q.Level)), Version: must(api.ParseVersion(q.Version))}
	o.asked = nil
	violations := []violation{}
	for i, result := range o.evaluator.EvaluatePod(level, metadata, spec) {
		if !result.Allowed {
			violations = append(violations, violation{o.asked[i], result.ForbiddenReason, result.ForbiddenDetail})
		}
	}
	return answer{Violations: violations}
}

// applyDefaults applies the API server's defaults that matter to a check: a volume without a source is an emptyDir, and a
// Pod (not a template) with hostNetwork has host ports.
func applyDefaults(spec *corev1.PodSpec, isPod bool) {
	for i := range spec.Volumes {
		if spec.Volumes[i].VolumeSource == (corev1.VolumeSource{}) {
			spec.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
	if !isPod || !spec.HostNetwork {
		return
	}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			for j := range containers[i].Ports {
				if port := &containers[i].Ports[j]; port.HostPort == 0 {
					port.HostPort = port.ContainerPort
				}
			}
		}
	}
}
