// pss prints what the API server's own evaluator of the Pod Security Standards says of objects, for the Rust test
// `conformance::what_is_fitted_is_restricted` to agree with.
//
//	go run ./pss LEVEL VERSION < objects
//
// In: one JSON object per line. Out, for each: "-" if it makes no pods, "allowed", or the reasons, separated by "; ".
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/pod-security-admission/admission"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	level := must(api.ParseLevel(os.Args[1]))
	version := must(api.ParseVersion(os.Args[2]))
	evaluator := must(policy.NewEvaluator(policy.DefaultChecks(), nil))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme} {
		must(0, add(scheme))
	}
	decoder := serializer.NewCodecFactory(scheme).UniversalDeserializer()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		object, _, err := decoder.Decode(in.Bytes(), nil, nil)
		if err != nil {
			fmt.Fprintln(out, "-")
			continue
		}
		metadata, spec, err := admission.DefaultPodSpecExtractor{}.ExtractPodSpec(object)
		if err != nil || spec == nil {
			fmt.Fprintln(out, "-")
			continue
		}
		// The API server makes an emptyDir of a volume without a source before anything judges it.
		for i := range spec.Volumes {
			if spec.Volumes[i].VolumeSource == (corev1.VolumeSource{}) {
				spec.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
			}
		}
		fmt.Fprintln(out, verdict(evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: version}, metadata, spec)))
	}
	must(0, in.Err())
}

func verdict(results []policy.CheckResult) string {
	var reasons []string
	for _, result := range results {
		if !result.Allowed {
			reasons = append(reasons, strings.ReplaceAll(result.ForbiddenReason+": "+result.ForbiddenDetail, "\n", " "))
		}
	}
	if reasons == nil {
		return "allowed"
	}
	return strings.Join(reasons, "; ")
}
