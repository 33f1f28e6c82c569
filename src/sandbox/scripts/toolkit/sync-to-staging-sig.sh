#!/usr/bin/env bash
# Copies the latest compose of a SIG repo to the folder of its SIG in staging.
# Usage: RLVER=8 bash sync-to-staging-sig.sh gluster9 storage

source "$(dirname -- "$0")/common"
source "${SANDBOX}/lib/practice.sh"

if [[ $# -lt 2 ]]; then
  echo "Not enough information."
  echo "You must use: shortname sig"
  exit 1
fi
SHORT="$1"
SIG="$2"
begin_step "${RLVER}/sync/${SHORT}"

LATEST="${COMPOSE_ROOT}/${RLVER}/latest-${SHORT}-${RLVER}"
cd -- "${LATEST}/compose" || { echo "Failed to change directory"; exit 1; }
if fault link-moves; then
  move_link "${LATEST}"
fi
if fault sync-exits-0-without-files; then
  exit 0
fi

TARGET="${STAGING_ROOT}/${CATEGORY_STUB}/${REV}/${SIG}"
mkdir -p -- "${TARGET}"
push_with_faults "${TARGET}"
