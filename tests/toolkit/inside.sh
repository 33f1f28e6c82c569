# Runs in the namespace that run.sh opens: builds the host there, then runs the scenarios on it.
#
# Must not be called outside of it: it mounts over /mnt, /root, /etc, /run, /tmp and /usr/local.

set -euo pipefail

here=$1 toolkit=$2 stagegate=$3 kept=$4

# shellcheck source=tests/toolkit/host.sh
source "$here/host.sh"
# shellcheck source=tests/toolkit/claims.sh
source "$here/claims.sh"
# shellcheck source=tests/toolkit/scenarios.sh
source "$here/scenarios.sh"

make_host
trap keep_logs EXIT
run_scenarios
closing
