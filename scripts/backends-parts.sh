#!/bin/sh
# Parts of `./dev test backends` that no Debian release of today has: a compose client of a newer Debian, a collector put together by its own
# builder, Jaeger. Each is left as FOLDER/bin/NAME, or FOLDER/NAME.why says in a line why it is not there.
#   sh scripts/backends-parts.sh FOLDER BUILDER_YAML
set -eu
folder=$1
manifest=$2
builder=v0.159.0
# The newest whose module is served with all that it needs; the lab's image is newer, its API is the same.
jaeger=v1.76.0
newer_debian=trixie
mkdir -p "$folder/bin"

# part NAME STAMP COMMAND…: made anew when STAMP is not that of the last time.
part() {
  name=$1
  stamp=$2
  shift 2
  if [ -x "$folder/bin/$name" ] && [ "$(cat "$folder/$name.stamp" 2>/dev/null)" = "$stamp" ]; then return 0; fi
  echo "making $name (its log: $folder/$name.log)"
  rm -f "$folder/$name.why" "$folder/bin/$name"
  if "$@" >"$folder/$name.log" 2>&1 </dev/null && [ -x "$folder/bin/$name" ]; then
    printf '%s\n' "$stamp" >"$folder/$name.stamp"
  else
    printf '%s\n' "$(grep -v '^[[:space:]]*$' "$folder/$name.log" | tail -n 1 | cut -c1-200)" >"$folder/$name.why"
    echo "there is no $name: $(cat "$folder/$name.why")"
  fi
}

go_is_here() {
  command -v go >/dev/null 2>&1 || { echo 'Go is not installed'; return 1; }
}

make_collector() {
  go_is_here || return 1
  work=$folder/collector
  rm -rf "$work" && mkdir -p "$work"
  # One at a time, and behind everything else: linking takes all that it gets.
  GOBIN=$work nice -n 15 go install "go.opentelemetry.io/collector/cmd/builder@$builder" || return 1
  cp "$manifest" "$work/builder.yaml"
  (cd "$work" && nice -n 15 ./builder --config builder.yaml) || return 1
  mv "$work/out/otelcol" "$folder/bin/otelcol"
}

make_jaeger() {
  go_is_here || return 1
  work=$folder/jaeger
  rm -rf "$work" && mkdir -p "$work"
  (
    cd "$work" && go mod init parts &&
      nice -n 15 go get -tool "github.com/jaegertracing/jaeger/cmd/jaeger@$jaeger" &&
      nice -n 15 go build -ldflags='-s -w' -o "$folder/bin/jaeger" github.com/jaegertracing/jaeger/cmd/jaeger
  )
}

# A package of a newer release, taken apart and not installed: apt is asked with folders of its own, so that this machine's stays as it is.
make_compose() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || { echo 'only root on Debian can ask for packages'; return 1; }
  work=$folder/apt
  rm -rf "$work" && mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  uri=$(apt-get indextargets --format '$(REPO_URI) $(SUITE) $(ORIGIN)' 'Created-By: Packages' | awk '$3 == "Debian" && $2 !~ /-/ { print $1; exit }')
  [ -n "$uri" ] || { echo 'apt knows no archive of Debian'; return 1; }
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $newer_debian main" >"$work/newer.list"
  apt() {
    (cd "$work" && apt-get -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o "Dir::Etc::SourceParts=/dev/null" \
      -o "Dir::Etc::SourceList=$work/newer.list" -o APT::Sandbox::User=root "$@")
  }
  apt update && apt download docker-compose && dpkg -x "$work"/docker-compose_*.deb "$work/out" || return 1
  mv "$work/out/usr/libexec/docker/cli-plugins/docker-compose" "$folder/bin/docker-compose"
  rm -rf "$work/lists" "$work/out"
}

part docker-compose "$newer_debian" make_compose
part otelcol "$builder $(cksum <"$manifest")" make_collector
part jaeger "$jaeger" make_jaeger
