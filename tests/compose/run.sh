#!/usr/bin/env bash
# run.sh [PYTEST OPTION...]: builds every image, starts infra/compose.yaml with them on ports of its own, three containers of transcode
# among them, with Prometheus and Grafana; runs the acceptance tests against it, looks at it through Prometheus (tests/compose), and takes
# it all down again. Needs Linux, a container engine and docker compose, or docker-compose 1.28 or newer.
#
#   STAND_INS=1   where no image can be pulled: tests/stand_ins/make.sh makes the base, PostgreSQL, MinIO and Prometheus, and Grafana is
#                 left out; as root, with debootstrap
#   BASE, TORCH_INDEX, POSTGRES_IMAGE, MINIO_IMAGE, PROMETHEUS_IMAGE   as in infra/.env.example
#   KEEP=1        leave it running, and say how to reach it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=${PYTHON:-.venv/bin/python}
docker info >/dev/null 2>&1 || { echo "no container engine answers here: docker info fails" >&2; exit 1; }
if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
began=$SECONDS
said() { echo "$(printf '%4d' $((SECONDS - began))) s  $*"; }

work=$(mktemp -d)
if [[ ${STAND_INS:-} ]]; then
  tests/stand_ins/make.sh "$work/stand_ins" >"$work/images"
  set -a && source "$work/images" && set +a
  said "stand-ins made"
fi
read -r GATEWAY_PORT OBJECTS_PORT POSTGRES_PORT GRAFANA_PORT < <("$python" - <<'PY'
import socket
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in taken))
PY
)
secret() { openssl rand -hex 16; }
cat >"$work/env" <<ENV
COMPOSE_PROJECT_NAME=darkroom-test
GATEWAY_PORT=$GATEWAY_PORT
OBJECTS_PORT=$OBJECTS_PORT
POSTGRES_PORT=$POSTGRES_PORT
GRAFANA_PORT=$GRAFANA_PORT
TRANSCODE_SLOTS=3
PUBLIC_URL=http://localhost:$GATEWAY_PORT
OBJECT_STORE_PUBLIC_URL=http://localhost:$OBJECTS_PORT
POSTGRES_PASSWORD=$(secret)
MINIO_ROOT_USER=darkroom
MINIO_ROOT_PASSWORD=$(secret)
ATTEMPT_TOKEN_KEY=$(secret)
WEBHOOK_TOKEN=$(secret)
WEBHOOK_SIGNING_KEY=$(secret)
GRAFANA_ADMIN_PASSWORD=$(secret)
ENV
for name in BASE TORCH_INDEX POSTGRES_IMAGE MINIO_IMAGE PROMETHEUS_IMAGE; do
  if [[ ${!name:-} ]]; then echo "$name=${!name}" >>"$work/env"; fi
done
run() { "${compose[@]}" --env-file "$work/env" -f infra/compose.yaml "$@"; }

end() {
  code=$?
  if [[ $code != 0 ]]; then run logs --no-color --tail=60 >build/compose-test.log 2>&1 || true; echo "logs: build/compose-test.log" >&2; fi
  if [[ ${KEEP:-} ]]; then
    echo "it stays: ${compose[*]} --env-file $work/env -f infra/compose.yaml down -v" >&2
  else
    run --profile monitoring down -v --remove-orphans >build/compose-down.log 2>&1 || tail -5 build/compose-down.log >&2
    rm -rf "$work"
  fi
  exit $code
}
trap end EXIT
mkdir -p build

run config -q
said "infra/compose.yaml is valid ($("${compose[@]}" version --short), engine $(docker version --format '{{.Server.Version}}'))"
run --profile gpu build >build/compose-build.log 2>&1 || { tail -20 build/compose-build.log >&2; exit 1; }
said "every image is built, embed-gpu's too:"
docker images --format '{{.Repository}} {{.Size}}' 'darkroom/*' | sort | sed 's/^/           /'
monitoring=(prometheus)
[[ ${STAND_INS:-} ]] || monitoring+=(grafana)
{ run up -d --no-build --scale transcode=3 && run --profile monitoring up -d --no-build --no-deps "${monitoring[@]}"; } >build/compose-up.log 2>&1 ||
  { tail -20 build/compose-up.log >&2; exit 1; }
waiting() { docker ps --filter label=com.docker.compose.project=darkroom-test --filter "health=$1" -q | wc -l; }
for _ in $(seq 300); do
  [[ $(waiting starting) == 0 ]] && break
  sleep 1
done
[[ $(waiting starting) == 0 && $(waiting unhealthy) == 0 ]] || { run ps >&2; exit 1; }
said "up: $(waiting healthy) containers healthy"
key=$(run exec -T gateway python -m infra.cli.main keys create --name acceptance --scope read --scope write --scope admin 2>/dev/null)
said "a key is made; the acceptance tests:"
failed=0
ACCEPTANCE_URL=http://localhost:$GATEWAY_PORT DARKROOM_API_KEY=$key "$python" -m pytest -q -rs tests/acceptance "$@" || failed=1
said "what Prometheus has seen of it:"
address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(run --profile monitoring ps -q prometheus)")
PROMETHEUS_URL=http://$address:9090 FUNCTIONS=6 "$python" -m pytest -q -rs tests/compose "$@" || failed=1
said "done"
exit $failed
