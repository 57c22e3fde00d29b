#!/usr/bin/env bash
# make.sh [WORKDIR]: images to stand in for the ones that a machine without an image registry cannot pull, under the tags that it prints.
# As root, with docker and debootstrap. They are for tests alone: the same programs, of Debian's or of one's own building.
#
#   BASE=darkroom-test/base:bookworm             a Debian 12 with python3, and this machine's own certificates and pip settings
#   POSTGRES_IMAGE=darkroom-test/postgres:15     Debian's PostgreSQL 15; without pgvector, which Debian 12 does not have
#   MINIO_IMAGE=darkroom-test/minio:local        the minio binary on PATH, or $MINIO
#   PROMETHEUS_IMAGE=darkroom-test/prometheus:local   the prometheus binary on PATH, or $PROMETHEUS
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${1:-$(mktemp -d)}
minio=${MINIO:-$(command -v minio)} || { echo "no minio on PATH: go install github.com/minio/minio@latest" >&2; exit 1; }
prometheus=${PROMETHEUS:-$(command -v prometheus)} || { echo "no prometheus on PATH: apt-get install prometheus" >&2; exit 1; }
has() { docker image inspect "$1" >/dev/null 2>&1; }

base=darkroom-test/base:bookworm
if ! has $base; then
  root=$work/base
  [[ -e $root/etc/debian_version ]] || debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,curl bookworm "$root" >&2
  # Containers trust whom this machine trusts, and get packages where it gets them.
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  [[ ! -e /etc/pip.conf ]] || cp /etc/pip.conf "$root/etc/pip.conf"
  rm -rf "$root"/var/cache/apt/archives/*.deb
  tar -C "$root" -c . | docker import --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' - $base >/dev/null
fi
docker build -q --build-arg BASE=$base -t darkroom-test/postgres:15 "$here/postgres" >/dev/null
around() { # NAME BINARY: an image of one program that is already here
  mkdir -p "$work/$1"
  cp "$2" "$here/$1/Dockerfile" "$work/$1/"
  docker build -q --build-arg BASE=$base -t "darkroom-test/$1:local" "$work/$1" >/dev/null
}
around minio "$minio"
around prometheus "$prometheus"
cat <<END_OF_TAGS
BASE=$base
POSTGRES_IMAGE=darkroom-test/postgres:15
MINIO_IMAGE=darkroom-test/minio:local
PROMETHEUS_IMAGE=darkroom-test/prometheus:local
END_OF_TAGS
