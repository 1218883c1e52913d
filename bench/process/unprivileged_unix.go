//go:build unix

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// nobody is the id of the user and of the group that own no files.
const nobody = 65534

// Unprivileged makes c run as a user without privileges if this process runs as
// root. The program and the files that it uses must be accessible to all users.
func Unprivileged(c *exec.Cmd) {
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// GiveToUnprivileged makes the user of Unprivileged the owner of a folder.
func GiveToUnprivileged(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(folder, nobody, nobody)
}
