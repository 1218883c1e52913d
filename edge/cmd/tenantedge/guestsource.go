package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// registryOf returns how to reach the registries of a configuration.
func registryOf(file *config.File) artifact.Options {
	return artifact.Options{CAFile: file.Guest.Registry.CAFile, PlainHTTP: file.Guest.Registry.PlainHTTP}
}

// readGuest reads the module that an argument names: a file, or a reference such as
// oci://registry/name:tag. It reads one byte more than a guest may have, so that the
// host gives that as the reason.
func readGuest(ctx context.Context, name string, o artifact.Options) ([]byte, error) {
	if artifact.IsReference(name) {
		g, err := pullGuest(ctx, name, o)
		return g.Wasm, err
	}
	wasm, _, err := readFile(name, "a Wasm module", instance.MaxModule+1)
	return wasm, err
}

func pullGuest(ctx context.Context, name string, o artifact.Options) (artifact.Guest, error) {
	ref, err := artifact.Parse(name)
	if err != nil {
		return artifact.Guest{}, err
	}
	return artifact.Pull(ctx, ref, o)
}

// readSigned reads a guest as readGuest does, and its signature: from the registry, or
// from the file beside the module, which may be missing. A file that from names must
// be there.
func readSigned(ctx context.Context, name, from string, o artifact.Options) (artifact.Guest, error) {
	if artifact.IsReference(name) {
		if from != "" {
			return artifact.Guest{}, usagef("--signature: expected a guest in a file, found one in a registry, which has its signature")
		}
		return pullGuest(ctx, name, o)
	}
	module, info, err := readFile(name, "a Wasm module", instance.MaxModule+1)
	if err != nil {
		return artifact.Guest{}, err
	}
	g := artifact.Guest{Wasm: module, Created: info.ModTime()}
	path := from
	if path == "" {
		path = name + signature.Suffix
	}
	g.Signature, _, err = readFile(path, "the signature of the guest", signature.MaxSize+1)
	if errors.Is(err, fs.ErrNotExist) && from == "" {
		err = nil
	}
	return g, err
}

// checkModule fails for what is too large for a guest or no module.
func checkModule(name string, module []byte) error {
	if err := instance.CheckSize(module); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if found, remedy := wasm.NotModule(module); found != "" {
		return fmt.Errorf("%s: expected a Wasm module, found %s; %s", name, found, remedy)
	}
	return nil
}
