# shellcheck shell=bash
# What really happened to a step, told by the step itself and not by the program under test.
#
# The catalog of the test puts this into BASH_ENV, so the first bash of every attempt reads it before its script,
# and nothing of the scripts has to be changed. Written for each attempt, in CHAOS (the folder of the witness):
#   lives     `start MARK PID`, `end MARK CODE`, and `twice MARK` where an earlier life of the step still lasts
#   MARK.out  a copy of all that the attempt has printed: tee gives each piece to the terminal first, then here
# The lock is inherited by every process of the attempt: it is free when the last of them is gone, not before.

if [[ -n "${STAGEGATE_STEP:-}" && -z "${WITNESSED:-}" ]]; then
  export WITNESSED="${STAGEGATE_STEP//\//:}"
  chaos_step="${WITNESSED#*:}"
  exec 9>> "${CHAOS}/lock.${chaos_step%:*}"
  flock --nonblock 9 || echo "twice ${WITNESSED}" >> "${CHAOS}/lives"
  echo "start ${WITNESSED} $$" >> "${CHAOS}/lives"
  # The kernel hangs up on the foreground when the first process of a session ends, and tee still has the last words.
  exec > >(trap '' HUP; exec tee -a "${CHAOS}/${WITNESSED}.out") 2>&1
  trap 'echo "end ${WITNESSED} $?" >> "${CHAOS}/lives"' EXIT
fi
