package channel

import "errors"

// Errors of layers, for use with [errors.Is].
var (
	// ErrFull: the channel has its maximum of unread messages.
	ErrFull = errors.New("channel: the channel is full")
	// ErrClosed: the channel or its layer is closed.
	ErrClosed = errors.New("channel: closed")
	// ErrName: a schema, group or channel name that is not valid on the wire.
	ErrName = errors.New("channel: invalid name")
	// ErrMessage: a message that is not a map with a type, or has a value that
	// channels_redis cannot carry.
	ErrMessage = errors.New("channel: invalid message")
	// ErrTooLarge: a message longer than Config.MaxMessage.
	ErrTooLarge = errors.New("channel: the message is too large")
	// ErrLimit: the tenant has its maximum of channels or memberships.
	ErrLimit = errors.New("channel: the tenant's limit is reached")
	// ErrBroken: the connection to the other processes is broken; the layer
	// keeps reconnecting.
	ErrBroken = errors.New("channel: the layer is broken")
)
