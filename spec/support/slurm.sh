#!/usr/bin/env bash
# A Slurm cluster of one node on this machine, as root, for specs. All that it writes lies in FOLDER.
#
#     slurm.sh start FOLDER OWNER       munged, slurmctld, slurmd; they end when the process OWNER has ended
#     slurm.sh restart FOLDER DAEMON    ends slurmctld or slurmd by SIGTERM, and starts it again
#     slurm.sh stop FOLDER              ends daemons and jobs
#
# Clients need SLURM_CONF=FOLDER/slurm.conf. MAX_ARRAY_SIZE (20) and NODE_CPUS (8) are read from the environment.
set -euo pipefail

command=$1 folder=$2
host=$(hostname -s)

is_taken() { (: < "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

write_configuration() {
  local port
  while port=$((20000 + RANDOM % 12000)); is_taken "$port" || is_taken $((port + 1)); do :; done
  cat > "$folder/slurm.conf" <<CONF
ClusterName=moonbow
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=3
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pidfile
SlurmdPidFile=$folder/slurmd.pidfile
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
MaxArraySize=${MAX_ARRAY_SIZE:-20}
JobRequeue=1
ReturnToService=2
KillWait=1
MinJobAge=300
NodeName=$host NodeAddr=127.0.0.1 CPUs=${NODE_CPUS:-8} RealMemory=1000
PartitionName=all Nodes=$host Default=YES MaxTime=10 State=UP
CONF
}

# Starts a daemon that stays in the foreground, in a session of its own.
launch() {
  local name=$1
  shift
  SLURM_CONF=$folder/slurm.conf setsid "$@" > "$folder/$name.out" 2>&1 < /dev/null &
  echo $! > "$folder/$name.pid"
}

launch_daemon() {
  case $1 in
    munged) launch munged munged --force --foreground --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
      --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" ;;
    slurmctld) launch slurmctld slurmctld -D -f "$folder/slurm.conf" ;;
    slurmd) launch slurmd slurmd -D -f "$folder/slurm.conf" -N "$host" ;;
  esac
}

# Waits up to 15 s for a command to succeed.
wait_for() {
  for _ in $(seq 150); do
    if "$@" > /dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "slurm.sh: waited in vain for: $*" >&2
  tail -n 5 "$folder"/*.out >&2
  exit 1
}

is_up() { SLURM_CONF=$folder/slurm.conf sinfo -h -o %T | grep -qE '^(idle|mixed|allocated)$'; }

# True for a process that does not run; one that nobody has waited for (a zombie) does not, either.
is_gone() { ! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null; }

end_daemon() {
  local pid
  pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 0
  kill "-$2" "$pid" 2>/dev/null || true
  wait_for is_gone "$pid"
  rm -f "$folder/$1.pid"
}

# Numbers of the processes whose environment names our configuration: daemons of steps, and jobs.
ours() {
  grep -lzxF "SLURM_CONF=$folder/slurm.conf" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | grep -vxE "$$|$PPID" || true
}

stop() {
  local name
  for name in slurmctld slurmd; do end_daemon $name KILL; done
  for _ in 1 2 3; do
    ours | xargs -r kill -9 2>/dev/null || true
  done
  end_daemon munged KILL
}

case $command in
  start)
    mkdir -p "$folder/munge" "$folder/state" "$folder/spool"
    chmod 755 "$folder"
    (umask 077; dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none)
    write_configuration
    unset SLURM_CONF
    setsid "$0" watch "$folder" "$3" > /dev/null 2>&1 < /dev/null &
    launch_daemon munged
    wait_for test -S "$folder/munge/socket"
    launch_daemon slurmctld
    launch_daemon slurmd
    wait_for is_up ;;
  restart)
    end_daemon "$3" TERM
    launch_daemon "$3"
    wait_for is_up ;;
  watch)
    while ! is_gone "$3" && [ -e "$folder/slurm.conf" ]; do sleep 0.5; done
    stop ;;
  stop)
    unset SLURM_CONF
    stop ;;
esac
