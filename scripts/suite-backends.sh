#!/bin/sh
# ./dev test backends   the lab with containers, without containers: a compose client, a collector, Jaeger, Prometheus, haproxy, Redis and
#                       Orthanc as processes, two proxies in the middle. What cannot be had is skipped by name.
# The first run builds the collector and Jaeger from their Go modules: ten minutes and 4 GB of Go's caches. They are kept in
# RADIOTRACER_BACKENDS (default: ~/.cache/radiotracer-backends); GOPATH and GOCACHE are honoured.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
kept=${RADIOTRACER_BACKENDS:-${XDG_CACHE_HOME:-$HOME/.cache}/radiotracer-backends}
sh "$root/scripts/test-packages.sh" "$root/.cache"
sh "$root/scripts/backends-parts.sh" "$kept" "$root/test/backends/collector-builder.yaml"
RADIOTRACER_BACKENDS=$kept exec node --conditions=@radiotracer/source --no-warnings "$root/test/backends/backends.ts" "$@"
