package report

import "math"

var languageTitles = []struct{ key, title string }{{"go", "Go"}, {"rust", "Rust"}, {"assemblyscript", "AssemblyScript"}, {"c", "C"}}

// inLanguages writes the section about the same guests in different languages.
func (p *page) inLanguages() error {
	l := p.languages
	if l == nil || len(l.names) == 0 {
		return nil
	}
	p.printf("\n## The same guest in each language\n\nThe guests [minimal](../../guest/examples/minimal) and [chatroom](../../guest/examples/chatroom) reply alike in every language. ")
	p.printf("The figures are those of one call in the engine, metered and reset: a routed request of minimal, and a message of a websocket of chatroom. ")
	p.printf("Fuel is the same on every machine. The processor time includes the host's part.\n\n")
	p.printf("| | size of minimal | fuel of a request | processor time | relative to Go | size of chatroom | fuel of a message | processor time | relative to Go |\n")
	p.printf("| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, language := range languageTitles {
		if math.IsNaN(at(l, "Languages/example=minimal/language="+language.key, "fuel/op")) {
			continue // the head says so
		}
		p.printf("| %s |", language.title)
		for _, example := range []string{"minimal", "chatroom"} {
			name := "Languages/example=" + example + "/language="
			of := func(unit string) float64 { return at(l, name+language.key, unit) }
			p.printf(" %s B | %s | %s | %s |", count(of("bytes")), count(of("fuel/op")), nanoseconds(of("cpu-ns/op")), times(of("cpu-ns/op")/at(l, name+"go", "cpu-ns/op")))
		}
		p.printf("\n")
	}
	return nil
}
