//! Reads the little of YAML and INI that the practice playbook and inventory use.
//!
//! Not a YAML reader: one play, `name`, `hosts`, and tasks of a name and a module, indented as ansible's own
//! documentation does.

/// One play.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Playbook {
    pub(super) name: String,
    /// The group it is for.
    pub(super) hosts: String,
    pub(super) tasks: Vec<Task>,
}

/// One task.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) name: String,
    /// What does the work: `peridot_updateinfo`.
    pub(super) module: String,
}

impl Playbook {
    /// Reads a playbook's text.
    pub(super) fn parse(text: &str) -> Self {
        let mut play = Self::default();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("- name: ") {
                name.clone_into(&mut play.name);
            } else if let Some(hosts) = line.strip_prefix("  hosts: ") {
                hosts.clone_into(&mut play.hosts);
            } else if let Some(name) = line.strip_prefix("    - name: ") {
                play.tasks.push(Task { name: name.to_owned(), module: String::new() });
            } else if let (Some(rest), Some(task)) = (line.strip_prefix("      "), play.tasks.last_mut())
                && task.module.is_empty()
            {
                rest.trim().trim_end_matches(':').clone_into(&mut task.module);
            }
        }
        play
    }
}

/// Groups of hosts.
#[derive(Debug, Default)]
pub(super) struct Inventory(Vec<(String, String)>);

impl Inventory {
    /// Reads an inventory's text: `[group]` and a host a line.
    pub(super) fn parse(text: &str) -> Self {
        let (mut group, mut hosts) = (String::new(), Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut group);
            } else {
                let host = line.split_whitespace().next().unwrap_or(line);
                hosts.push((group.clone(), host.to_owned()));
            }
        }
        Self(hosts)
    }

    /// Returns the hosts of `group`.
    pub(super) fn hosts(&self, group: &str) -> Vec<String> {
        self.0.iter().filter(|(of, _)| of == group || group == "all").map(|(_, host)| host.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_practice_playbook_and_inventory_are_understood() {
        let play = Playbook::parse(
            "---\n- name: Publish errata\n  hosts: secparse\n  tasks:\n    - name: Look\n      ping:\n    - name: Publish\n      peridot_updateinfo:\n        compress: xz\n",
        );
        assert_eq!((play.name.as_str(), play.hosts.as_str()), ("Publish errata", "secparse"));
        let modules: Vec<_> = play.tasks.iter().map(|task| task.module.as_str()).collect();
        assert_eq!(modules, ["ping", "peridot_updateinfo"]);
        let inventory =
            Inventory::parse("# ours\n[other]\nx\n[secparse]\nerrata01 ansible_connection=local\n");
        assert_eq!(inventory.hosts("secparse"), ["errata01"]);
        assert!(inventory.hosts("nobody").is_empty());
    }
}
