package config

// Listener is an address that accepts requests.
type Listener struct {
	Address string `key:"address,required,address"`
	// TLS are the certificates; the server name that the client sends selects one.
	// Empty: plain HTTP.
	TLS []Certificate
	H2  bool `key:"h2"`  // offer HTTP/2 over TLS
	H2C bool `key:"h2c"` // accept HTTP/2 without TLS too
}

// Certificate is a pair of PEM files.
type Certificate struct {
	Cert string `key:"cert,required,path"` // the certificate, then its chain
	Key  string `key:"key,required,path"`  // its private key
}

// listenerEntry has the keys of an entry of listeners.
type listenerEntry struct {
	*Listener
	TLS certificates `key:"tls"`
}

func (l *Listener) decode(v value) {
	*l = Listener{H2: true}
	if v.n.kind == kindString {
		v.decodeTo(&l.Address, "address")
		return
	}
	if v.n.kind != kindMapping {
		v.mismatch("an address such as \":8080\", or a mapping with address")
		return
	}
	var entry listenerEntry
	entry.Listener = l
	found := v.object(&entry)
	l.TLS = entry.TLS
	if c, ok := found["h2c"]; ok && l.H2C && found.has("tls") {
		c.fail("expected h2c on a listener without tls, found both; remove one of them")
	}
}

// certificates is one pair of files, or a list of them.
type certificates []Certificate

func (c *certificates) decode(v value) {
	if v.n.kind == kindMapping {
		*c = make(certificates, 1)
		v.object(&(*c)[0])
		return
	}
	var list []Certificate
	v.decodeTo(&list, "")
	if v.n.kind == kindList && len(list) == 0 {
		v.fail("expected at least one certificate, found none; remove the key for plain HTTP")
	}
	*c = list
}
