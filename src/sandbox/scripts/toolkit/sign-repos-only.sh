#!/usr/bin/env bash
# Signs the metadata of every repository of a release in staging.
# Usage: RLVER=8 bash sign-repos-only.sh

source "$(dirname -- "$0")/common"
source "${SANDBOX}/lib/practice.sh"
source "$(dirname -- "$0")/staging-lib"
begin_step "${RLVER}/sign"

failed=0
sign_one() {
  local folder="${RELEASE}/$1/$2"
  echo "$1: $2"
  if [[ "$1/$2" == AppStream/x86_64/os ]] && fault unsigned; then
    rm -f -- "${folder}/repodata/repomd.xml.asc"
    return
  fi
  sign "${folder}" || failed=1
  pause 0.02
}

echo "** Signing all repositories"
each_repository sign_one
exit "${failed}"
