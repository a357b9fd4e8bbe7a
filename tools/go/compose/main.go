// Compose reads a compose file, named as its argument, by the loader of Compose itself: its schema, and that what it refers to is there.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv, cli.WithName("hosttrail"))
	if err == nil {
		project, problem := options.LoadProject(context.Background())
		err = problem
		if err == nil {
			for name := range project.Services {
				fmt.Println(name)
			}
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
