# The scenarios, from a first update of an empty staging to everything that can go wrong on the way.
#
# They stand on each other: `save` and `restore` keep staging and production between them.

release=8
all_repos=Rocky,Rocky-devel,Extras,NFV,Plus,gluster9
staging=/mnt/repos-staging/mirror/pub/rocky/8.5-RC1
production=/mnt/repos-production/mirror/pub/rocky/8.5
lists=/mnt/repos-production/mirror/pub/rocky

run_scenarios() {
  save empty
  says_what_it_cannot_read
  first_update
  save first
  second_update
  same_again
  minor_release
  rsync_fails_in_sync
  rsync_fails_in_publish
  sudo_fails
  sudo_fails_behind_its_check
  signer_missing
  modules_missing
  first_step_refused
  prep_refused
  prep_suspect
  errata_reaches_nobody
  lists_go_wrong
  production_not_mounted
}

says_what_it_cannot_read() {
  heading "what the catalog finds on this host"
  sg status --format json >/tmp/status.json
  that "the vars files of 8 are read: 8.5" revision_is 8 8.5
  that "9 is said to be unreadable" cannot_run 9
  that "10 is said to be unreadable" cannot_run 10
  sg_coded run --release 9 --compose none --sync Rocky
  that "nothing of 9 runs: usage or catalog error" exit_code_is 2
}

first_update() {
  heading "a first update: staging and production are empty"
  compose_of_day oldest
  good_update
}

second_update() {
  heading "a second update: newer composes over what is out"
  compose_of_day newest
  good_update
  that "older packages are still there" older_packages_stay
}

good_update() {
  sg_coded run --release $release --flow update --compose none --sync $all_repos
  that "run stops at the gate: exit code 3" exit_code_is 3
  that "every step before it succeeded" steps_are $(before_gate $all_repos succeeded) 8/gate=waiting
  sg gate "$run" --format json >/tmp/gate.json || true
  that "the gate has no blocking finding" no_blocking_finding
  that "production holds nothing of it yet" unlike_production
  save vetted
  sg_coded approve "$run" --phrase "8.5 vetted"
  that "approve publishes: exit code 0" exit_code_is 0
  that "every step succeeded" steps_are $(before_gate $all_repos succeeded) \
    8/gate=succeeded 8/publish=succeeded shared/filelists=succeeded
  that "production holds all that staging holds (diff)" like_staging
  that "every repo that the toolkit signs has a good signature (gpg)" signatures_good
  that "each repo lists the packages it holds and no others (python)" packages_listed
  sg status --format json >/tmp/status.json
  that "the status says so: staging and production current" positions_are $all_repos current current
  that "the lists end with [End] and name every package" lists_whole
}

# The sync puts the composes' metadata over what prep made of it, and all of it is done again.
same_again() {
  heading "the same composes again: nothing is new"
  good_update
}

minor_release() {
  heading "a minor release, with images"
  restore empty
  compose_with_images
  sg_coded run --release $release --flow minor --compose none
  that "run stops at the gate: exit code 3" exit_code_is 3
  that "every step before it succeeded" steps_are 8/minor-sync=succeeded 8/torrents=succeeded 8/sign=succeeded \
    8/gate=waiting
  sg gate "$run" --format json >/tmp/gate.json || true
  that "the gate has no blocking finding" no_blocking_finding
  sg_coded approve "$run" --phrase "8.5 vetted"
  that "approve publishes: exit code 0" exit_code_is 0
  that "every step succeeded" steps_are 8/minor-sync=succeeded 8/torrents=succeeded 8/sign=succeeded \
    8/gate=succeeded 8/publish=succeeded shared/filelists=succeeded
  heading "an update on top of it: kickstart folders are there"
  compose_of_day newest
  good_update
}

