// With a count and a seed it prints random objects, and whether Kubernetes decodes them.
package main

import (
	"os"
	"reflect"
	"strconv"

	apps "k8s.io/api/apps/v1"
	autoscaling1 "k8s.io/api/autoscaling/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	node "k8s.io/api/node/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	scheduling "k8s.io/api/scheduling/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The kinds of each version of a group.
var kinds = []struct {
	version string
	kinds   []any
}{
	{"v1", []any{core.ConfigMap{}, core.LimitRange{}, core.Namespace{}, core.PersistentVolume{}, core.PersistentVolumeClaim{},
		core.Pod{}, core.PodTemplate{}, core.ReplicationController{}, core.ResourceQuota{}, core.Secret{}, core.Service{}, core.ServiceAccount{}}},
	{"apps/v1", []any{apps.DaemonSet{}, apps.Deployment{}, apps.ReplicaSet{}, apps.StatefulSet{}}},
	{"autoscaling/v1", []any{autoscaling1.HorizontalPodAutoscaler{}}},
	{"autoscaling/v2", []any{autoscaling.HorizontalPodAutoscaler{}}},
	{"batch/v1", []any{batch.CronJob{}, batch.Job{}}},
	{"networking.k8s.io/v1", []any{networking.Ingress{}, networking.IngressClass{}, networking.NetworkPolicy{}}},
	{"node.k8s.io/v1", []any{node.RuntimeClass{}}},
	{"policy/v1", []any{policy.PodDisruptionBudget{}}},
	{"rbac.authorization.k8s.io/v1", []any{rbac.ClusterRole{}, rbac.ClusterRoleBinding{}, rbac.Role{}, rbac.RoleBinding{}}},
	{"scheduling.k8s.io/v1", []any{scheduling.PriorityClass{}}},
	{"storage.k8s.io/v1", []any{storage.StorageClass{}}},
}

// Types with an encoding of their own.
var leaves = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():    "Quantity",
	reflect.TypeFor[intstr.IntOrString]():   "IntOrString",
	reflect.TypeFor[meta.Time]():            "String",
	reflect.TypeFor[meta.MicroTime]():       "String",
	reflect.TypeFor[meta.Duration]():        "String",
	reflect.TypeFor[[]byte]():               "Bytes",
	reflect.TypeFor[meta.FieldsV1]():        "Any",
	reflect.TypeFor[runtime.RawExtension](): "Any",
}

func main() {
	rows, _ := strconv.Atoi(os.Args[1])
	seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
	printRandom(rows, seed)
}
