#!/bin/sh
# What the tests with real parts use, installed where it is missing and where that is possible: Debian packages (as root), and
# pynetdicom in a Python environment of its own. What cannot be had is said here, and its tests are skipped.
#   sh scripts/test-packages.sh CACHE_FOLDER
set -eu
cache=$1
mkdir -p "$cache"

# command:package
missing=''
for pair in storescu:dcmtk Orthanc:orthanc redis-server:redis-server chromium:chromium socat:socat haproxy:haproxy promtool:prometheus python3:python3 \
  x:python3-venv; do
  case $pair in
    x:python3-venv) python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv" ;;
    *) PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}" ;;
  esac
done

if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "not installed, and only root on Debian can:$missing; tests that need them are skipped"
  else
    echo "installing:$missing"
    # One by one when all together do not go: one that is not to be had must not keep the others away.
    # No daemon is to start: the tests start their own.
    DEBIAN_FRONTEND=noninteractive
    RUNLEVEL=1
    export DEBIAN_FRONTEND RUNLEVEL
    apt-get update >"$cache/apt.log" 2>&1 || true
    # shellcheck disable=SC2086
    if ! apt-get install -y --no-install-recommends $missing >>"$cache/apt.log" 2>&1; then
      for package in $missing; do
        apt-get install -y --no-install-recommends "$package" >>"$cache/apt.log" 2>&1 ||
          echo "could not be installed: $package ($(grep '^E:' "$cache/apt.log" | tail -n 1)); tests that need it are skipped"
      done
    fi
  fi
fi

python=$cache/venv/bin/python
if ! "$python" -c 'import pynetdicom, pydicom' >/dev/null 2>&1; then
  if ! { python3 -m venv "$cache/venv" && "$python" -m pip install --quiet --disable-pip-version-check \
    'pynetdicom==3.0.4' 'pydicom==3.0.2'; } >"$cache/python.log" 2>&1; then
    echo "pynetdicom could not be installed ($(grep -v '^$' "$cache/python.log" | tail -n 1)); tests that need it are skipped"
  fi
fi
