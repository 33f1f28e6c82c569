#!/usr/bin/env bash
# Makes the metadata of release @MAJOR@ in staging anew over all packages there are, older ones included, with groups
# and modules, and signs it. Between a sync and this, staging is not fit for anything.
# Usage: bash prep-staging-@MAJOR@.sh

export RLVER=@MAJOR@
source "$(dirname -- "$0")/common"
source "${SANDBOX}/lib/practice.sh"
source "$(dirname -- "$0")/staging-lib"
begin_step "${RLVER}/prep"

# Whether a repo's metadata has groups
has_groups() {
  [[ " ${MODS_REPOS[*]} " == *" $1 "* ]]
}

index() {
  local repo="$1" kind="$2" arch="${2%%/*}" comps
  local -a options=(--update "--distro=${DISTRO}")
  if [[ "${kind}" == */os ]] && has_groups "${repo}"; then
    comps="${COMPOSE_ROOT}/${RLVER}/latest-Rocky-${RLVER}/work/${arch}/comps/comps-${repo}.${arch}.xml"
    options+=("--groupfile=${comps}" --xz "--revision=${REVISION}" --workers=8 --checksum=sha256)
  fi
  echo "${repo}: ${kind}"
  createrepo "${options[@]}" "${RELEASE}/${repo}/${kind}" || failed=1
}

add_modules() {
  local repo="$1" arch="$2" scratch="${SANDBOX}/tmp/modules.yaml"
  echo "Modules: ${repo} ${arch}"
  if [[ "${repo}/${arch}" == AppStream/x86_64 ]] && fault modules-lost; then
    return
  fi
  cp -- "${COMPOSE_ROOT}/${RLVER}_metadata/${arch}/${repo}-modules.yaml" "${scratch}" || failed=1
  modifyrepo --mdtype=modules "${scratch}" "${RELEASE}/${repo}/${arch}/os/repodata" \
    --compress --compress-type=xz || failed=1
  rm -- "${scratch}"
}

sign_unless_planted() {
  if [[ "$1/$2" == AppStream/x86_64/os ]] && fault unsigned; then
    return
  fi
  sign "${RELEASE}/$1/$2" || failed=1
}

restore_treeinfo() {
  local treeinfo="${RELEASE}/BaseOS/$1/os/.treeinfo"
  if [[ -f "${treeinfo}-pristine" ]]; then
    cp -- "${treeinfo}-pristine" "${treeinfo}"
  else
    echo "WARNING: We do not have a pristine treeinfo to copy from"
  fi
}

failed=0
echo "** Updating source repos"
echo "** Updating arch repos as necessary **"
each_repository index

echo "** Update modules"
for repo in "${MODS[@]}"; do
  for arch in "${ARCHES[@]}"; do
    add_modules "${repo}" "${arch}"
  done
done

echo "** Fix variants"
for arch in "${ARCHES[@]}"; do
  restore_treeinfo "${arch}"
done

echo "** Signing all repositories"
each_repository sign_unless_planted
exit "${failed}"
