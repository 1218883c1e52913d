// Package cases tests guests in any language with files of cases, in the host that
// serves requests.
//
//	file, err := cases.Load("cases.yaml")
//	// …
//	run, err := cases.Open(ctx, wasm, file)
//	// …
//	defer run.Close()
//	for i := range file.Cases {
//		result := run.Case(ctx, &file.Cases[i])
//		// …
//	}
//
// CASES.md of the command tenantedge describes the files. [Golden] has the cases
// of package guest/tck, and a [Budget] keeps the fuel of each case.
package cases
