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

// told is what the server answered about a name, as errors of a disk are told.
func told(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if len(name) > 200 {
		name = name[:200]
	}
	return &fs.PathError{Op: op, Path: name, Err: meaning(err)}
}

// meaning is err, with what to branch on in its chain.
func meaning(err error) error {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return err
	}
	var is error
	switch {
	case answer.Code == codeSilent:
		return errSilent
	case answer.Code == minio.NoSuchBucket: // no file is missing here, but all of them
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

func missing(err error) bool { return errors.Is(meaning(err), fs.ErrNotExist) }
func taken(err error) bool   { return errors.Is(meaning(err), fs.ErrExist) }

// conflicting tells that the server could not say whether a name is free:
// another was making it.
func conflicting(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == http.StatusConflict && (answer.Code == "ConditionalRequestConflict" || answer.Code == "OperationAborted")
}

// refused tells that the server answered, and so did nothing.
func refused(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode >= 400 && answer.StatusCode < 500
}
