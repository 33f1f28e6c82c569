# shellcheck shell=bash
# What really happened to a step, told by the step itself and not by the program under test.
#
# The catalog of the test puts this into BASH_ENV, so the first bash of every attempt reads it before its script,
# and nothing of the scripts has to be changed. Written for each attempt, in CHAOS (the folder of the witness):
#   lives     `start MARK TEE`, `end MARK CODE`, and `twice MARK` where an earlier life of the step still lasts
#   MARK.out  a copy of all that the attempt has printed: tee gives each piece to the terminal first, then here
# The lock is inherited by every process of the attempt: it is free when the last of them is gone, not before.

if [[ -n "${STAGEGATE_STEP:-}" && -z "${WITNESSED:-}" ]]; then
  # What stands behind the @ names the state folder.
  export WITNESSED="${STAGEGATE_STEP%@*}"
  WITNESSED="${WITNESSED//\//:}"
  chaos_step="${WITNESSED#*:}"
  exec 9>> "${CHAOS}/lock.${chaos_step%:*}"
  flock --nonblock --conflict-exit-code 99 9
  [[ $? -ne 99 ]] || echo "twice ${WITNESSED}" >> "${CHAOS}/lives"
  # The kernel hangs up on the foreground when the first process of a session ends, and tee still has the last words.
  exec > >(trap '' HUP; exec tee -a "${CHAOS}/${WITNESSED}.out") 2>&1
  # From here on it may be killed.
  echo "start ${WITNESSED} $!" >> "${CHAOS}/lives"
  # Where the story wants it, more than a terminal holds comes at once.
  [[ ! -e "${CHAOS}/flood" || "${WITNESSED}" != *:sync:* ]] || "${CHAOS}/../bin/sandbox-flood" 6
  trap 'echo "end ${WITNESSED} $?" >> "${CHAOS}/lives"' EXIT
fi
