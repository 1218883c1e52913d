package main

import (
	"bytes"
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// The line of cobra's script for fish that builds the command which is evaluated to
// complete a word. The words before it have lost their quotes by then, so that fish
// would run a command after a semicolon in one of them: a name that was completed, or
// a URL that was pasted.
const (
	unescapedWords = " $args[2..-1] $lastArg\""
	escapedWords   = " $words $lastArg\""
	lastWord       = "set -l lastArg (string escape -- (commandline -ct))\n"
	words          = lastWord + "    set -l words (string escape -- $args[2..-1])\n"
)

// escapeInFish makes the script for fish escape the words before the one that is
// completed. The output of root is set.
func escapeInFish(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	c, _, err := root.Find([]string{"completion", "fish"})
	if err != nil {
		return // cobra has no such command any more
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		plain, err := c.Flags().GetBool("no-descriptions")
		if err != nil {
			return err
		}
		var script bytes.Buffer
		if err := root.GenFishCompletion(&script, !plain); err != nil {
			return err
		}
		text := script.String()
		if strings.Count(text, unescapedWords) != 1 || strings.Count(text, lastWord) != 1 {
			return errors.New("completion: expected the script of another version of cobra, found one whose words cannot be escaped")
		}
		_, err = strings.NewReplacer(unescapedWords, escapedWords, lastWord, words).WriteString(root.OutOrStdout(), text)
		return err
	}
}
