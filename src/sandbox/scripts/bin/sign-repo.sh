#!/usr/bin/env bash
# Signs one repomd.xml: sign-repo.sh .../repodata/repomd.xml
# Where the real host calls gpg with the release key, the practice host calls its own signer.

if [[ $# -ne 1 || ! -f "$1" ]]; then
  echo "usage: sign-repo.sh repomd.xml" >&2
  exit 2
fi
exec "$(dirname -- "$0")/sandbox-sign" "$1"
