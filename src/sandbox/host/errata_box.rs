//! Furnishes the practice box that publishes errata, `DIR/hosts/errata01`, which the `ssh` tool reaches.

use crate::sandbox::layout::HostPaths;
use std::fs;
use std::io;
use std::path::PathBuf;

const PLAYBOOK: &str = "\
---
- name: Publish errata
  hosts: secparse
  tasks:
    - name: Reach the advisory database
      ping:
    - name: Read the advisories
      peridot_advisories:
    - name: Publish updateinfo to staging
      peridot_updateinfo:
";

const INVENTORY: &str = "\
# The boxes that publish errata
[secparse]
errata01 ansible_connection=local
";

/// Returns the folder that stands for `/etc/peridot-ansible` on the box.
pub(super) fn ansible(paths: &HostPaths) -> PathBuf {
    paths.root().join("hosts/errata01/etc/peridot-ansible")
}

/// Writes the box.
pub(super) fn write(paths: &HostPaths) -> io::Result<()> {
    let ansible = ansible(paths);
    fs::create_dir_all(paths.root().join("hosts/errata01/root"))?;
    fs::create_dir_all(ansible.join("inventories"))?;
    fs::create_dir_all(ansible.join("playbooks"))?;
    fs::write(ansible.join("inventories/hosts.ini"), INVENTORY)?;
    fs::write(ansible.join("playbooks/secparse001-publish.yml"), PLAYBOOK)
}
