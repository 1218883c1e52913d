// Command cells is a guest that routes like the default guest, and serves each
// tenant from the cell of its attribute cell: an installation of the application
// with its own upstream. If a cell is down, its tenants fail over to another one.
// Without failover no guest is needed: tenants.default.urlconf of the configuration
// chooses by an attribute, and a hold lets requests wait while a tenant moves.
//
//	directory: {source: postgres, attributes: [cell, down]}
//	urlconfs:
//	  eu1: {upstream: "http://10.1.0.1:8000"}
//	  eu2: {upstream: "http://10.2.0.1:8000"}
//	guest:
//	  path: cells.wasm
//	  settings:
//	    cells: {eu1: [eu2], eu2: [eu1]} # each cell, with those that replace it, in order
//	    default: eu1                    # for tenants without a cell
//	    status: cell_status             # optional: the schema of a row whose attribute down lists cells
//
// Each cell is a urlconf. The attribute down of the row, such as "eu1 us2", takes
// cells out of service when the directory reads it, without a new configuration. If
// a cell and all that replace it are down, its tenants stay with it.
//
// The upstream gets the cell in X-Cell, which a client cannot set. A client cannot
// choose a cell either.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o cells.wasm ./guest/examples/cells
package main

import (
	"errors"
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const cellHeader = "X-Cell"

var (
	byDefault    guest.Default
	replacements map[string][]string // by cell
	home         string              // cell of tenants without one
	status       string              // schema of the row with the cells that are down
)

func configure(c *abi.Config) (abi.Configured, error) {
	replacements, home, status = map[string][]string{}, "", ""
	if err := guest.Settings(c, jsonread.Members{"cells": readCells, "default": &home, "status": &status}); err != nil {
		return abi.Configured{}, err
	}
	named := []string{home}
	for _, others := range replacements {
		named = append(named, others...)
	}
	for _, cell := range named {
		if _, ok := replacements[cell]; !ok {
			return abi.Configured{}, errors.New("settings: expected default, and each replacement, to be a key of cells")
		}
	}
	return byDefault.Configure(c, abi.Configured{Name: "cells", SetHeaders: []string{cellHeader}})
}

func readCells(r *jsonread.Reader) {
	r.Object(func(cell string) {
		var others []string
		jsonread.Texts(r, &others)
		replacements[cell] = others
	})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if d.Outcome != abi.Tenant || !d.Dynamic {
		return
	}
	own, ok := byDefault.Attribute(d, "cell")
	if _, known := replacements[own]; !known {
		if ok && own != "" {
			guest.Log(guest.LevelWarn, "a tenant's attribute cell is none of the settings: using the default")
		}
		own = home
	}
	cell := inService(own, cellsDown())
	d.URLConf = cell
	d.Headers = append(d.Headers, cellHeader, cell)
}

// cellsDown returns the cells that are down, separated by spaces.
func cellsDown() string {
	if status == "" {
		return ""
	}
	row, err := guest.TenantByReference(status)
	if err != nil {
		return ""
	}
	down, _ := row.Attribute("down")
	return down
}

// inService returns the first of cell and its replacements that is not down.
func inService(cell, down string) string {
	if down == "" || !contains(down, cell) {
		return cell
	}
	for _, other := range replacements[cell] {
		if !contains(down, other) {
			return other
		}
	}
	return cell
}

func contains(list, cell string) bool {
	for name := range strings.FieldsSeq(list) {
		if name == cell {
			return true
		}
	}
	return false
}
