package serve

import "runtime/debug"

// returnMemory returns memory to the system that loading a guest or the directory
// took and does not need any more. Go would keep most of it for minutes.
func returnMemory() { debug.FreeOSMemory() }
