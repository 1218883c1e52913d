// Package pristine gives every instance of a guest a linear memory that can be
// reset, in about 100 nanoseconds, to exactly its content before a call.
//
// An [Image] is the frozen content of a memory: that of a guest which is
// initialized, configured and warmed up. Every [Memory] made from it is a private
// mapping where the system has them, so that instances share the pages that they only
// read. The guest and the host mark what they write: the guest by code that
// package meter adds (Options.Track), the host by Mark. Reset copies what is marked from
// the image; after it the memory equals the image, whatever the guest did, even if it
// trapped.
//
//	build, err := pristine.NewMemory(64 << 20)             // a memory to build the image in
//	module := instantiate(experimental.WithMemoryAllocator(ctx, build))
//	warmUp(module)
//	image, err := pristine.NewImage(build.Bytes())
//
//	memory, err := image.NewMemory(64 << 20)               // for each instance
//	marker := instantiate(experimental.WithMemoryAllocator(ctx, memory.Marks()), pristine.Marker)
//	module = instantiate(experimental.WithMemoryAllocator(ctx, memory)) // imports marker's function
//	memory.Bind(module.Memory())
//
//	call(module)                                           // for each request
//	memory.Mark(addr, n)                                   // for each write of the host
//	report, err := memory.Reset()
//
//	module.Close(ctx)                                      // in this order
//	memory.Close()
//	image.Close()
//
// # The contract
//
//   - Before Reset, the owner marks the range meter.ExportLow to meter.ExportHigh if
//     it is not empty, and sets the meter's windows to their initial values.
//   - A memory serves one instantiation and one call at a time.
//   - After a report with Retire, and after any error, the owner closes the
//     instance and makes another.
//   - Views of the memory are invalid when Reset returns: parse or copy a
//     reply before. Reading one after Close crashes the process.
//
// Audit compares the complete memory with the image: tests do so after every
// call, production periodically.
package pristine
