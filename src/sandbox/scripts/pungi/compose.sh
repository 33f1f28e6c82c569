# shellcheck shell=bash
# What every compose script does; sourced by it with MAJOR, SHORT (the repo) and CONFIG set.

HERE="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"
SANDBOX="$(cd -- "${HERE}/../.." && pwd)"
source "${SANDBOX}/lib/practice.sh"
begin_step "${MAJOR}/compose/${SHORT}"

planted=
if fault compose-doomed; then
  planted=compose-doomed
fi
PRACTICE_FAULT="${planted}" exec pungi-koji --no-label --config="${HERE}/../${CONFIG}" \
  --target-dir="${SANDBOX}/mnt/compose/${MAJOR}" --old-composes="${SANDBOX}/mnt/compose/${MAJOR}"
