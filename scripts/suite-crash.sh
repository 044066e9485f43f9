#!/bin/sh
# ./dev test crash   SIGKILL by the hundred: RADIOTRACER_KILLS of them (400), moments and faults by RADIOTRACER_SEED (the time)
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
exec node --conditions=@radiotracer/source --no-warnings "$root/test/crash/crash.ts" "$@"