rsync_fails_in_sync() {
  heading "rsync fails for AppStream/x86_64: sync"
  restore first
  compose_of_day newest
  wrap rsync '[[ " $* " == *" AppStream/x86_64 "* ]] && exit 23'
  sg_coded run --release $release --flow update --compose none --sync Rocky,gluster9
  that "exit code 1" exit_code_is 1
  that "the lane stops at 8/sync/Rocky: failed" steps_are 8/sync/Rocky=failed
  that "the step names the copy" step_says 8/sync/Rocky AppStream/x86_64
  wrap rsync '[[ " $* " == *" AppStream/x86_64 "* ]] && exit 0'
  sg_coded run --release $release --flow update --compose none --sync Rocky,gluster9
  that "rsync exits 0 and copies nothing: exit code 5" exit_code_is 5
  that "the lane stops at 8/sync/Rocky: suspect" steps_are 8/sync/Rocky=suspect
  that "the step names the missing files" step_says 8/sync/Rocky AppStream/x86_64
  unwrap
}

rsync_fails_in_publish() {
  heading "rsync fails for AppStream/x86_64: publish, which exits 0"
  restore vetted
  wrap rsync '[[ " $* " == *" AppStream/x86_64 "* ]] && exit 23'
  sg_coded run --release $release --flow publish
  that "flow publish waits at the gate: exit code 3" exit_code_is 3
  sg_coded approve "$run" --phrase "8.5 vetted"
  that "exit code 5" exit_code_is 5
  that "publish is suspect, the lists are not looked at" steps_are 8/gate=succeeded 8/publish=suspect
  that "the script itself said 0" step_exited 8/publish 0
  that "the step names the copy" step_says 8/publish AppStream/x86_64
  unwrap
  sg_coded retry "$run" 8/publish
  that "with rsync mended, retry publishes: exit code 0" exit_code_is 0
  that "every step succeeded" steps_are 8/gate=succeeded 8/publish=succeeded shared/filelists=succeeded
}

sudo_fails() {
  heading "sudo -l fails"
  restore first
  compose_of_day newest
  mv /etc/sudoers /etc/sudoers.kept
  snapshot >/tmp/before
  sg_coded run --release $release --flow update --compose none --sync Rocky,gluster9
  that "exit code 1" exit_code_is 1
  that "the lane stops at 8/sync/Rocky" steps_are 8/sync/Rocky=failed
  that "the step is not started" not_started 8/sync/Rocky
  that "its before-check names sudo" step_says 8/sync/Rocky sudo
  mv /etc/sudoers.kept /etc/sudoers
  restore vetted
  sg_coded run --release $release --flow publish
  that "flow publish waits at the gate: exit code 3" exit_code_is 3
  mv /etc/sudoers /etc/sudoers.kept
  snapshot >/tmp/before
  sg_coded approve "$run" --phrase "8.5 vetted"
  mv /etc/sudoers.kept /etc/sudoers
  that "at publish: exit code 1" exit_code_is 1
  that "the lane stops at 8/publish" steps_are 8/gate=succeeded 8/publish=failed
  that "the step is not started" not_started 8/publish
  that "its before-check names sudo" step_says 8/publish sudo
  that "production and the mirrors' lists are untouched" unchanged
}

sudo_fails_behind_its_check() {
  heading "sudo -l fails in the script alone"
  restore vetted
  sg_coded run --release $release --flow publish
  wrap sudo '[[ $* == -l ]] && exit 1'
  sg_coded approve "$run" --phrase "8.5 vetted"
  that "exit code 5" exit_code_is 5
  that "publish is suspect" steps_are 8/gate=succeeded 8/publish=suspect
  that "the step says that nothing was copied" step_says 8/publish "GNU parallel started nothing"
  unwrap
}

