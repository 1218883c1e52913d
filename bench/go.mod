module github.com/tenantedge/tenantedge/bench

go 1.26

require github.com/tenantedge/tenantedge v0.0.0

replace github.com/tenantedge/tenantedge => ../
