#!/bin/sh
# ./dev test soak                 full loads: 200 senders at once, an instance of 2 GiB
# ./dev test soak hour [MINUTES]  memory over an hour of real senders
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
script=soak
if [ "${1:-}" = hour ]; then
  script=hour
  shift
fi
exec node --conditions=@radiotracer/source "$root/test/soak/$script.ts" "$@"
