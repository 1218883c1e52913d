// Package pristine gives every instance of a guest a linear memory that can be
// reset, in less than a microsecond, to exactly its content before a call.
//
// An [Image] is the frozen content of a memory: that of a guest which is
// initialized, configured and warmed up. Every [Memory] made from it is a private
// mapping, so that instances share the pages that they only read. Do makes a call;
// after it the memory equals the image, whatever the guest did, even if it trapped.
//
//	build, err := pristine.NewMemory(64 << 20)             // a memory to build the image in
//	module := instantiate(experimental.WithMemoryAllocator(ctx, build))
//	warmUp(module)
//	image, err := pristine.NewImage(build.Bytes(), pristine.Options{})
//
//	memory, err := image.NewMemory(64 << 20)               // for each instance
//	module = instantiate(experimental.WithMemoryAllocator(ctx, memory))
//	memory.Bind(module.Memory())
//	report, err := memory.Reset()                          // undoes what instantiation wrote
//
//	report, err = memory.Do(func() {                       // for each request
//		call(module)                                         // and every other write to its memory
//	})
//
//	module.Close(ctx)                                      // in this order
//	memory.Close()
//	image.Close()
//
// # The contract
//
// The fast methods do not read the memory to find changes. They count the page
// faults of the thread: a page becomes private to the memory in a fault of the
// thread that writes to it. Therefore
//
//   - every write to the memory, by the guest and by the host, happens within
//     Do, on its goroutine. Reads are allowed while there is no write;
//   - if Do cannot be used, Begin and Reset bracket the writes. The caller locks
//     the goroutine to its thread before Begin and until Reset has returned. If
//     Reset runs on another thread, or without Begin, it searches the page
//     tables instead of trusting the count;
//   - a memory serves one instantiation and one call at a time;
//   - after a report with Retire, and after any error, the owner closes the
//     instance and makes another;
//   - views of the memory are invalid when Do or Reset returns: parse or copy a
//     reply before. Reading one after Close crashes the process.
//
// Audit compares the complete memory with the image: tests do so after every
// call, production periodically.
package pristine
