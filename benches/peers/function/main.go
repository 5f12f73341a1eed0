// The job of ../../fitout.yaml as a KRM function, as the documentation of kyaml shows how to write one.
package main

import (
	"os"

	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/fn/framework/command"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// settings is what this function reads of its config.
type settings struct {
	Spec struct {
		Resources struct {
			Containers struct {
				Requests amounts `yaml:"requests"`
				Limits   amounts `yaml:"limits"`
			} `yaml:"containers"`
		} `yaml:"resources"`
		Prometheus struct {
			Port string `yaml:"port"`
			Path string `yaml:"path"`
		} `yaml:"prometheus"`
		Storage struct {
			StorageClassName string `yaml:"storageClassName"`
		} `yaml:"storage"`
	} `yaml:"spec"`
}

type amounts struct {
	CPU    string `yaml:"cpu"`
	Memory string `yaml:"memory"`
}

// pathToTemplate has the kinds with pods.
var pathToTemplate = map[string][]string{
	"Deployment":  {"spec", "template"},
	"StatefulSet": {"spec", "template"},
	"DaemonSet":   {"spec", "template"},
	"Job":         {"spec", "template"},
	"CronJob":     {"spec", "jobTemplate", "spec", "template"},
}

func main() {
	var s settings
	filter := kio.FilterFunc(func(objects []*yaml.RNode) ([]*yaml.RNode, error) {
		for _, object := range objects {
			if err := s.object(object); err != nil {
				return nil, err
			}
		}
		return objects, nil
	})
	processor := framework.SimpleProcessor{Config: &s, Filter: filter}
	if command.Build(processor, command.StandaloneDisabled, false).Execute() != nil {
		os.Exit(1)
	}
}

func (s *settings) object(object *yaml.RNode) error {
	kind := object.GetKind()
	if kind == "PersistentVolumeClaim" {
		return s.claim(object)
	}
	path, hasPods := pathToTemplate[kind]
	if !hasPods {
		return nil
	}
	template, err := object.Pipe(yaml.Lookup(path...))
	if err != nil || template == nil {
		return err
	}
	// Jobs of a CronJob end, so nothing scrapes them.
	if kind != "CronJob" {
		if err := s.annotations(template); err != nil {
			return err
		}
	}
	if err := s.template(template); err != nil {
		return err
	}
	claims, err := object.Pipe(yaml.Lookup("spec", "volumeClaimTemplates"))
	if err != nil || claims == nil {
		return err
	}
	return claims.VisitElements(s.claim)
}

func (s *settings) claim(claim *yaml.RNode) error {
	return write(claim, plain(s.Spec.Storage.StorageClassName), keep, "spec", "storageClassName")
}

func (s *settings) annotations(template *yaml.RNode) error {
	annotations := [][2]string{
		{"prometheus.io/scrape", "true"},
		{"prometheus.io/port", s.Spec.Prometheus.Port},
		{"prometheus.io/path", s.Spec.Prometheus.Path},
	}
	for _, a := range annotations {
		if err := write(template, quoted(a[1]), keep, "metadata", "annotations", a[0]); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) template(template *yaml.RNode) error {
	pod := []string{"spec", "securityContext"}
	if err := write(template, boolean("true"), keep, append(pod, "runAsNonRoot")...); err != nil {
		return err
	}
	if err := write(template, plain("RuntimeDefault"), keep, append(pod, "seccompProfile", "type")...); err != nil {
		return err
	}
	for _, list := range []string{"initContainers", "containers"} {
		containers, err := template.Pipe(yaml.Lookup("spec", list))
		if err != nil {
			return err
		}
		if containers == nil {
			continue
		}
		if err := containers.VisitElements(s.container); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) container(container *yaml.RNode) error {
	for list, amounts := range map[string]amounts{
		"requests": s.Spec.Resources.Containers.Requests,
		"limits":   s.Spec.Resources.Containers.Limits,
	} {
		if err := write(container, plain(amounts.CPU), keep, "resources", list, "cpu"); err != nil {
			return err
		}
		if err := write(container, plain(amounts.Memory), keep, "resources", list, "memory"); err != nil {
			return err
		}
	}
	privileged, err := container.Pipe(yaml.Lookup("securityContext", "privileged"))
	if err != nil {
		return err
	}
	if privileged == nil || privileged.YNode().Value != "true" {
		err := write(container, boolean("false"), overwrite, "securityContext", "allowPrivilegeEscalation")
		if err != nil {
			return err
		}
	}
	if err := write(container, boolean("true"), keep, "securityContext", "readOnlyRootFilesystem"); err != nil {
		return err
	}
	return write(container, yaml.NewListRNode("ALL"), overwrite, "securityContext", "capabilities", "drop")
}

type mode bool

const (
	keep      mode = false
	overwrite mode = true
)

// write sets a field, and creates the mappings above it. With keep, a value that is there stays.
func write(object, value *yaml.RNode, how mode, path ...string) error {
	last := len(path) - 1
	parent, err := object.Pipe(yaml.LookupCreate(yaml.MappingNode, path[:last]...))
	if err != nil {
		return err
	}
	if how == keep && !parent.Field(path[last]).IsNilOrEmpty() {
		return nil
	}
	return parent.PipeE(yaml.SetField(path[last], value))
}

func plain(text string) *yaml.RNode {
	return yaml.NewStringRNode(text)
}

func quoted(text string) *yaml.RNode {
	node := yaml.NewStringRNode(text)
	node.YNode().Style = yaml.DoubleQuotedStyle
	return node
}

func boolean(text string) *yaml.RNode {
	node := yaml.NewScalarRNode(text)
	node.YNode().Tag = yaml.NodeTagBool
	return node
}
