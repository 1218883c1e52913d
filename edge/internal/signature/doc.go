// Package signature signs guests and verifies their signatures, in the format of
// minisign (https://jedisct1.github.io/minisign/).
//
//	keys, err := signature.ParseKeys([]string{"RWQ…"})
//	if err != nil {
//		return err
//	}
//	signer, err := keys.Verify(wasm, text) // text is the content of guest.wasm.minisig
//
// A signature is text of four lines: a comment, the signature of the guest, a
// trusted comment, and the signature of the guest's signature and the trusted
// comment.
package signature
