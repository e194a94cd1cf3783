#!/bin/bash
# A command of Seedbed as an array of Slurm, one task per shard: sbatch array.sh OUT COMMAND...
#SBATCH --job-name=seedbed
#SBATCH --array=0-99%20
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=2G
#SBATCH --time=01:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%A_%a.log

out=$1; shift
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
"${SEEDBED:-node_modules/.bin/seedbed}" "$@" --shard "${SHARD:-auto}" --out "$out" &
child=$!

# A minute before the time is over, or before somebody else's job takes the node, Slurm says TERM to this script alone.
trap 'kill -TERM "$child"' TERM
wait "$child"; code=$?
# The signal ends the first wait; the second gives what Seedbed ends with.
if [ "$code" -gt 128 ]; then wait "$child"; code=$?; fi

# 75: stopped, what is done is kept, start it again.
if [ "$code" = 75 ]; then scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"; fi
exit "$code"
