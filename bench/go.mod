module github.com/tenantedge/tenantedge/bench

go 1.26.0

require github.com/tenantedge/tenantedge v0.0.0

require (
	github.com/tetratelabs/wazero v1.12.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/tenantedge/tenantedge => ../
