#!/usr/bin/env bash
# run.sh [PYTEST OPTION...]: builds the images, brings them into a cluster, has every overlay judged there by dry run, applies
# knative/overlays/dev as it stands, runs the acceptance tests against it and then tests/cluster, and takes the namespace away again.
#
#   KUBECONFIG    a cluster of one's own with Knative Serving and Eventing, the in-memory channel and the MT broker; kubectl is on PATH
#   IMAGE_IMPORT  a command that takes an image archive on its standard input and brings it to the nodes:
#                 'ctr -n k8s.io images import -', 'kind load image-archive /dev/stdin'
#   STAND_INS=1   where no image can be pulled: tests/stand_ins/make.sh makes the base, PostgreSQL and MinIO; as root, with debootstrap
#   SMALL_NODE=1  asks less CPU for Knative's own pods (10m each), where base's functions do not fit beside them
#   IMAGES=there  neither builds nor brings in: a run before this one did
#   KEEP=1        leave it running
#
# Port 9000 of this machine must be free: artifacts' URLs lead there, as the ConfigMap darkroom says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${KUBECONFIG:?names the cluster}"
[[ ${IMAGES:-} == there ]] || : "${IMAGE_IMPORT:?brings an image in}"
python=${PYTHON:-.venv/bin/python}
began=$SECONDS
said() { echo "$(printf '%4d' $((SECONDS - began))) s  $*"; }
k() { kubectl -n darkroom "$@"; }
mkdir -p build
log=build/cluster-test.log
: >$log
work=$(mktemp -d)
forwards=()

end() {
  code=$?
  if [[ $code != 0 ]]; then
    { k get pods,ksvc,job,trigger -o wide; k get events --sort-by=.lastTimestamp | tail -40; } >>$log 2>&1 || true
    for name in gateway gateway-internal gateway-worker bucket-source; do k logs "deploy/$name" --tail=60 >>$log 2>&1 || true; done
    echo "more: $log" >&2
  fi
  for pid in "${forwards[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  [[ ${KEEP:-} ]] || kubectl delete namespace darkroom --timeout=180s >>$log 2>&1 || true
  rm -rf "$work"
  exit $code
}
trap end EXIT

said "Kubernetes $(kubectl version -o json | "$python" -c 'import json, sys; print(json.load(sys.stdin)["serverVersion"]["gitVersion"])'), \
$(kubectl get node -o jsonpath='{.items[0].status.nodeInfo.containerRuntimeVersion}')"
if [[ ${IMAGES:-} != there ]]; then
  ours=(gateway bucket-source stills transcode embed-cpu)
  others=()
  if [[ ${STAND_INS:-} ]]; then
    tests/stand_ins/make.sh "$work/stand_ins" >"$work/images"
    set -a && source "$work/images" && set +a
    for name in postgres minio; do # under the names that the overlay has
      own=$(sed -n 's/^ *image: //p' "knative/overlays/dev/$name.yaml")
      stand_in=${name^^}_IMAGE
      docker tag "${!stand_in}" "$own"
      others+=("$own")
    done
    said "stand-ins made: ${others[*]}"
  fi
  for image in "${ours[@]}"; do
    docker build ${BASE:+--build-arg BASE=$BASE} ${TORCH_INDEX:+--build-arg TORCH_INDEX=$TORCH_INDEX} \
      -f infra/containers/Dockerfile --target "$image" -t "dev.local/darkroom/$image:0.1.0" . >>$log 2>&1
  done
  said "images built"
  for image in "${ours[@]/#/dev.local/darkroom/}"; do others+=("$image:0.1.0"); done
  for image in "${others[@]}"; do docker save "$image" | $IMAGE_IMPORT >>$log 2>&1; done
  said "${#others[@]} images brought in"
fi

for space in knative-serving knative-eventing; do
  kubectl -n $space patch configmap config-observability --type merge \
    -p '{"data": {"metrics-protocol": "prometheus", "request-metrics-protocol": "prometheus"}}' >>$log
  if [[ ${SMALL_NODE:-} ]]; then kubectl -n $space set resources deployment --all --requests=cpu=10m >>$log; fi
  for deployment in $(kubectl -n $space get deployment -o name); do kubectl -n $space rollout status "$deployment" --timeout=240s >>$log; done
done
said "Knative's metrics are on${SMALL_NODE:+, its pods ask for 10m of CPU each}"

secret() { openssl rand -hex 16; }
pg=$(secret) s3=$(secret)
kubectl create namespace darkroom >>$log
failed=0
said "what the API server, Knative's webhooks and Pod Security say to every overlay:"
"$python" -m pytest -q -rPs tests/cluster/test_admission.py "$@" || failed=1
k create secret generic darkroom \
  --from-literal=POSTGRES_PASSWORD="$pg" --from-literal=MINIO_ROOT_USER=darkroom --from-literal=MINIO_ROOT_PASSWORD="$s3" \
  --from-literal=DATABASE_URL="postgresql://darkroom:$pg@postgres.darkroom.svc.cluster.local:5432/darkroom" \
  --from-literal=OBJECT_STORE_URL="http://darkroom:$s3@minio.darkroom.svc.cluster.local:9000" \
  --from-literal=ATTEMPT_TOKEN_KEY="$(secret)" --from-literal=WEBHOOK_TOKEN="$(secret)" \
  --from-literal=WEBHOOK_SIGNING_KEY="$(secret)" >>$log
for try in $(seq 30); do # Knative's webhooks may refuse connections for a while after their pods are Available
  kubectl apply --server-side -k knative/overlays/dev >>$log 2>&1 && break
  [[ $try != 30 ]] || { tail -3 $log >&2; exit 1; }
  sleep 4
done
said "knative/overlays/dev applied: $(kubectl kustomize knative/overlays/dev | grep -c '^kind:') objects"
k wait --for=condition=complete job/darkroom-init --timeout=300s >>$log
k wait --for=condition=Available deployment --all --timeout=300s >>$log
for kind in broker trigger sinkbinding ksvc jobsink; do k wait --for=condition=Ready $kind --all --timeout=300s >>$log; done
said "ready: $(for kind in deployment ksvc trigger jobsink; do echo "$(k get $kind -o name | grep -vc -- '-deployment$') $kind"; done | xargs)"

forward() { # SERVICE LOCAL:REMOTE; a forward ends with its pod, and is made again
  setsid bash -c 'while :; do kubectl -n darkroom port-forward "service/$0" "$1"; sleep 0.3; done' "$1" "$2" >>build/cluster-forward.log 2>&1 &
  forwards+=($!)
}
port=$("$python" -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
forward gateway "$port:80"
forward minio 9000:9000
for _ in $(seq 60); do curl -fs "http://localhost:$port/readyz" >/dev/null && curl -fs http://localhost:9000/minio/health/ready && break; sleep 0.5; done
key=$(k exec deploy/gateway -c gateway -- python -m infra.cli.main keys create --name acceptance --scope read --scope write --scope admin 2>>$log)
export ACCEPTANCE_URL=http://localhost:$port DARKROOM_API_KEY=$key
said "a key is made; the acceptance tests:"
"$python" -m pytest -q -rs tests/acceptance "$@" || failed=1
said "what only a cluster can show:"
"$python" -m pytest -q -rPs tests/cluster --ignore=tests/cluster/test_admission.py "$@" || failed=1
said "done"
exit $failed
