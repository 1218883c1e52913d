package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tenantedge/tenantedge/edge/internal/signature"
)

func guestKeygenCommand() *cobra.Command {
	var p passwordFlags
	var none bool
	c := &cobra.Command{
		Use:   "keygen NAME",
		Short: "Make a key pair that signs guests",
		Long: text(`
			keygen writes a private key to NAME.key and its public key to NAME.pub, in the format
			of minisign. It overwrites no file. The private key is encrypted with a password,
			which is read from the terminal unless a flag names it, or not encrypted with
			--no-password, for example for the secrets of a CI. Encrypting takes seconds and
			1 GiB of memory.

			Keys that minisign -G makes work as well.
		`),
		Example: "  tenantedge guest keygen release",
		Args:    exactArgs("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if none && p.given() {
				return usagef("guest keygen: expected --no-password or a password, found both")
			}
			password := ""
			if !none {
				var err error
				if password, err = p.choose(c); err != nil {
					return fmt.Errorf("guest keygen: %w", err)
				}
			}
			return keygen(c.OutOrStdout(), args[0], password)
		},
	}
	p.add(c)
	c.Flags().BoolVar(&none, "no-password", false, "do not encrypt the private key")
	return c
}

// keygen writes a key pair to files whose names begin with name.
func keygen(out io.Writer, name, password string) error {
	private, public, err := signature.Generate(password)
	if err != nil {
		return fmt.Errorf("guest keygen: %w", err)
	}
	if err := create(name+".key", private, 0o600); err != nil {
		return fmt.Errorf("guest keygen: %w", err)
	}
	if err := create(name+".pub", public, 0o644); err != nil {
		return errors.Join(fmt.Errorf("guest keygen: %w", err), os.Remove(name+".key"))
	}
	_, line, _ := strings.Cut(string(public), "\n")
	_, err = fmt.Fprintf(out, "%[1]s.key: the private key; keep it secret\n%[1]s.pub: the public key; in the configuration of edges:\n\n  guest: {trusted_keys: [%[2]s]}\n", name, strings.TrimSpace(line))
	return err
}

// create writes a new file.
func create(path string, data []byte, mode os.FileMode) error {
	f, err := newFile(path, mode)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// passwordFlags are the flags that name the password of a private key.
type passwordFlags struct{ env, file string }

func (p *passwordFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&p.env, "password-env", "", "environment `VARIABLE` with the password")
	c.Flags().StringVar(&p.file, "password-file", "", "`FILE` with the password")
}

func (p *passwordFlags) given() bool { return p.env != "" || p.file != "" }

// read returns the password that the flags name, or asks for it on the terminal.
func (p *passwordFlags) read(c *cobra.Command, prompt string) (string, error) {
	password := os.Getenv(p.env)
	switch {
	case p.env != "" && p.file != "":
		return "", usagef("%sexpected --password-env or --password-file, found both", errorPrefix(c))
	case p.file != "":
		data, _, err := readFile(p.file, "a file with the password", 4<<10)
		if err != nil {
			return "", err
		}
		password = strings.TrimRight(string(data), "\r\n")
	case p.env == "":
		terminal, ok := c.InOrStdin().(*os.File)
		if !ok || !term.IsTerminal(int(terminal.Fd())) {
			return "", errors.New("expected a terminal to read the password from, found none; pass --password-env or --password-file")
		}
		fmt.Fprint(c.ErrOrStderr(), prompt)
		typed, err := term.ReadPassword(int(terminal.Fd()))
		fmt.Fprintln(c.ErrOrStderr())
		if err != nil {
			return "", err
		}
		password = string(typed)
	}
	if password == "" {
		return "", errors.New("expected a password, found an empty one")
	}
	return password, nil
}

// choose returns a new password, which is typed twice on a terminal.
func (p *passwordFlags) choose(c *cobra.Command) (string, error) {
	password, err := p.read(c, "Password for the private key: ")
	if err != nil || p.given() {
		return password, err
	}
	again, err := p.read(c, "The same password again: ")
	if err == nil && again != password {
		err = errors.New("expected the same password twice, found two; try again")
	}
	return password, err
}
