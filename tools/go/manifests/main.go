// Manifests reads Kubernetes objects (YAML documents) from standard input by Kubernetes' own types, strictly: unknown kinds, unknown fields
// and fields that stand twice are errors. Kinds that are named as arguments (group/version/Kind) are of others and only counted. It prints
// each object's kind and name.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

func main() {
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	failed := false
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		var about unstructured.Unstructured
		if err := yaml.UnmarshalStrict(document, &about.Object); err != nil {
			fmt.Fprintln(os.Stderr, err)
			failed = true
			continue
		}
		if len(about.Object) == 0 {
			continue
		}
		name := fmt.Sprintf("%s/%s %s", about.GetAPIVersion(), about.GetKind(), about.GetName())
		if !slices.Contains(os.Args[1:], about.GetAPIVersion()+"/"+about.GetKind()) {
			if _, _, err := decoder.Decode(document, nil, nil); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
				failed = true
			}
		}
		fmt.Println(name)
	}
	if failed {
		os.Exit(1)
	}
}
