package channel

import "errors"

// Errors to branch on, with [errors.Is].
var (
	// ErrFull: the channel has as many unread messages as it may have.
	ErrFull = errors.New("channel: the channel is full")
	// ErrClosed: the channel or its layer has been closed.
	ErrClosed = errors.New("channel: closed")
	// ErrName: a schema, group or channel name that cannot be on the wire.
	ErrName = errors.New("channel: bad name")
	// ErrMessage: a message that is not a map with a type, or holds what
	// channels_redis cannot carry.
	ErrMessage = errors.New("channel: bad message")
	// ErrTooLarge: a message longer than the layer's limit.
	ErrTooLarge = errors.New("channel: the message is too large")
	// ErrLimit: the tenant has as many channels or memberships as it may have.
	ErrLimit = errors.New("channel: the tenant's limit is reached")
	// ErrBroken: the wire does not work at the moment; the layer keeps trying.
	ErrBroken = errors.New("channel: the layer is broken")
)
