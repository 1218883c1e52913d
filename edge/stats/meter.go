package stats

// Meter counts what websockets of one tenant use. It is safe for concurrent use.
type Meter interface {
	Opened()        // a websocket was opened
	Closed()        // one that was opened has ended
	Received(n int) // n bytes of the payload of a client's message arrived
	Sent(n int)     // n bytes of the payload of a message for a client were sent or queued
	Release()       // nothing more is counted
}
