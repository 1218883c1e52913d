package abi

import (
	"encoding/binary"
	"strconv"
)

// Inclusive bounds of what a guest passes to its host, which checks them before it
// copies anything. A call whose reply exceeds a bound fails, and the host's log
// has the bound and the value found. A host function with an argument over its
// bound does nothing and answers [Limit].
const (
	// MaxReply plus the size of the request or event is the bound of a reply in
	// bytes, and of the sum of the lengths of its fields: fields that share bytes
	// count in full.
	MaxReply = 128 << 10
	// MaxFurther is the number of fields that a reply without pairs may have after
	// those of this version. They are ignored.
	MaxFurther = 32

	MaxName     = 1024      // bytes: schema, id, domain, folder, reference, urlconf, route, identifier, cache prefix, group, subprotocol; also as arguments
	MaxPath     = 64 << 10  // bytes: path of a decision, and of a file on disk
	MaxLocation = 128 << 10 // bytes: Location of a redirect, URL of a file
	MaxReason   = 1024      // bytes: reasons and errors
	MaxKwargs   = 64 << 10  // bytes: values of a websocket route
	MaxCacheKey = 128 << 10 // bytes

	// MaxHeaders is the number of request headers that a decision may set. Names
	// are tokens, values consist of field-value characters of RFC 9110.
	MaxHeaders     = 32
	MaxHeaderName  = 256     // bytes
	MaxHeaderValue = 8 << 10 // bytes

	MaxState   = 4 << 10 // bytes: state of a websocket
	MaxEffects = 64      // effects of one reply

	MaxConfigured     = 64 << 10 // bytes: reply of te_configure
	MaxAskedHeaders   = 16       // names in each list of [Configured]
	MaxConfiguredText = 1024     // bytes: name and version in it; an error is truncated

	MaxFileName  = 4096     // bytes: name in a file function
	MaxQueryArgs = 64 << 10 // bytes: arguments of a query

	// MaxLogText is the length in bytes to which a log line, and each text that a
	// guest prints, is truncated.
	MaxLogText = 1024

	// Bounds of lines with attributes: see [ImportLogAttrs].
	MaxLogAttrs   = 8 << 10 // bytes of the message
	MaxLogPairs   = 16      // attributes
	MaxLogName    = 64      // bytes
	MaxLogValue   = 256     // bytes
	MaxLogRecords = 8       // for each call
)

// Bounds are the bounds of one kind of reply.
type Bounds struct {
	fields      []bound // by index
	pairs       int     // number of pairs of a name and a value that may follow
	each        string  // what the pairs are
	name, value bound   // of a pair
}

type bound struct {
	what string
	most uint32 // bytes, at least the constant least
}

// least is the lowest bound of a field: shorter fields need no lookup.
const least = MaxEffects

// Bounds of the replies, by export: [ExportRoute]; [ExportCacheKey] and
// [ExportReverseKey]; [ExportPathname]; [ExportAuthorize]; [ExportOpen] and the
// other events of websockets.
var (
	DecisionBounds = Bounds{
		fields: []bound{
			DecSchema: {"the schema", MaxName}, DecTenantID: {"the tenant's id", MaxName}, DecDomain: {"the domain", MaxName},
			DecFolder: {"the folder", MaxName}, DecReference: {"the reference", MaxName}, DecURLConf: {"the urlconf", MaxName},
			DecWSURLConf: {"the ws_urlconf", MaxName}, DecPath: {"the path", MaxPath}, DecLocation: {"the location", MaxLocation},
			DecIdentifier: {"the identifier", MaxName}, DecCachePrefix: {"the cache prefix", MaxName}, DecReason: {"the reason", MaxReason},
			DecRouteName: {"the route", MaxName}, DecRouteKwargs: {"the route's values", MaxKwargs},
		},
		pairs: MaxHeaders, each: "headers", name: bound{"a header's name", MaxHeaderName}, value: bound{"a header's value", MaxHeaderValue},
	}
	KeyBounds      = Bounds{fields: []bound{KeyResult: {"the key", MaxCacheKey}, KeyError: {"the error", MaxReason}}}
	PathnameBounds = Bounds{fields: []bound{
		PathIdentifier: {"the identifier", MaxName}, PathBaseLocation: {"the base location", MaxPath}, PathTenantURL: {"the base URL", MaxLocation},
		PathPath: {"the path", MaxPath}, PathURL: {"the URL", MaxLocation}, PathError: {"the error", MaxReason},
	}}
	VerdictBounds = Bounds{fields: []bound{AuthReason: {"the reason", MaxReason}}}
	EffectsBounds = Bounds{
		fields: []bound{EffectsState: {"the state", MaxState}, EffectsProtocol: {"the subprotocol", MaxName}, EffectsKinds: {"the list of effects", MaxEffects}},
		pairs:  MaxEffects, each: "effects", name: bound{"an effect's name", MaxName}, value: bound{"an effect's data", 1<<32 - 1},
	}
)

