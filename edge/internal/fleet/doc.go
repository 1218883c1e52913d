// Package fleet keeps in Postgres which guest a fleet of edges runs, and follows
// changes of that.
//
//	store, err := fleet.Open(fleet.Config{DSN: dsn, Fleet: "production"})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	go store.Follow(ctx, 5*time.Second, fleet.Observer{Changed: apply, Found: found, Lost: log})
//
// There are three tables, which [Store.Install] creates. Guests are immutable and
// named by their digest. Rollouts are appended: the newest one of a fleet is what it
// shall run, the others are its history. Nodes are the edges, which report what they
// run. Nothing in the tables is trusted: whoever runs a guest verifies its digest and
// signature.
package fleet
