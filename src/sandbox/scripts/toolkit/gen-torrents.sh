#!/usr/bin/env bash
# Makes a torrent for each image of a release and puts it where the seeding box looks for new ones.
# Not to be run twice for one revision: the scaffolding is in use from then on.
# Usage: RLVER=8 bash gen-torrents.sh FOLDER, which holds the images as ARCH/Rocky-REVISION-ARCH-VARIANT.iso

source "$(dirname -- "$0")/common"
source "${SANDBOX}/lib/practice.sh"
begin_step "${RLVER}/torrents"

if [[ $# -eq 0 ]]; then
  echo "usage: gen-torrents <torrentdir>"
  exit 1
fi
case "$1" in
  /*) ISODIR="$1" ;;
  *) ISODIR="${PWD}/$1" ;;
esac

LOCK="${SANDBOX}/tmp/gen-torrents.lock"
if ! mkdir -- "${LOCK}" 2> /dev/null; then
  echo "Script is already running"
  exit 1
fi
trap 'rmdir -- "${LOCK}"' EXIT

DOWNLOAD="${SANDBOX}/opt/rtorrent/download"
START="${SANDBOX}/opt/rtorrent/watch/start"
TRACKERS=(
  "udp://tracker.opentrackr.org:1337/announce"
  "udp://tracker.openbittorrent.com:80/announce"
)

names=()
echo "* Step 1: Create scaffolding and link"
for variant in "${VARIANTS[@]}"; do
  for arch in "${ARCHES[@]}"; do
    name="Rocky-${REVISION}-${arch}-${variant}"
    image="${ISODIR}/${arch}/${name}.iso"
    if [[ ! -f "${image}" ]]; then
      echo "** ${image} - Does not exist. Skipping."
      continue
    fi
    echo "** Making directory: ${DOWNLOAD}/${name}"
    mkdir -- "${DOWNLOAD}/${name}" || exit 2
    for file in "${ISODIR}/${arch}"/CHECKSUM* "${image}"*; do
      if [[ -f "${file}" ]]; then
        ln -sv -- "${file}" "${DOWNLOAD}/${name}/"
      fi
    done
    names+=("${name}")
  done
done

echo "* Step 2: Generate torrents"
if [[ ${#names[@]} -eq 0 ]]; then
  echo "**[ERROR] No images in ${ISODIR}"
  exit 1
fi
for name in "${names[@]}"; do
  echo "** Creating torrent for ${DOWNLOAD}/${name}"
  torrenttools create --announce "${TRACKERS[@]}" --name "${name}" --exclude '.*\/CHECKSUM.asc' \
    --output "${START}" --threads 10 --comment "https://docs.rockylinux.org/release_notes/${REVISION}/" \
    "${DOWNLOAD}/${name}" || { echo "**[ERROR] Failed to create torrent."; exit 1; }
done