// Parse parses the reply to a request of the given size in bytes. The error is
// ErrMalformed or a *BoundError. Parse allocates only if it fails. Fields before
// the pairs may share bytes, as the names of a tenant do; pairs may not.
func (b *Bounds) Parse(reply []byte, request int) (Message, error) {
	most := MaxReply + max(request, 0)
	if len(reply) > most {
		return Message{}, exceeded("the reply", len(reply), most, "bytes")
	}
	table, ok := fieldTable(reply)
	if !ok {
		return Message{}, ErrMalformed
	}
	n, known := len(table)/fieldSize, len(b.fields)+2*b.pairs
	if b.pairs == 0 {
		known += MaxFurther
	}
	switch {
	case n <= known:
	case b.pairs > 0:
		return Message{}, exceeded("the reply", (n-len(b.fields)+1)/2, b.pairs, b.each)
	default:
		return Message{}, exceeded("the reply", n, known, "fields")
	}
	head, size := uint64(headSize+len(table)), uint64(len(reply))
	total := uint64(0)
	for i := 0; len(table) >= fieldSize; i, table = i+1, table[fieldSize:] { // runs for every request
		field := binary.LittleEndian.Uint64(table)
		if field == 0 { // absent
			continue
		}
		off, length := span(field)
		if off < head || off+length > size {
			return Message{}, ErrMalformed
		}
		if length > least {
			if limit := b.of(i); length > uint64(limit.most) {
				return Message{}, exceeded(limit.what, int(length), int(limit.most), "bytes")
			}
		}
		total += length
	}
	if total > uint64(most) {
		return Message{}, exceeded("all fields together", int(total), most, "bytes")
	}
	if b.pairs > 0 && n > len(b.fields)+2 {
		return Message{reply}, b.checkOverlap(reply[headSize:head])
	}
	return Message{reply}, nil
}

// of returns the bound of field i.
func (b *Bounds) of(i int) *bound {
	switch {
	case i < len(b.fields):
		return &b.fields[i]
	case b.pairs == 0:
		return &further
	case (i-len(b.fields))%2 == 0:
		return &b.name
	}
	return &b.value
}

// further bounds a field that this version does not know.
var further = bound{"a further field", 1<<32 - 1}

// checkOverlap returns an error if two pairs in a table of fields share bytes.
func (b *Bounds) checkOverlap(table []byte) error {
	n := len(table) / fieldSize
	at := func(i int) (offset, length uint64) { return span(binary.LittleEndian.Uint64(table[i*fieldSize:])) }
	for i := len(b.fields); i < n; i++ {
		off, length := at(i)
		if length == 0 {
			continue
		}
		// From the first field of the next pair on.
		for k := i + 2 - (i-len(b.fields))%2; k < n; k++ {
			other, size := at(k)
			if size > 0 && off < other+size && other < off+length {
				return &BoundError{"fields " + strconv.Itoa(i) + " and " + strconv.Itoa(k) + " overlap: expected that no two pairs share bytes"}
			}
		}
	}
	return nil
}

// BoundError is the error of a reply that exceeds a bound.
type BoundError struct{ text string }

func (e *BoundError) Error() string { return e.text }

func exceeded(what string, found, most int, unit string) error {
	return &BoundError{what + ": expected at most " + strconv.Itoa(most) + " " + unit + ", found " + strconv.Itoa(found)}
}
