#!/bin/sh
# Builds the S3 server of the tests, in the version that they name, into the user's
# cache folder unless it is there. Needs only Go.
set -eu

echo "s3: building the tests' S3 server if it is missing, which takes minutes"
go test -count=1 -v -timeout 30m -run '^TestProgramIsBuilt$' ./edge/storage/object/s3test | grep versitygw
