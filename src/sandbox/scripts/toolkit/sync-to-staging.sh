#!/usr/bin/env bash
# Copies the latest compose of a repo to staging.
# Usage: RLVER=8 bash sync-to-staging.sh Rocky

source "$(dirname -- "$0")/common"
source "${SANDBOX}/lib/practice.sh"

if [[ $# -eq 0 ]]; then
  echo "You must specify a short name."
  exit 1
fi
SHORT="$1"
begin_step "${RLVER}/sync/${SHORT}"

LATEST="${COMPOSE_ROOT}/${RLVER}/latest-${SHORT}-${RLVER}"
cd -- "${LATEST}/compose" || { echo "Failed to change directory"; exit 1; }
if fault link-moves; then
  move_link "${LATEST}"
fi
if fault sync-exits-0-without-files; then
  exit 0
fi

TARGET="${STAGING_ROOT}/${CATEGORY_STUB}/${REV}"
mkdir -p -- "${TARGET}"
push_with_faults "${TARGET}"
