#!/usr/bin/env bash
# Drives the real sync toolkit, unmodified, with the built-in catalog, and says whether Stagegate saw what happened.
#
#   tests/toolkit/run.sh TOOLKIT [STAGEGATE]
#
# TOOLKIT    the folder with the toolkit's sync scripts of 2021 (release 8.5, suffix -RC1): `common`, `common_8`,
#            `sync-to-staging.sh`, `prep-staging-8.sh`, `sync-to-prod.sh` and their siblings
# STAGEGATE  the program; without it the debug build of this checkout
#
# It needs root, and these programs: bash, GNU parallel, rsync, createrepo_c and modifyrepo_c, gpg, hardlink (of
# util-linux), sudo, ansible-playbook, python3, git, unshare. Nothing of the machine is touched: everything happens
# in a mount and process namespace of its own, in which /mnt, /root, /etc, /run, /tmp and /usr/local are other
# folders, and whose processes end with it. /mnt/koji, /mnt/compose, /mnt/repos-staging and /mnt/repos-production
# are real mounts there.
#
# The catalog is what `stagegate config` prints, not one byte changed. Only what the team's hosts have and the
# toolkit does not bring is put in its place: composes (from `stagegate sandbox`: small packages in rpm's own
# format), a signing script with a fresh gpg key, a create-filelist, an errata box behind `ssh` that runs the real
# ansible-playbook.
#
# One line a claim, `ok` or `FAILED`, and at the end `N passed, N failed`; exit 1 if any failed. The toolkit is not
# ours and is no part of this repository, so CI does not run this: nothing here would be worth anything with
# scripts of our own in its place. KEEP=1 leaves the logs of every run behind and says where.

set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

[[ $# -eq 1 || $# -eq 2 ]] || usage
toolkit=$(cd -- "$1" && pwd)
stagegate=$(realpath -- "${2:-$here/../../target/debug/stagegate}")

fail_early() {
  echo "run.sh: $1" >&2
  exit 2
}

[[ $EUID -eq 0 ]] || fail_early "needs root, for a mount namespace with its own /mnt"
[[ -f $toolkit/common_8 && -f $toolkit/sync-to-prod.sh ]] || fail_early "$toolkit holds no sync scripts"
[[ -x $stagegate ]] || fail_early "$stagegate is not there; build it first with cargo build"
for program in unshare parallel rsync createrepo_c modifyrepo_c gpg hardlink sudo ansible-playbook python3 git; do
  command -v "$program" >/dev/null || fail_early "$program is not installed"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/stagegate-toolkit.XXXXXX")
trap '[[ -n ${KEEP:-} ]] && echo "logs: $work/runs" || rm -rf -- "$work"' EXIT

# The processes of the namespace end with its first one, so no supervisor outlives this script.
unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
  bash "$here/inside.sh" "$here" "$toolkit" "$stagegate" "$work"
