// Package artifact stores guests in OCI registries and reads them from there.
//
//	ref, err := artifact.Parse("oci://registry.example.com/guests/router@sha256:…")
//	if err != nil {
//		return err
//	}
//	guest, err := artifact.Pull(ctx, ref, artifact.Options{}) // guest.Wasm, guest.Signature
//
// A guest is an artifact in the layout of the CNCF
// (https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/): a manifest
// with a config of the type application/vnd.wasm.config.v0+json and one layer of the
// type application/wasm, which is the module as it is. Its signature is the value of
// the manifest's annotation [SignatureAnnotation]. This package does not verify it;
// package signature does.
//
// Nothing that a registry sends is trusted: sizes are bounded before anything is
// allocated or read, digests are verified, and a transfer ends after a time.
package artifact
