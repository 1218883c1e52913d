package channel

// Memory is a layer for one process: messages do not leave it. [NewMemory] makes
// one.
type Memory struct{ layer }

// NewMemory returns a layer for one process.
func NewMemory(config Config) (*Memory, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	return &Memory{layer{config: config}}, nil
}

var _ Layer = (*Memory)(nil)
