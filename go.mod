module github.com/tenantedge/tenantedge

go 1.26
