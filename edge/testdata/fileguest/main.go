// This guest does with files what a test asks of it: each segment of the
// path is one step.
package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() {
	guest.Serve(guest.Handlers{
		Route: func(r *guest.Request, d *guest.Decision) {
			var report []string
			var row guest.Record
			for _, step := range strings.Split(strings.Trim(r.Target, "/"), "/") {
				verb, name, _ := strings.Cut(step, ":")
				if verb == "find" {
					found, err := guest.TenantByReference(name)
					if err == nil {
						row = found
					}
					report = append(report, text("found", err))
					continue
				}
				report = append(report, do(verb, strings.ReplaceAll(name, "|", "/")))
			}
			d.Serve(&row, tenancy.ByHeader, row.Schema)
			d.Path = "/" + strings.Join(report, " ")
		},
		Pathname: func(q *guest.PathQuery) guest.Pathname {
			p := tenancy.Locate(q, false)
			if q.HasName && strings.HasPrefix(q.Name, "probe") {
				_, err := guest.StatFile("a.txt")
				p.Path += text("seen", err)
			}
			return p
		},
	})
}

func do(verb, name string) string {
	switch verb {
	case "read":
		content, err := guest.ReadFile(name)
		return text(string(content), err)
	case "save":
		saved, err := guest.SaveFile(name, []byte("by the guest"))
		return text(saved, err)
	case "begin":
		f, err := guest.CreateFile(name)
		if err == nil {
			_, err = f.Write([]byte("half"))
		}
		return text("begun", err)
	case "stat":
		info, err := guest.StatFile(name)
		return text(fmt.Sprint(info.Size, info.Folder), err)
	case "list":
		folders, files, err := guest.ListFiles(name)
		return text(fmt.Sprint(folders, files), err)
	case "delete":
		return text("deleted", guest.DeleteFile(name))
	case "url":
		url, err := guest.FileURL(name)
		return text(url, err)
	case "hoard":
		var err error
		opened := 0
		for ; err == nil; opened++ {
			_, err = guest.OpenFile(name)
		}
		return text("", err) + fmt.Sprint(opened-1)
	case "log":
		guest.Log(guest.LevelInfo, name)
		return "logged"
	case "panic":
		panic("as asked")
	case "spin":
		for {
		}
	default:
		return "?"
	}
}

func text(s string, err error) string {
	var e abi.Errno
	switch {
	case err == nil:
		return s
	case errors.As(err, &e):
		return fmt.Sprint("errno", uint32(e))
	default:
		return err.Error()
	}
}

func main() {}
