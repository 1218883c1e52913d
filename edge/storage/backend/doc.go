// Package backend is for those who write a backend of package storage, and for
// servers that use what only some backends can do.
//
// A [Namespace] decides where each tenant's files are. Its [Names] confine names
// to the files of one tenant, its [Ledger] enforces quotas. Packages disk and
// object are built on them.
//
// [ExtrasOf] returns what a view can do beyond [storage.View].
package backend
