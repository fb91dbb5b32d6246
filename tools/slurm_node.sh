#!/usr/bin/env bash
# A real Slurm on one machine, for tests: tools/slurm_node.sh install | start FOLDER [NODES] | stop FOLDER
# Works as root, in a container, without systemd and whatever the host is called. After `start`, with
# SLURM_CONF=FOLDER/slurm.conf in the environment, sbatch, squeue, scancel and scontrol work as on a cluster of NODES.
set -euo pipefail

fail() {
  echo "error: $1" >&2
  exit 1
}

install() {
  command -v sbatch slurmctld slurmd munged scontrol >/dev/null && return
  [[ $(id -u) == 0 ]] || fail "Slurm is not installed, and only root can install it: apt-get install slurm-wlm munge"
  command -v apt-get >/dev/null || fail "Slurm is not installed, and there is no apt-get: install Slurm and munge"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -q slurm-wlm munge >/dev/null || { apt-get update -q && apt-get install -y -q slurm-wlm munge; }
}

until_true() { # SECONDS WHAT COMMAND...
  local -i left=$(($1 * 10))
  local what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((left-- > 0)) || fail "$what did not come up; see the logs in $folder"
    sleep 0.1
  done
}

start() {
  local host mb port=$((20000 + $$ % 1000 * 10)) # of the controller; the nodes have those that follow
  [[ $(id -u) == 0 ]] || fail "slurmctld and slurmd need root here"
  command -v sbatch slurmctld slurmd munged scontrol >/dev/null || fail "no Slurm here: run $0 install"
  [[ ! -e $folder/slurmctld.pid ]] || fail "$folder/slurmctld.pid is there: run $0 stop $folder first"
  mkdir -p "$folder/state" "$folder/spool"
  host=$(hostname -s) mb=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 1024))
  # A requeued task begins after cred_expire, by default two minutes; 5 s is the least that Slurm takes.
  # Four CPUs a node even on a small machine: Slurm counts them, it does not look.
  cat >"$folder/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
KillWait=2
MinJobAge=300
DefMemPerCPU=1
NodeName=node[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=4 RealMemory=$mb
PartitionName=one Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF=$folder/slurm.conf
  if ! munge -n >/dev/null 2>&1; then
    [[ -s /etc/munge/munge.key ]] || (umask 077 && head -c 1024 /dev/urandom >/etc/munge/munge.key && chown munge: /etc/munge/munge.key)
    mkdir -p /run/munge /var/log/munge /var/lib/munge
    chown munge: /run/munge /var/log/munge /var/lib/munge
    chmod 755 /run/munge
    runuser -u munge -- /usr/sbin/munged --pid-file="/run/munge/munged.pid" && touch "$folder/our_munged"
    until_true 10 munged munge -n
  fi
  # The daemons outlive this script, and must not hold its caller's pipes open.
  slurmctld -c >"$folder/start.log" 2>&1 </dev/null || fail "slurmctld did not start: $(cat "$folder/start.log")"
  until_true 15 slurmctld scontrol ping
  for ((n = 1; n <= nodes; n++)); do
    mkdir -p "$folder/spool/node$n"
    slurmd -N "node$n" >>"$folder/start.log" 2>&1 </dev/null || fail "slurmd did not start: $(cat "$folder/start.log")"
  done
  until_true 15 "a node" ready
}

ready() { [[ $(sinfo --noheader --format '%T %D') == "idle $nodes" ]]; }

stop() {
  local pid
  export SLURM_CONF=$folder/slurm.conf
  if scancel --user=root 2>/dev/null; then until_true 15 "an empty queue" nothing_queued; fi
  for pid in "$folder"/*.pid; do end "$pid"; done
  if [[ -e $folder/our_munged ]]; then
    end /run/munge/munged.pid
    rm "$folder/our_munged"
  fi
}

nothing_queued() { [[ -z $(squeue --noheader) ]]; }

end() { # PIDFILE: end that daemon and wait until it is gone
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  for _ in {1..100}; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$1"
}

usage="usage: $0 install | start FOLDER [NODES] | stop FOLDER"
[[ $# -ge 2 || ${1:-} == install ]] || fail "$usage"
folder=$(realpath -m "${2:-.}") nodes=${3:-1}
[[ $nodes == [1-9] ]] || fail "1 to 9 nodes"
case $1 in install | start | stop) "$1" ;; *) fail "$usage" ;; esac
