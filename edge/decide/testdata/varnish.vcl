vcl 4.1;

# Varnish between tenantedge and an application, reached by tenantedge only:
#
#	urlconfs: {app: "http://127.0.0.1:6081"}
#	upstream_headers: {schema: tenant, cache_prefix: X-Cache-Prefix}
#
# tenantedge removes X-Cache-Prefix from the requests of clients, in every spelling.
# Purge a tenant with
#
#	curl -X BAN -H "X-Cache-Prefix: acme" http://127.0.0.1:6081/

acl operators { "127.0.0.1"; "::1"; }

backend default { .host = "127.0.0.1"; .port = "8000"; }

sub vcl_recv {
	if (req.method == "BAN") {
		# tenantedge adds X-Forwarded-Host to the requests of clients.
		if (client.ip !~ operators || req.http.X-Forwarded-Host) {
			return (synth(403));
		}
		if (req.http.X-Cache-Prefix !~ "^[^\x22\s]+$") {
			return (synth(400, "expected a tenant in X-Cache-Prefix"));
		}
		ban("obj.http.X-Cache-Prefix == " + req.http.X-Cache-Prefix);
		return (synth(200, "Banned"));
	}
	if (!req.http.X-Cache-Prefix || req.http.X-Cache-Prefix ~ "[#,\s]") {
		return (pass);
	}
}

sub vcl_hash {
	# The prefix is the last part, and has no "#", which is between the parts.
	hash_data(req.url);
	hash_data(req.http.Host);
	hash_data(req.http.X-Cache-Prefix);
	return (lookup);
}

sub vcl_backend_response {
	set beresp.http.X-Cache-Prefix = bereq.http.X-Cache-Prefix; # for bans
}

sub vcl_deliver {
	unset resp.http.X-Cache-Prefix;
	if (obj.hits > 0) {
		set resp.http.X-Cache = "HIT";
	} else {
		set resp.http.X-Cache = "MISS";
	}
}
