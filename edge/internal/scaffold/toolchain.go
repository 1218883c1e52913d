package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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
	var words []string
	for _, variable := range c.Env {
		name, value, _ := strings.Cut(variable, "=")
		words = append(words, name+"="+ShellWord(value))
	}
	for _, arg := range c.Args {
		words = append(words, ShellWord(arg))
	}
	return strings.Join(words, " ")
}

// plain are the words that mean themselves in a shell.
var plain = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// ShellWord returns s as a word of a shell's command, in quotes if it needs them.
func ShellWord(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
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
	rustToolchain = toolchain{
		tools: []string{"cargo", "rustc"},
		find:  withRust,
		lacks: rustTarget,
		install: []string{
			"Debian, Ubuntu:  sudo apt-get install cargo libstd-rust-dev-wasm32 lld",
			"any system:      https://rustup.rs/, then rustup target add wasm32-unknown-unknown",
			"macOS:           brew install rustup && rustup default stable && rustup target add wasm32-unknown-unknown",
		},
		build:  command("cargo build --release --target wasm32-unknown-unknown --target-dir target"),
		output: "target/wasm32-unknown-unknown/release/*.wasm",
	}
	assemblyscriptToolchain = toolchain{
		tools: []string{"node", "npm"},
		install: []string{
			"Debian, Ubuntu:  sudo apt-get install nodejs npm",
			"macOS:           brew install node",
			"any system:      https://nodejs.org/",
		},
		prepare: func(dir string) []Command {
			if _, err := os.Stat(filepath.Join(dir, "node_modules")); err == nil {
				return nil
			}
			return []Command{command("npm install --no-audit --no-fund")}
		},
		// The compiler is WebAssembly itself, which V8 would optimize for longer than it
		// runs; without that it takes two thirds of the processor time.
		build: command("node --liftoff-only node_modules/assemblyscript/bin/asc.js assembly/index.ts --debug --outFile " + Output),
	}
	cToolchain = toolchain{
		tools: []string{"clang", "wasm-ld"},
		lacks: clangTarget,
		install: []string{
			"Debian, Ubuntu:  sudo apt-get install clang lld",
			`macOS:           brew install llvm lld && export PATH="$(brew --prefix llvm)/bin:$PATH"`,
		},
		build: command("clang --target=wasm32 -ffreestanding -nostdlib -O2 -mbulk-memory -Wall -Wextra -Isdk -Wl,--no-entry -o " + Output + " main.c"),
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

// rustTarget reports whether some rustc can compile for WebAssembly.
func rustTarget() string {
	if folder, _ := rustFolder(); folder == "" {
		return "the target wasm32-unknown-unknown of rustc"
	}
	return ""
}

// rustFolder calls findRust once: guest dev builds after each change.
var rustFolder = sync.OnceValues(findRust)

// findRust returns the first folder on PATH whose rustc has the libraries for
// WebAssembly, which are an extra of installations of rustup and of Debian. first
// reports whether it is the one that a shell finds.
func findRust() (folder string, first bool) {
	first = true
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := exec.LookPath(filepath.Join(folder, "cargo")); err != nil {
			continue
		}
		root, err := exec.Command(filepath.Join(folder, "rustc"), "--print", "sysroot").Output()
		if err == nil {
			if _, err := os.Stat(filepath.Join(strings.TrimSpace(string(root)), "lib/rustlib/wasm32-unknown-unknown/lib")); err == nil {
				return folder, first
			}
		}
		first = false
	}
	return "", false
}

// withRust makes c use the rustc that can compile for WebAssembly.
func withRust(c Command) Command {
	folder, first := rustFolder()
	if first {
		return c
	}
	args := append([]string{filepath.Join(folder, "cargo")}, c.Args[1:]...)
	return Command{[]string{"RUSTC=" + filepath.Join(folder, "rustc")}, args}
}

// clangTarget reports whether clang can compile for WebAssembly, which Apple's
// cannot.
var clangTarget = sync.OnceValue(func() string {
	targets, err := exec.Command("clang", "--print-targets").Output()
	if err == nil && strings.Contains(string(targets), "wasm32") {
		return ""
	}
	return "a clang with the target wasm32"
})

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
