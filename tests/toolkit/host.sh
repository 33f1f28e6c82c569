# The compose host of the scenarios, inside of the namespace: places, programs, composes, key, errata box.
#
# Sets `world`, the folder that all of it is in (a tmpfs). Uses and moves $here, $toolkit, $stagegate and $kept.

world=/usr/local/world

make_host() {
  make_places
  make_programs
  make_composes
  make_toolkit
  make_signer
  make_errata_box
  mkdir -p /etc/stagegate
  stagegate config >/etc/stagegate/stagegate.toml
}

# Other folders in the place of what the scripts and tools write to.
make_places() {
  local new=$kept/world place
  mkdir "$new"
  mount -t tmpfs -o mode=755 toolkit-world "$new"
  mkdir -p "$new"/{mnt,root,usr-local/{bin,sbin,world},run,tmp,opt,real-opt,kept,saved}
  chmod 1777 "$new/tmp"
  cp -a -- /etc "$new/etc"
  cp -a -- "$here" "$new/scripts"
  cp -a -- "$toolkit" "$new/toolkit"
  cp -- "$stagegate" "$new/usr-local/bin/stagegate"
  mount --bind "$kept" "$new/kept"
  mount --bind /opt "$new/real-opt"
  for place in /opt/*; do
    [[ ! -e $place ]] || ln -s "$world/real-$place" "$new$place"
  done
  mount --bind "$new/usr-local" /usr/local
  mount --rbind "$new" /usr/local/world
  for place in mnt root etc run tmp opt; do
    mount --bind "$world/$place" "/$place"
  done
  # As large as the catalog wants its mounts to be; a tmpfs takes only what is written to it.
  for place in koji compose repos-staging repos-production; do
    mkdir "/mnt/$place"
    mount -t tmpfs -o mode=755,size=300G "toolkit-$place" "/mnt/$place"
  done
  here=$world/scripts toolkit=$world/toolkit kept=$world/kept
  export HOME=/root TMPDIR=/tmp PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  unset GNUPGHOME XDG_RUNTIME_DIR XDG_STATE_HOME XDG_CONFIG_HOME XDG_DATA_HOME SSH_AUTH_SOCK
  cd /
}

# The real tools, by the names that the scripts call.
make_programs() {
  local name
  for name in createrepo modifyrepo; do
    [[ -x /usr/bin/$name ]] || ln -s "/usr/bin/${name}_c" "/usr/local/bin/$name"
  done
  install -m 755 "$here/create-filelist" /usr/local/bin/create-filelist
  # torrenttools comes in no distribution; Stagegate has one for its practice host.
  ln -s stagegate /usr/local/bin/torrenttools
  mkdir -p /opt/rtorrent/{download,watch/start}
  printf '%s\n' 'root ALL=(ALL:ALL) NOPASSWD: ALL' "Defaults secure_path=\"$PATH\"" >/etc/sudoers.d/zz-toolkit
  chmod 440 /etc/sudoers.d/zz-toolkit
}

# Composes of 8 alone: for 9 and 10 the toolkit of 2021 has no vars files.
make_composes() {
  stagegate sandbox /tmp/practice --no-console --speed instant >/dev/null 2>&1
  cp -a -- /tmp/practice/mnt/compose/8 /tmp/practice/mnt/compose/8_metadata /mnt/compose/
  cp -a -- /tmp/practice/mnt/koji/. /mnt/koji/
  rm -rf -- /tmp/practice
  mkdir -p /mnt/repos-production/mirror/pub/rocky
}

# A git checkout, as on the team's host; `Checkouts` of the status then names its revision.
make_toolkit() {
  mkdir -p /root/toolkit
  cp -a -- "$toolkit" /root/toolkit/sync
  git -C /root/toolkit init -q
  git -C /root/toolkit add -A
  git -C /root/toolkit -c user.name=toolkit -c user.email=toolkit@localhost commit -q -m 'as it came'
}

make_signer() {
  mkdir -p -m 700 /root/.gnupg /root/bin
  gpg --batch --quiet --passphrase '' --quick-generate-key 'Toolkit Scenarios <toolkit@localhost>' rsa3072 sign never \
    2>/dev/null
  cat >/root/bin/sign-repo.sh <<'SIGN'
#!/bin/bash
exec gpg --batch --yes --armor --detach-sign "$1"
SIGN
  chmod 755 /root/bin/sign-repo.sh
}

# Behind `ssh errata01`: this host. What sshd does with a command, it does too: it gives it to a shell.
make_errata_box() {
  cat >/usr/local/bin/ssh <<'SSH'
#!/bin/bash
exec bash -c "${!#}"
SSH
  chmod 755 /usr/local/bin/ssh
  mkdir -p /etc/peridot-ansible
  cp -a -- "$here/errata/." /etc/peridot-ansible/
}
