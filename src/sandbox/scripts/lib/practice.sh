# shellcheck shell=bash
# What only the practice host has: its speed, and failures planted on purpose.
# Sourced after SANDBOX names the folder of the host.

# The practice tools come before the machine's own.
export PATH="${SANDBOX}/bin:${PATH}"

# pause SECONDS: waits at watch speed, not at all at instant.
pause() {
  local speed=instant
  [[ -r "${SANDBOX}/speed" ]] && read -r speed < "${SANDBOX}/speed"
  [[ "${speed}" != watch ]] || sleep "$1"
}

# fault NAME: succeeds if that failure was planted for this step, and uses it up.
fault() {
  local file="${SANDBOX}/faults/$1@${STEP//\//:}"
  [[ -e "${file}" ]] && rm -- "${file}"
}

# begin_step STEP: names the step that is running (8/sync/Rocky) and lets the failures strike that any step can have.
begin_step() {
  STEP="$1"
  if fault flood; then
    sandbox-flood 200
  fi
  if fault hostile; then
    sandbox-zoo "${ZOO_MEGABYTES:-100}"
  fi
  if fault prompt; then
    ask_password
  fi
  if fault step-hangs; then
    hang
  fi
  if fault step-fails; then
    echo "mount.nfs4: Connection timed out" >&2
    echo "Failed to change directory" >&2
    exit 1
  fi
}

# Asks as sudo does: on the terminal itself, without echo. Any answer will do.
ask_password() {
  local answer modes
  if ! { true < /dev/tty; } 2> /dev/null; then
    echo "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper" >&2
    echo "sudo: a password is required" >&2
    exit 1
  fi
  # Whoever sees the question may answer at once: the echo is off before it stands there.
  modes="$(stty -g < /dev/tty)"
  stty -echo < /dev/tty
  printf '[sudo] password for %s: ' "${USER:-root}" > /dev/tty
  IFS= read -r answer < /dev/tty
  stty "${modes}" < /dev/tty
  printf '\n' > /dev/tty
  unset answer
}

# Never ends, and leaves a child that does not listen to TERM, nor to the terminal's end when its shell is gone.
hang() {
  echo "Waiting for the metadata lock..."
  bash -c 'trap "" TERM HUP; echo "Still waiting..."; while :; do sleep 3600; done' &
  wait
}

# push_trees TARGET [FAULT TREE]: copies each DIR/SUBDIR of the working directory below TARGET. With --tag in
# PARALLEL three at a time, else one after the other. FAULT strikes in the copy of TREE.
# Returns the number of copies that failed, as GNU parallel does.
push_trees() {
  local target="$1" strikes="${2:-}" where="${3:-}"
  local tree pid planted seq=0 failed=0 width=1
  local -a pids=()
  [[ " ${PARALLEL:-} " != *" --tag "* ]] || width=3
  sandbox-job --open
  for tree in */*/; do
    tree="${tree%/}"
    [[ -d "${tree}" && ! -L "${tree}" ]] || continue
    planted=
    [[ "${tree}" != "${where}" ]] || planted="${strikes}"
    seq=$((seq + 1))
    PRACTICE_FAULT="${planted}" sandbox-job "${seq}" "${tree}" \
      rsync -av --chown=10004:10005 --progress --relative --human-readable "${tree}" "${target}" &
    pids+=("$!")
    if (( ${#pids[@]} >= width )); then
      wait "${pids[0]}" || failed=$((failed + 1))
      pids=("${pids[@]:1}")
    fi
  done
  for pid in "${pids[@]}"; do
    wait "${pid}" || failed=$((failed + 1))
  done
  return "${failed}"
}

# first_tree PREFERRED: prints that tree if it is here, else the first one.
first_tree() {
  local tree
  if [[ -d "$1" ]]; then
    echo "$1"
    return
  fi
  for tree in */*/; do
    echo "${tree%/}"
    return
  done
}

# push_with_faults TARGET: the copy of a sync or of the push to production, in which the disk may fill up or a
# transfer may die in one tree.
push_with_faults() {
  local strikes=
  if fault disk-full; then
    strikes=disk-full
  elif fault partial-push; then
    strikes=partial-push
  fi
  push_trees "$1" "${strikes}" "$(first_tree AppStream/x86_64)"
}

# move_link LINK: points it to another compose of the same repo, as a colleague's compose that ends now would.
move_link() {
  local now other name
  now="$(readlink -- "$1")"
  name="${1##*/latest-}"
  name="${name%-*}"
  for other in "${1%/*}/${name}"-[0-9]*/; do
    other="${other%/}"
    if [[ "${other##*/}" != "${now}" ]]; then
      ln -sfn -- "${other##*/}" "$1"
      return
    fi
  done
}
