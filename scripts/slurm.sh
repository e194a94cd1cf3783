#!/usr/bin/env bash
# Runs docs/many-machines/array.sh on a Slurm of this one machine, two tasks at a time, with a merge that depends on it, and compares
# what it gives with what one process gives. One task is told to stop, as before the end of its time: it is requeued and goes on.
# Needs Debian's slurm-wlm and munge, and root for slurmd. Takes about five minutes: a requeued task waits two.
set -euo pipefail
need() { command -v "$1" >/dev/null || { echo "skipped: needs Debian's slurm-wlm and munge (no $1)"; exit 0; }; }
PATH=$PATH:/usr/sbin; for tool in slurmctld slurmd sbatch munged; do need "$tool"; done
[ "$(id -u)" = 0 ] || { echo 'skipped: needs root, for slurmd'; exit 0; }

project=$(realpath "$(dirname "$0")/..")
dir=$(mktemp -d); chmod 755 "$dir"; started=()
stop() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$dir"; }
trap stop EXIT

# The cluster: munge for its passwords, a controller, a node of two processors.
host=$(hostname -s)
install -d -o munge -g munge -m 755 "$dir/munge"
(umask 077; head -c 1024 /dev/urandom > "$dir/munge/key"); chown munge "$dir/munge/key"
setpriv --reuid munge --regid munge --clear-groups munged -F --force --socket="$dir/munge/socket" --key-file="$dir/munge/key" \
  --log-file="$dir/munge/log" --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed" >/dev/null 2>&1 & started+=($!)
mkdir "$dir/state" "$dir/spool"
cat > "$dir/slurm.conf" <<CONF
ClusterName=seedbed
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmctldPort=27917
SlurmdPort=27918
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
for _ in $(seq 20); do [ -S "$dir/munge/socket" ] && break; sleep .5; done
slurmctld -D >/dev/null 2>&1 & started+=($!)
slurmd -D >/dev/null 2>&1 & started+=($!)
for _ in $(seq 60); do sinfo -h 2>/dev/null | grep -q idle && break; sleep 1; done
sinfo -h | grep -q idle || { echo 'the cluster did not start'; tail -5 "$dir"/*.log; exit 1; }
scontrol --version

# The guide's two lines, on a small job.
cd "$dir"
export SEEDBED="$project/bin/seedbed.js" OMP_NUM_THREADS=1
shards=6; words=(sample --count 320 --rng 7)
array=$(sbatch --parsable --export=ALL --array="0-$((shards - 1))%2" "$project/docs/many-machines/array.sh" "$dir/out" "${words[@]}")
merge=$(sbatch --parsable --export=ALL --dependency="afterok:$array" --output="$dir/merge.log" --wrap "$SEEDBED merge $dir/out")
echo "array $array of $shards shards, merge $merge after it"

# Task 0 is told to stop when it has kept a piece.
for _ in $(seq 600); do ls "$dir"/out/.unfinished-*-shard-0-*/piece-* >/dev/null 2>&1 && break; sleep .2; done
until scancel --batch --signal=TERM "${array}_0" 2>/dev/null; do sleep 1; done
for _ in $(seq 120); do [ "$(squeue -h -j "$array,$merge" | wc -l)" = 0 ] && break; sleep 5; done
restarts=$(scontrol show job "${array}_0" | grep -o 'Restarts=[0-9]*')
grep -h 'stopped after' "$dir"/slurm-*_0.log || true
echo "task 0: $restarts"
cat "$dir/merge.log"

"$SEEDBED" "${words[@]}" --quiet --out "$dir/one"
for file in seeds.safetensors pictures.npy pictures.png; do cmp "$dir/out/$file" "$dir/one/$file"; done
[ "$restarts" = Restarts=1 ] || { echo 'task 0 was to be started twice'; exit 1; }
echo "$(ls -d "$dir"/out/shard-* | wc -l) shards by Slurm, one of them stopped and requeued: the same bytes as one process gives"
