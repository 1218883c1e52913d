#!/bin/sh
# Makes sure that the S3 server of the tests is here: builds it, by the version
# that the tests name, into the user's cache folder. Needs nothing but Go.
set -eu

echo "s3: looking for the tests' S3 server; where there is none it is built, which takes minutes"
go test -count=1 -v -timeout 30m -run '^TestProgramIsBuilt$' ./edge/storage/object/s3test | grep versitygw
