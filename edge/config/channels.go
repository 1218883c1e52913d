package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel/redis"
)

// Channels is the channel layer, for groups of websockets.
type Channels struct {
	// Redis shares groups between processes; nil: each process has its own.
	Redis *ChannelsRedis `key:"redis"`
}

// ChannelsRedis is a channel layer in the format of channels_redis. The defaults
// are those of channels_redis.
type ChannelsRedis struct {
	Layer        string // "core" or "pubsub"
	Hosts        []string
	HostsEnv     string
	HostsFile    string
	CAFile       string // PEM certificates that verify rediss:// hosts; empty: the system's
	Prefix       string
	Expiry       time.Duration
	GroupExpiry  time.Duration
	Capacity     int
	KeysEnv      []string
	KeysFile     []string
	Serializer   string // "msgpack" or "json"
	RandomPrefix int
}

// redisEntry has the keys of channels.redis.
type redisEntry struct {
	Layer        string        `key:"layer,one=core|pubsub"`
	Hosts        []string      `key:"hosts"`
	HostsEnv     string        `key:"hosts_env,env"`
	HostsFile    string        `key:"hosts_file,path"`
	CAFile       string        `key:"ca_file,path"`
	Prefix       string        `key:"prefix,nonempty"`
	Expiry       time.Duration `key:"expiry,min=1"`
	GroupExpiry  time.Duration `key:"group_expiry,min=1"`
	Capacity     int           `key:"capacity,min=1"`
	KeysEnv      []string      `key:"encryption_keys_env,env"`
	KeysFile     []string      `key:"encryption_keys_file,path"`
	Serializer   string        `key:"serializer,one=msgpack|json"`
	RandomPrefix int           `key:"random_prefix_length,min=8"`
}

func (r *ChannelsRedis) decode(v value) {
	entry := redisEntry{Layer: "core", Prefix: "asgi", Expiry: time.Minute, GroupExpiry: 24 * time.Hour, Capacity: 100, Serializer: "msgpack", RandomPrefix: 12}
	found := v.object(&entry)
	*r = ChannelsRedis(entry)
	v.exactlyOne(found, "hosts", "hosts_env", "hosts_file")
	v.atMostOne(found, "encryption_keys_env", "encryption_keys_file")
	if at, ok := found["hosts"]; ok && at.n.kind == kindList {
		if len(r.Hosts) == 0 {
			at.fail("expected at least one host such as \"redis://127.0.0.1:6379/0\", found none; add one")
		}
		for i, host := range r.Hosts {
			item := value{v.d, at.n.items[i], at.p.item(i)}
			switch { // the errors omit the URL, which may contain a password
			case !strings.HasPrefix(host, "redis://") && !strings.HasPrefix(host, "rediss://") && !strings.HasPrefix(host, "unix://"):
				item.fail("expected a URL such as \"redis://127.0.0.1:6379/0\", \"rediss://…\" or \"unix://…\", found another scheme or none; correct it")
			case strings.Contains(host, "@"):
				item.fail("expected a URL without user and password, found credentials; move the hosts to a file or an environment variable and name it in hosts_file or hosts_env")
			default:
				if err := redis.CheckURL(host); err != nil {
					item.fail("%v", err)
				}
			}
		}
	}
	if r.Layer == "pubsub" {
		for _, key := range []string{"expiry", "group_expiry", "capacity", "random_prefix_length"} {
			if at, ok := found[key]; ok {
				at.fail("expected a key that applies to the layer pubsub, which stores no messages, found one that does not; remove it")
			}
		}
	}
}

// URLs returns the URLs of the hosts in order. It reads the environment variable
// or the file that holds them. Never log them.
func (r *ChannelsRedis) URLs() ([]string, error) {
	if len(r.Hosts) > 0 {
		return slices.Clone(r.Hosts), nil
	}
	text, err := readSecret(r.HostsEnv, r.HostsFile)
	if err != nil {
		return nil, err
	}
	where := "environment variable " + r.HostsEnv
	if r.HostsFile != "" {
		where = "file " + r.HostsFile
	}
	urls := strings.Fields(text)
	if len(urls) == 0 {
		return nil, fmt.Errorf("config: expected Redis URLs separated by spaces or line breaks in the %s, found none; add them", where)
	}
	for i, u := range urls {
		if err := redis.CheckURL(u); err != nil {
			return nil, fmt.Errorf("config: URL %d in the %s: %w", i+1, where, err)
		}
	}
	return urls, nil
}

// TLS returns a configuration that verifies rediss:// hosts with CAFile. Without
// one it returns nil: the system's authorities verify them.
func (r *ChannelsRedis) TLS() (*tls.Config, error) {
	if r.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(r.CAFile)
	if err != nil {
		return nil, fmt.Errorf("config: reading ca_file: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("config: ca_file %s: expected PEM certificates, found none", r.CAFile)
	}
	return config, nil
}

// Keys reads the keys of messages: the first one encrypts, all decrypt. Never log
// them.
func (r *ChannelsRedis) Keys() ([]string, error) {
	var keys []string
	for _, env := range r.KeysEnv {
		key, err := readSecret(env, "")
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	for _, file := range r.KeysFile {
		key, err := readSecret("", file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