signer_missing() {
  heading "the signer is missing"
  restore first
  compose_of_day newest
  mv /root/bin/sign-repo.sh /root/bin/sign-repo.kept
  sg_coded run --release $release --flow update --compose none --sync Rocky,gluster9
  that "exit code 1" exit_code_is 1
  that "the lane stops at 8/prep" steps_are 8/sync/Rocky=succeeded 8/sync/gluster9=succeeded 8/prep=failed
  that "the step is not started" not_started 8/prep
  that "its before-check names the signer" step_says 8/prep /root/bin/sign-repo.sh
  sg_coded run --release $release --flow sign
  that "flow sign: exit code 1" exit_code_is 1
  that "the step is not started" not_started 8/sign
  that "its before-check names the signer" step_says 8/sign /root/bin/sign-repo.sh
  mv /root/bin/sign-repo.kept /root/bin/sign-repo.sh
  heading "the signer's key is gone"
  end_agent /root/.gnupg
  mv /root/.gnupg /root/.gnupg.kept
  sg_coded run --release $release --flow sign
  that "exit code 1" exit_code_is 1
  that "the step is not started" not_started 8/sign
  that "its before-check quotes gpg" step_says 8/sign "No secret key"
  end_agent /root/.gnupg
  rm -rf /root/.gnupg
  mv /root/.gnupg.kept /root/.gnupg
}

modules_missing() {
  heading "modules.yaml of AppStream is missing"
  restore first
  compose_of_day newest
  mv /mnt/compose/8_metadata/x86_64/AppStream-modules.yaml /tmp/kept-modules.yaml
  sg_coded run --release $release --flow update --compose none --sync Rocky,gluster9
  mv /tmp/kept-modules.yaml /mnt/compose/8_metadata/x86_64/AppStream-modules.yaml
  that "exit code 1" exit_code_is 1
  that "the lane stops at 8/prep" steps_are 8/sync/Rocky=succeeded 8/sync/gluster9=succeeded 8/prep=failed
  that "the step is not started" not_started 8/prep
  that "its before-check names the file" step_says 8/prep AppStream-modules.yaml
}

# What would make prep exit 0 without having done its work, and is seen before it starts.
prep_refused() {
  heading "prep would exit 0 without its work"
  restore first
  compose_of_day newest
  echo stale >/tmp/modules.yaml
  that "another's /tmp/modules.yaml is there" refuses_prep /tmp/modules.yaml
  rm /tmp/modules.yaml

  local comps=/mnt/compose/8/latest-Rocky-8/work/x86_64/comps/comps-BaseOS.x86_64.xml
  mv "$comps" /tmp/kept-comps.xml
  that "comps of BaseOS are missing" refuses_prep comps-BaseOS.x86_64.xml
  mv /tmp/kept-comps.xml "$comps"

  chmod -x /root/bin/sign-repo.sh
  that "the signer is not executable" refuses_prep /root/bin/sign-repo.sh
  chmod +x /root/bin/sign-repo.sh
}

# What every script of the toolkit stumbles over stops the lane at its first step already.
first_step_refused() {
  heading "nothing of a lane starts"
  restore first
  compose_of_day newest

  mv /usr/local/bin/modifyrepo /tmp/kept-modifyrepo
  that "modifyrepo is not in PATH" refuses_sync modifyrepo
  mv /tmp/kept-modifyrepo /usr/local/bin/modifyrepo

  mkdir "$staging/BaseOS/x86_64/os/.repodata"
  that "a killed createrepo left .repodata/" refuses_sync BaseOS/x86_64/os/.repodata
  rmdir "$staging/BaseOS/x86_64/os/.repodata"

  touch "$staging/BaseOS/x86_64/os/Packages/.bash-1-1.x86_64.rpm.Ab12Cd"
  that "a killed rsync left a piece of a package" refuses_sync .bash-1-1.x86_64.rpm.Ab12Cd
  rm "$staging/BaseOS/x86_64/os/Packages/.bash-1-1.x86_64.rpm.Ab12Cd"

  local rocky
  rocky=/mnt/compose/8/$(readlink /mnt/compose/8/latest-Rocky-8)
  echo DOOMED >"$rocky/STATUS"
  that "the compose is doomed" refuses_sync DOOMED
  echo FINISHED >"$rocky/STATUS"
  that "with all of it mended, the sync goes through" syncs
}

refuses_sync() {
  sg_coded run --release $release --flow update --compose none --sync Rocky
  exit_code_is 1 && steps_are 8/sync/Rocky=failed && not_started 8/sync/Rocky && step_says 8/sync/Rocky "$1"
}

