#!/usr/bin/env bash
# Brings a whole minor release to staging: every compose that is not a SIG's, its images and a kickstart tree, and
# signs it. Not to be run twice: kickstart is what was released on the first day.
# Usage: RLVER=8 bash minor-release-sync-to-staging.sh

source "$(dirname -- "$0")/common"
source "${SANDBOX}/lib/practice.sh"
source "$(dirname -- "$0")/staging-lib"
begin_step "${RLVER}/minor-sync"

HERE="$(cd -- "$(dirname -- "$0")" && pwd)"
failed=0

sync_compose() {
  echo "$1: Syncing"
  cd -- "${COMPOSE_ROOT}/${RLVER}/latest-$1-${RLVER}/compose" || { echo "$1: Failed to change directory"; return 1; }
  push_with_faults "${RELEASE}"
}

# Gathers the images of an arch in isos/ARCH, with one CHECKSUM over them.
gather_images() {
  local arch="$1" variant file target="${RELEASE}/isos/$1"
  mkdir -p -- "${target}"
  for variant in BaseOS Minimal; do
    echo "${variant} ${arch}: Copying ISO images"
    for file in "${RELEASE}/${variant}/${arch}/iso"/*.iso "${RELEASE}/${variant}/${arch}/iso"/*.iso.manifest; do
      if [[ -f "${file}" ]]; then
        cp -p -- "${file}" "${target}/"
      fi
    done
  done
  cd -- "${target}" || return 1
  for file in *.iso; do
    [[ -f "${file}" ]] || continue
    printf '# %s: %s bytes\n%s\n' "${file}" "$(stat -c %s -- "${file}")" "$(sha256sum --tag -- "${file}")"
    pause 0.3
  done | tee CHECKSUM
}

make_kickstart() {
  local source="${RELEASE}/$1/$2/os" target="${RELEASE}/$1/$2/kickstart"
  if [[ -d "${source}" && ! -e "${target}" ]]; then
    echo "Making golden kickstart directory: $1 $2"
    cp -a -- "${source}" "${target}"
  fi
}

# Tells the installer that AppStream belongs to the tree of BaseOS.
extend_treeinfo() {
  local arch="$1" kind="$2" treeinfo="${RELEASE}/BaseOS/$1/$2/.treeinfo" line inside=
  [[ -f "${treeinfo}" ]] || return 0
  while IFS= read -r line; do
    [[ "${line}" != "["* ]] || inside="${line}"
    if [[ "${inside}" == "[variant-AppStream]" ]]; then
      continue
    elif [[ "${inside}" == "[tree]" && "${line}" == variants* ]]; then
      line="variants = AppStream,BaseOS"
    fi
    printf '%s\n' "${line}"
  done < "${treeinfo}" > "${SANDBOX}/tmp/treeinfo.$$"
  cat >> "${SANDBOX}/tmp/treeinfo.$$" << TREEINFO

[variant-AppStream]
id = AppStream
name = AppStream
packages = ../../../AppStream/${arch}/${kind}/Packages
repository = ../../../AppStream/${arch}/${kind}/
type = variant
uid = AppStream
TREEINFO
  mv -- "${SANDBOX}/tmp/treeinfo.$$" "${treeinfo}"
  cp -- "${treeinfo}" "${treeinfo}-pristine"
}

mkdir -p -- "${RELEASE}"
for compose in "${NONSIG_COMPOSE[@]}"; do
  sync_compose "${compose}" || failed=1
done
for arch in "${ARCHES[@]}"; do
  gather_images "${arch}" || failed=1
done
for arch in "${ARCHES[@]}"; do
  for repo in "${MODS_REPOS[@]}"; do
    make_kickstart "${repo}" "${arch}" || failed=1
  done
done
echo "Ensuring treeinfo is correct"
for arch in "${ARCHES[@]}"; do
  extend_treeinfo "${arch}" os || failed=1
  extend_treeinfo "${arch}" kickstart || failed=1
done

echo "Signing all repositories"
bash "${HERE}/sign-repos-only.sh" || failed=1

echo "Setting symlink to ${REV}"
ln -sfn -- "${REV}" "${STAGING_ROOT}/${CATEGORY_STUB}/latest-${RLVER}" || failed=1
exit "${failed}"
