package scaffold

import (
	"os/exec"
	"strings"
)

// toolchain builds the projects of a language.
type toolchain struct {
	tools   []string                   // programs that must be on PATH
	find    func(Command) Command      // adapts build to this machine; nil: it needs no change
	lacks   func() string              // what else is missing; empty: nothing. nil: tools are enough
	install []string                   // how to install it, one command per system
	prepare func(dir string) []Command // commands that a fresh project needs first
	build   Command
	output  string // pattern of the module that build writes; empty: guest.wasm
}

// Command is a command with variables for its environment.
type Command struct {
	Env, Args []string
}

// String returns the command as a shell accepts it.
func (c Command) String() string {
	return strings.Join(append(append([]string{}, c.Env...), c.Args...), " ")
}

func command(words string) Command { return Command{Args: strings.Fields(words)} }

var (
	goToolchain = toolchain{
		tools: []string{"go"},
		install: []string{
			"any system:      https://go.dev/dl/ (1.26 or later)",
			"macOS:           brew install go",
		},
		build: Command{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-trimpath", "-buildmode=c-shared", "-o", Output, "."}},
	}
	tinygoToolchain = toolchain{
		tools: []string{"tinygo", "go"},
		install: []string{
			"any system:      https://tinygo.org/getting-started/install/ (0.40 or later), and Go from https://go.dev/dl/",
			"macOS:           brew tap tinygo-org/tools && brew install tinygo",
		},
		build: command("tinygo build -target=tinygo.json -o " + Output + " ."),
	}
	zigToolchain = toolchain{
		tools: []string{"zig"},
		install: []string{
			"any system:      https://ziglang.org/download/",
			"macOS:           brew install zig",
		},
		build: command("zig build-exe main.zig -target wasm32-freestanding -fno-entry -rdynamic -O ReleaseSmall -fno-strip -femit-bin=" + Output),
	}
	makeToolchain = toolchain{
		tools:   []string{"make"},
		install: []string{"Debian, Ubuntu:  sudo apt-get install make", "macOS:           xcode-select --install"},
		build:   command("make " + Output),
	}
)

// Missing returns what building needs and this machine lacks; empty: nothing.
func (t *toolchain) Missing() []string {
	var missing []string
	for _, tool := range t.tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if len(missing) == 0 && t.lacks != nil {
		if lack := t.lacks(); lack != "" {
			missing = append(missing, lack)
		}
	}
	return missing
}

// Install returns how to install the toolchain, a line for each system.
func (t *toolchain) Install() string { return "  " + strings.Join(t.install, "\n  ") + "\n" }