syncs() {
  sg_coded run --release $release --flow update --compose none --sync Rocky
  sg cancel "$run" >/dev/null 2>&1 || true
  exit_code_is 3
}

# Prep is refused, and what refused it has the words.
refuses_prep() {
  sg_coded run --release $release --flow update --compose none --sync Extras
  exit_code_is 1 && steps_are 8/sync/Extras=succeeded 8/prep=failed && not_started 8/prep && step_says 8/prep "$1"
}

prep_suspect() {
  heading "prep exits 0 and did not do its work"
  restore first
  compose_of_day newest
  # The signer works when it is tried, and not for one repo.
  cp -a /root/bin/sign-repo.sh /root/bin/sign-repo.kept
  sed -i '2i [[ $1 == */PowerTools/aarch64/os/* ]] && exit 0' /root/bin/sign-repo.sh
  that "one repo is not signed" suspects_prep PowerTools/aarch64/os
  mv /root/bin/sign-repo.kept /root/bin/sign-repo.sh

  restore first
  wrap modifyrepo '[[ $* == *AppStream/x86_64* ]] && exit 1'
  that "modifyrepo fails for one repo" suspects_prep AppStream/x86_64/os
  unwrap

  restore first
  echo garbage >"$staging/AppStream/x86_64/os/Packages/broken-1-1.x86_64.rpm"
  that "a package cannot be read" suspects_prep "Cannot read package"
}

suspects_prep() {
  sg_coded run --release $release --flow update --compose none --sync Rocky
  exit_code_is 5 && steps_are 8/sync/Rocky=succeeded 8/prep=suspect && step_exited 8/prep 0 && step_says 8/prep "$1"
}

errata_reaches_nobody() {
  heading "ansible-playbook matches no host, and exits 0"
  restore first
  compose_of_day newest
  mv /etc/peridot-ansible/inventories/hosts.ini /tmp/kept-hosts.ini
  sg_coded run --release $release --flow update --compose none --sync Rocky
  that "exit code 5" exit_code_is 5
  that "the lane stops at 8/errata: suspect" steps_are 8/sync/Rocky=succeeded 8/prep=succeeded 8/errata=suspect
  mv /tmp/kept-hosts.ini /etc/peridot-ansible/inventories/hosts.ini
  sg_coded skip "$run" 8/errata --reason "no advisories today"
  sg gate "$run" --format json >/tmp/gate.json || true
  that "skipped with a reason, it is a blocking finding at the gate" gate_blocks_on skipped 8/errata
  sg cancel "$run" >/dev/null 2>&1 || true
}

lists_go_wrong() {
  heading "create-filelist fails, and the push exits 0"
  restore vetted
  mv /usr/local/bin/create-filelist /tmp/kept-create-filelist
  sg_coded run --release $release --flow publish
  sg_coded approve "$run" --phrase "8.5 vetted"
  that "missing: publish is not started" not_started 8/publish
  that "missing: its before-check says so" step_says 8/publish create-filelist
  sed 's/^exit.*//; /End/d' /tmp/kept-create-filelist >/usr/local/bin/create-filelist
  chmod 755 /usr/local/bin/create-filelist
  sg_coded retry "$run" 8/publish
  that "truncated: the lists are refused" steps_are 8/gate=succeeded 8/publish=succeeded shared/filelists=failed
  that "truncated: it says so" step_says shared/filelists "[End]"
  mv /tmp/kept-create-filelist /usr/local/bin/create-filelist
}

production_not_mounted() {
  heading "production is not mounted"
  restore vetted
  sg_coded run --release $release --flow publish
  that "flow publish waits at the gate: exit code 3" exit_code_is 3
  umount /mnt/repos-production
  sg_coded approve "$run" --phrase "8.5 vetted"
  that "publish is not started" not_started 8/publish
  that "its before-check names the mount" step_says 8/publish /mnt/repos-production
  that "nothing was written to the folder under it" empty_folder /mnt/repos-production
}
