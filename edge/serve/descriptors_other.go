//go:build !unix

package serve

func descriptors() int { return fallbackDescriptors }
