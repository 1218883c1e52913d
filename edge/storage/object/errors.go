package object

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/minio/minio-go/v7"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// pathError returns the server's answer about a name as the disk returns errors.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if len(name) > 200 {
		name = name[:200]
	}
	return &fs.PathError{Op: op, Path: name, Err: classified(err)}
}

// classified adds to the chain of err the error that callers branch on.
func classified(err error) error {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return err
	}
	var is error
	switch {
	case answer.Code == codeSilent:
		return errSilent
	case answer.Code == minio.NoSuchBucket: // not one file is missing, but all
	case answer.Code == minio.NoSuchKey || answer.StatusCode == http.StatusNotFound:
		is = fs.ErrNotExist
	case answer.StatusCode == http.StatusPreconditionFailed || answer.Code == "ExistingObjectIsDirectory":
		is = fs.ErrExist
	case answer.Code == "KeyTooLongError":
		is = syscall.ENAMETOOLONG
	case answer.Code == "ObjectParentIsFile":
		is = syscall.ENOTDIR
	case answer.Code == minio.EntityTooLarge:
		is = storage.ErrTooLarge
	case answer.StatusCode == http.StatusInsufficientStorage:
		is = storage.ErrFull
	case answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized:
		is = fs.ErrPermission
	}
	if is == nil {
		return err
	}
	return fmt.Errorf("%w: %w", is, err)
}

func missing(err error) bool { return errors.Is(classified(err), fs.ErrNotExist) }
func taken(err error) bool   { return errors.Is(classified(err), fs.ErrExist) }

// conflicting reports whether the server could not decide if a key was free,
// because another request was creating the object.
func conflicting(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == http.StatusConflict && (answer.Code == "ConditionalRequestConflict" || answer.Code == "OperationAborted")
}

// rejected reports whether the server answered that it did nothing.
func rejected(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode >= 400 && answer.StatusCode < 500
}
