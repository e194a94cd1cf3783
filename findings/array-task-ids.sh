#!/usr/bin/env bash
# Guess: in a Slurm array each task has a SLURM_JOB_ID of its own, and scancel or scontrol requeue with it stops or repeats that task.
# Happens: the task that started last has the array's own id: scancel "$SLURM_JOB_ID" there kills the whole array, and scontrol requeue starts all of it again. In every other task scancel "$SLURM_JOB_ID" does nothing, says nothing and returns 0. Name a task by SLURM_ARRAY_JOB_ID and SLURM_ARRAY_TASK_ID, 12_3.
# Version: Slurm 22.05.8 (Debian 12); source: the array's record is that of its last task once the others are split off, and an id without _TASK means the whole array (slurm.schedmd.com/job_array.html, scancel.html).
set -euo pipefail
need() { command -v "$1" >/dev/null || { echo "needs Debian's slurm-wlm and munge (no $1)"; exit 2; }; }
PATH=$PATH:/usr/sbin; need slurmctld; need slurmd; need sbatch; need munged
[ "$(id -u)" = 0 ] || { echo 'needs root, for slurmd'; exit 2; }
dir=$(mktemp -d); chmod 755 "$dir"; started=()
stop() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$dir"; }
trap stop EXIT

name=$(hostname -s)
install -d -o munge -g munge -m 755 "$dir/munge"
(umask 077; head -c 1024 /dev/urandom > "$dir/munge/key"); chown munge "$dir/munge/key"
setpriv --reuid munge --regid munge --clear-groups "$(command -v munged)" -F --force --socket="$dir/munge/socket" --key-file="$dir/munge/key" \
  --log-file="$dir/munge/log" --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed" >/dev/null 2>&1 & started+=($!)
mkdir "$dir/state" "$dir/spool"
cat > "$dir/slurm.conf" <<CONF
ClusterName=findings
SlurmctldHost=$name(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmctldPort=27817
SlurmdPort=27818
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
NodeName=$name NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
for _ in $(seq 20); do [ -S "$dir/munge/socket" ] && break; sleep .5; done
slurmctld -D >/dev/null 2>&1 & started+=($!)
slurmd -D >/dev/null 2>&1 & started+=($!)
for _ in $(seq 60); do sinfo -h 2>/dev/null | grep -q idle && break; sleep 1; done
sinfo -h | grep -q idle || { echo 'the one-machine cluster did not start'; tail -5 "$dir"/*.log; exit 2; }

cat > "$dir/task.sh" <<'TASK'
#!/bin/bash
at=$OUT/$SLURM_ARRAY_TASK_ID
echo "task $SLURM_ARRAY_TASK_ID of array $SLURM_ARRAY_JOB_ID: job $SLURM_JOB_ID" >> "$at"
sleep 3
if [ "$SLURM_ARRAY_TASK_ID" = "$ACTOR" ] && [ -z "${SLURM_RESTART_COUNT:-}" ]; then
  $COMMAND "$SLURM_JOB_ID" >> "$at" 2>&1; echo "$COMMAND: exit $?" >> "$at"
fi
sleep 5
echo "task $SLURM_ARRAY_TASK_ID ends" >> "$at"
TASK
# Two tasks at once on two processors; the second to start is the last.
try() {
  export ACTOR=$1 COMMAND=$2 OUT=$dir/out-$3; mkdir "$OUT"
  timeout 90 sbatch -W -o /dev/null --export=ALL --array=0-1 "$dir/task.sh" >/dev/null || true
  echo "-- $COMMAND with its own SLURM_JOB_ID, in task $ACTOR"; cat "$OUT/0" "$OUT/1"
}
scontrol --version
try 1 scancel last
try 0 scancel first
# The restart itself comes a minute or two later; the controller counts it at once.
export ACTOR=1 COMMAND='scontrol requeue' OUT=$dir/out-again; mkdir "$OUT"
array=$(sbatch --parsable -o /dev/null --export=ALL --array=0-1 "$dir/task.sh")
for _ in $(seq 40); do grep -qs 'exit' "$OUT/1" && break; sleep 1; done
sleep 3
restarts=$(scontrol show job "${array}_0" | grep -o 'Restarts=[0-9]*')
scancel "$array"
echo "-- $COMMAND with its own SLURM_JOB_ID, in task 1"; cat "$OUT/0" "$OUT/1"; echo "task 0, which did not ask: $restarts"
ends() { cat "$dir/out-$1"/? | grep -c ends || true; }
if [ "$(ends last)" != 0 ] || [ "$(ends first)" != 2 ] || ! grep -q 'scancel: exit 0' "$dir/out-first/0" || [ "$restarts" != Restarts=1 ]; then
  echo "CHANGED: tasks that ended: $(ends last) of 0, $(ends first) of 2; task 0 $restarts, not 1"; exit 1
fi
echo 'as known: one id is the whole array, the others are nobody'
