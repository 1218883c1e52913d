// Package pristine gives every instance of a guest a linear memory that can be
// put back, in less than a microsecond, to exactly what it was before a call.
//
// An [Image] is the frozen content of a memory: the state of a guest that is
// initialised, configured and warm. Every [Memory] made from it is a private
// view, so that instances share what they only read. Do makes a call; after it
// the memory equals the image, whatever the guest did, also if it trapped.
//
//	build, err := pristine.NewMemory(64 << 20)             // a memory to build the image in
//	module := instantiate(experimental.WithMemoryAllocator(ctx, build))
//	warmUp(module)
//	image, err := pristine.NewImage(build.Bytes(), pristine.Options{})
//
//	memory, err := image.NewMemory(64 << 20)               // for each instance
//	module = instantiate(experimental.WithMemoryAllocator(ctx, memory))
//	memory.Bind(module.Memory())
//	report, err := memory.Reset()                          // whatever instantiation wrote is gone
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
// The fast methods do not look at the memory to learn what changed. They count
// the page faults of the thread: a page that became private to the memory did
// so in a fault of the thread that wrote to it. It follows that
//
//   - every write to the memory, by the guest and by the host, happens within
//     Do, on its goroutine. Reads may happen whenever nobody writes;
//   - where Do does not fit, Begin and Reset bracket the writes. The caller locks
//     the goroutine to its thread before Begin and until Reset has returned. If
//     Reset finds itself on another thread, or not begun, it searches the page
//     tables instead of trusting the count;
//   - a memory serves one instantiation and one call at a time;
//   - a report that says Retire, and any error, means that the owner closes the
//     instance and makes another;
//   - views of the memory are void once Do or Reset returns: a reply is parsed, or
//     copied, before. After Close reading one crashes the process.
//
// Audit compares the whole memory with the image: tests do so after every
// call, production now and then.
package pristine
