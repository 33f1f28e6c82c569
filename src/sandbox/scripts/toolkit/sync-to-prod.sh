#!/usr/bin/env bash
# Copies a release from staging to production and tells the mirrors, by writing the file lists anew.
# Usage: RLVER=8 bash sync-to-prod.sh

source "$(dirname -- "$0")/common"
source "${SANDBOX}/lib/practice.sh"
begin_step "${RLVER}/publish"

cd -- "${STAGING_ROOT}/${CATEGORY_STUB}/${REV}" || { echo "Failed to change directory"; exit 1; }
# What is appended to the revision in staging stays there.
TARGET="${PRODUCTION_ROOT}/${CATEGORY_STUB}/${REVISION}"
mkdir -p -- "${TARGET}"
# As in the real script, what happens here does not show in the exit code.
push_with_faults "${TARGET}"

# publish_list NAME COMMAND...: writes the command's output to that list, whole or not at all.
publish_list() {
  local name="$1" scratch="${SANDBOX}/tmp/$1.$$"
  shift
  if "$@" > "${scratch}"; then
    mv -- "${scratch}" "${name}"
  else
    rm -- "${scratch}"
    return 1
  fi
}

cd -- "${PRODUCTION_ROOT}/${CATEGORY_STUB}" || { echo "Failed to change directory"; exit 1; }
hardlink -x '.*\.xml.*' "${REVISION}"
pause 0.5
publish_list fullfilelist create-filelist --names
if [[ -f fullfiletimelist-rocky ]]; then
  cp -- fullfiletimelist-rocky fullfiletimelist-rocky-old
fi
publish_list fullfiletimelist-rocky create-filelist &&
  publish_list fullfiletimelist cat fullfiletimelist-rocky
