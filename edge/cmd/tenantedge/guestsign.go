package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
	"github.com/tenantedge/tenantedge/tenantdb/atomicfile"
)

// maxKeyFile bounds what is read of a file with a key.
const maxKeyFile = 4 << 10

func guestSignCommand() *cobra.Command {
	var key, comment, to string
	var p passwordFlags
	c := &cobra.Command{
		Use:   "sign GUEST.wasm --key FILE",
		Short: "Sign a guest",
		Long: text(`
			sign writes the signature of a guest to GUEST.wasm.minisig, in the format of
			minisign. --key is the private key, made by guest keygen or minisign -G. The
			password of an encrypted key is read from the terminal unless a flag names it.

			The signature also covers the trusted comment, which guest verify prints. Unless
			--comment gives another one, it has the time and the name of the file.

			To deploy a guest, put its signature in place first, then the guest.
		`),
		Example: text(`
			  tenantedge guest sign guest.wasm --key release.key
			  tenantedge guest sign guest.wasm --key release.key --comment 'commit 1f3a9c' --password-env KEY_PASSWORD
		`),
		Args: exactArgs("GUEST.wasm"),
		RunE: func(c *cobra.Command, args []string) error {
			if key == "" {
				return usagef("guest sign: expected --key FILE, the private key, found none; tenantedge guest keygen makes one")
			}
			guest, _, err := readFile(args[0], "a Wasm module", instance.MaxModule+1)
			if err == nil {
				err = checkModule(args[0], guest)
			}
			if err != nil {
				return fmt.Errorf("guest sign: %w", err)
			}
			k, err := readPrivateKey(c, key, &p)
			if err != nil {
				return fmt.Errorf("guest sign: %w", err)
			}
			if comment == "" {
				comment = fmt.Sprintf("timestamp:%d\tfile:%s\thashed", time.Now().Unix(), filepath.Base(args[0]))
			}
			return signGuest(c.OutOrStdout(), k, guest, comment, cmp.Or(to, args[0]+signature.Suffix))
		},
	}
	p.add(c)
	f := c.Flags()
	f.StringVarP(&key, "key", "k", "", "`FILE` with the private key")
	f.StringVar(&comment, "comment", "", "trusted `COMMENT`, one line")
	f.StringVarP(&to, "signature", "s", "", "`FILE` to write the signature to")
	return c
}

func readPrivateKey(c *cobra.Command, path string, p *passwordFlags) (signature.PrivateKey, error) {
	data, _, err := readFile(path, "a private key", maxKeyFile)
	if err != nil {
		return signature.PrivateKey{}, err
	}
	k, err := signature.ParsePrivateKey(data, func() (string, error) {
		return p.read(c, "Password of "+path+": ")
	})
	if err != nil {
		return k, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func signGuest(out io.Writer, k signature.PrivateKey, guest []byte, comment, to string) error {
	signed, err := k.Sign(guest, comment)
	if err != nil {
		return fmt.Errorf("guest sign: %w", err)
	}
	err = atomicfile.Write(to, func(w io.Writer) error {
		_, err := w.Write(signed)
		return err
	})
	if err == nil {
		err = os.Chmod(to, 0o644) // edges run as other users
	}
	if err != nil {
		return fmt.Errorf("guest sign: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s: signed for the public key %s\n", to, k.PublicKey())
	return err
}

func guestVerifyCommand() *cobra.Command {
	var keys []string
	var configPath, from string
	c := &cobra.Command{
		Use:   "verify GUEST.wasm {--key KEY | --config FILE}",
		Short: "Verify the signature of a guest",
		Long: text(`
			verify checks that a guest is the one that was signed, and prints by which key, with
			the trusted comment. The exit status is 1 if it is not.

			--key is a public key, such as RWQ…, or a file that has one; several may be given.
			With --config, guest.trusted_keys of that file are used. The signature is read from
			GUEST.wasm.minisig; a guest in a registry has its signature there.
		`),
		Example: text(`
			  tenantedge guest verify guest.wasm --key release.pub
			  tenantedge guest verify guest.wasm --config tenantedge.yaml
			  tenantedge guest verify oci://registry.example.com/guests/router:v1 --key release.pub
		`),
		Args: exactArgs("GUEST.wasm"),
		RunE: func(c *cobra.Command, args []string) error {
			trusted, registry, err := publicKeys(keys, configPath)
			if err != nil {
				return err
			}
			return verifyGuest(c.Context(), c.OutOrStdout(), trusted, args[0], from, registry)
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&keys, "key", "k", nil, "public `KEY`, or a file that has one")
	configFlag(c, &configPath)
	f.StringVarP(&from, "signature", "s", "", "`FILE` with the signature")
	return c
}

// publicKeys returns the keys of the arguments, or else those of a configuration with
// how to reach its registries.
func publicKeys(args []string, configPath string) (signature.Keys, artifact.Options, error) {
	none := artifact.Options{}
	if (len(args) > 0) == (configPath != "") {
		return nil, none, usagef("guest verify: expected either --key or --config, a file with guest.trusted_keys")
	}
	if configPath != "" {
		file, err := config.Load(configPath)
		if err != nil {
			return nil, none, err
		}
		if len(file.Guest.TrustedKeys) == 0 {
			return nil, none, fmt.Errorf("guest verify: expected guest.trusted_keys in %s, found none; add the public keys of those who sign guests", configPath)
		}
		trusted, err := signature.ParseKeys(file.Guest.TrustedKeys)
		return trusted, registryOf(file), err
	}
	var keys []string
	for _, arg := range args {
		if !strings.HasPrefix(arg, "RW") || strings.ContainsRune(arg, '.') { // base64 has no dots
			data, _, err := readFile(arg, "a public key that begins with RW, or a file that has one", maxKeyFile)
			if err != nil {
				return nil, none, fmt.Errorf("guest verify: --key: %w", err)
			}
			arg = string(data)
		}
		keys = append(keys, arg)
	}
	trusted, err := signature.ParseKeys(keys)
	if err != nil {
		return nil, none, fmt.Errorf("guest verify: --key: %w", err)
	}
	return trusted, none, nil
}

func verifyGuest(ctx context.Context, out io.Writer, keys signature.Keys, name, from string, o artifact.Options) error {
	guest, err := readSigned(ctx, name, from, o)
	if err != nil {
		return fmt.Errorf("guest verify: %w", err)
	}
	signed, err := verifySigned(keys, guest)
	if err != nil {
		return fmt.Errorf("guest verify: %s: %w", name, err)
	}
	_, err = fmt.Fprintf(terminal{out}, "%s: signed by the key %s with the comment %q\n", name, signed.KeyID, signed.Comment)
	return err
}

// verifySigned verifies the signature of a guest.
func verifySigned(keys signature.Keys, g artifact.Guest) (signature.Signed, error) {
	if err := instance.CheckSize(g.Wasm); err != nil {
		return signature.Signed{}, err
	}
	return keys.Verify(g.Wasm, g.Signature)
}
