//! What the trees of the corpus hold, position by position: packages, groups, module streams and advisories.
//!
//! Staging is what a release has after an update: production's packages and the new ones. It must be closed and consistent
//! in itself, so that whatever is found was seeded.

use stagegate::sandbox::package::{Kind, PackageSpec, PayloadFile};

/// The repos of a position, and the names of the packages that each holds.
pub(crate) struct RepoSpec {
    pub(crate) path: &'static str,
    /// `name-version-release.arch`, and what it requires.
    pub(crate) packages: &'static [(&'static str, &'static [&'static str])],
    /// What of it production has not.
    pub(crate) new: &'static [&'static str],
}

pub(crate) const BASE: &str = "BaseOS/x86_64/os";
pub(crate) const APP: &str = "AppStream/x86_64/os";
pub(crate) const SIG: &str = "storage/gluster9/x86_64/os";
pub(crate) const KICKSTART: &str = "BaseOS/x86_64/kickstart";

pub(crate) const BASH: &str = "bash-4.4.20-5.el8.x86_64";
pub(crate) const OLD_BASH: &str = "bash-4.4.20-4.el8.x86_64";
pub(crate) const KERNEL: &str = "kernel-4.18.0-553.el8.x86_64";

pub(crate) const REPOS: &[RepoSpec] = &[
    RepoSpec {
        path: BASE,
        packages: &[
            ("glibc-2.28-251.el8.x86_64", &[]),
            (OLD_BASH, &["glibc"]),
            (BASH, &["glibc"]),
            (KERNEL, &["bash"]),
            ("tzdata-2024a-1.el8.noarch", &[]),
        ],
        new: &[BASH],
    },
    RepoSpec {
        path: "BaseOS/x86_64/debug/tree",
        packages: &[("bash-debuginfo-4.4.20-4.el8.x86_64", &[]), ("bash-debuginfo-4.4.20-5.el8.x86_64", &[])],
        new: &["bash-debuginfo-4.4.20-5.el8.x86_64"],
    },
    RepoSpec {
        path: KICKSTART,
        packages: &[("glibc-2.28-251.el8.x86_64", &[]), ("bash-4.4.20-3.el8.x86_64", &["glibc"])],
        new: &[],
    },
    RepoSpec {
        path: "BaseOS/source/tree",
        packages: &[("bash-4.4.20-4.el8.src", &[]), ("bash-4.4.20-5.el8.src", &[])],
        new: &["bash-4.4.20-5.el8.src"],
    },
    RepoSpec {
        path: "BaseOS/aarch64/os",
        packages: &[("glibc-2.28-251.el8.aarch64", &[]), ("bash-4.4.20-5.el8.aarch64", &["glibc"])],
        new: &[],
    },
    RepoSpec {
        path: APP,
        packages: &[
            ("httpd-2.4.37-64.el8.x86_64", &["glibc", "httpd-tools"]),
            ("httpd-tools-2.4.37-64.el8.x86_64", &["glibc"]),
            ("perl-5.26.3-1.module+el8.10.0+1+aa.x86_64", &["perl-libs = 5.26.3-1.module+el8.10.0+1+aa"]),
            ("perl-libs-5.26.3-1.module+el8.10.0+1+aa.x86_64", &["glibc"]),
            ("perl-5.32.1-1.module+el8.10.0+2+bb.x86_64", &["perl-libs = 5.32.1-1.module+el8.10.0+2+bb"]),
            ("perl-libs-5.32.1-1.module+el8.10.0+2+bb.x86_64", &["glibc"]),
            ("nodejs-18.20.2-1.module+el8.10.0+3+cc.x86_64", &["glibc"]),
            ("npm-10.5.0-1.module+el8.10.0+3+cc.x86_64", &["nodejs"]),
        ],
        new: &["npm-10.5.0-1.module+el8.10.0+3+cc.x86_64"],
    },
    RepoSpec { path: "AppStream/source/tree", packages: &[("httpd-2.4.37-64.el8.src", &[])], new: &[] },
    RepoSpec {
        path: SIG,
        packages: &[
            ("glusterfs-9.6-1.el8.x86_64", &["glibc", "glusterfs-libs"]),
            ("glusterfs-libs-9.6-1.el8.x86_64", &["glibc"]),
        ],
        new: &["glusterfs-libs-9.6-1.el8.x86_64"],
    },
];

/// Returns the path of a package in its repo: `BaseOS/x86_64/os/Packages/b/bash-….rpm`.
pub(crate) fn at(repo: &str, nevra: &str) -> String {
    format!("{repo}/Packages/{}/{nevra}.rpm", &nevra[..1])
}

/// Returns what to build for `name-version-release.arch`.
pub(crate) fn package(nevra: &str, requires: &[&str], content: &str) -> PackageSpec {
    let (rest, arch) = nevra.rsplit_once('.').unwrap();
    let (rest, release) = rest.rsplit_once('-').unwrap();
    let (name, version) = rest.rsplit_once('-').unwrap();
    let kind = match arch {
        "src" => Kind::Source,
        _ => Kind::Binary { source_rpm: format!("{name}-{version}-{release}.src.rpm") },
    };
    PackageSpec {
        name: name.to_owned(),
        epoch: 0,
        version: version.to_owned(),
        release: release.to_owned(),
        arch: if arch == "src" { "x86_64" } else { arch }.to_owned(),
        kind,
        summary: format!("{name} & more"),
        license: "MIT".to_owned(),
        requires: requires.iter().map(|text| (*text).to_owned()).collect(),
        provides: Vec::new(),
        modularity_label: release.contains(".module+").then(|| format!("{name}:x:1:c0")),
        files: vec![PayloadFile {
            path: format!("/usr/share/{name}/readme"),
            content: content.repeat(300).into_bytes(),
            mode: 0o644,
        }],
        build_time: 1_700_000_000,
    }
}

/// Returns the text of a comps file with those groups.
pub(crate) fn comps(groups: &[&str]) -> String {
    let group = |id: &&str| {
        format!(
            "<group><id>{id}</id><name>{id}</name><description/><default>true</default><uservisible>true</uservisible>\
             <packagelist><packagereq type=\"mandatory\">bash</packagereq></packagelist></group>"
        )
    };
    let groups: String = groups.iter().map(group).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE comps PUBLIC \"-//Red Hat, Inc.//DTD Comps info//EN\" \"comps.dtd\">\n<comps>{groups}</comps>\n"
    )
}

/// A module stream: `name:stream`, what it requires of other modules, and its packages.
pub(crate) type Stream = (&'static str, &'static str, &'static [&'static str]);

pub(crate) const PERL_OLD: Stream = (
    "perl:5.26",
    "",
    &["perl-0:5.26.3-1.module+el8.10.0+1+aa.x86_64", "perl-libs-0:5.26.3-1.module+el8.10.0+1+aa.x86_64"],
);
pub(crate) const PERL_NEW: Stream = (
    "perl:5.32",
    "",
    &["perl-0:5.32.1-1.module+el8.10.0+2+bb.x86_64", "perl-libs-0:5.32.1-1.module+el8.10.0+2+bb.x86_64"],
);
pub(crate) const NODE: Stream = (
    "nodejs:18",
    "",
    &["nodejs-0:18.20.2-1.module+el8.10.0+3+cc.x86_64", "npm-0:10.5.0-1.module+el8.10.0+3+cc.x86_64"],
);
/// The stream as production has it.
pub(crate) const NODE_BEFORE: Stream = ("nodejs:18", "", &["nodejs-0:18.20.2-1.module+el8.10.0+3+cc.x86_64"]);

/// Returns the text of a modules.yaml; the default stream of perl is 5.26.
pub(crate) fn modules(streams: &[Stream]) -> String {
    let mut text = String::new();
    for (name, requires, artifacts) in streams {
        let (module, stream) = name.split_once(':').unwrap();
        let requires =
            requires.split_once(':').map(|(module, stream)| format!("      {module}: [\"{stream}\"]\n"));
        let artifacts: String = artifacts.iter().map(|one| format!("    - {one}\n")).collect();
        text += &format!(
            "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {module}\n  stream: \"{stream}\"\n  version: 1\n  \
             context: c0\n  arch: x86_64\n  summary: s\n  description: d\n  license:\n    module: [MIT]\n  \
             dependencies:\n  - requires:\n      platform: [el8]\n{}  artifacts:\n    rpms:\n{artifacts}...\n",
            requires.unwrap_or_default()
        );
    }
    text + "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: perl\n  stream: \"5.26\"\n...\n"
}

/// An advisory: its id, its module or nothing, and its packages.
pub(crate) type Advisory = (&'static str, &'static str, &'static [&'static str]);

pub(crate) const OLD_ADVISORY: Advisory = ("RLSA-2023:0009", "", &[OLD_BASH]);
pub(crate) const NEW_ADVISORY: Advisory =
    ("RLSA-2024:0001", "", &[BASH, "bash-4.4.20-5.el8.src", "bash-debuginfo-4.4.20-5.el8.x86_64"]);
pub(crate) const HTTPD_ADVISORY: Advisory = ("RLBA-2024:0002", "", &["httpd-2.4.37-64.el8.x86_64"]);
pub(crate) const NODE_ADVISORY: Advisory =
    ("RLEA-2024:0003", "nodejs:18", &["nodejs-18.20.2-1.module+el8.10.0+3+cc.x86_64"]);

/// Returns the text of an updateinfo.xml.
pub(crate) fn updateinfo(advisories: &[Advisory]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates>\n".to_owned();
    for (id, module, packages) in advisories {
        let module = module.split_once(':').map(|(name, stream)| {
            format!(
                "<module name=\"{name}\" stream=\"{stream}\" version=\"1\" context=\"c0\" arch=\"x86_64\"/>"
            )
        });
        let package = |nevra: &&str| {
            let spec = package(nevra, &[], "");
            let (name, version, release) = (&spec.name, &spec.version, &spec.release);
            let arch = nevra.rsplit_once('.').unwrap().1;
            format!(
                "<package name=\"{name}\" epoch=\"0\" version=\"{version}\" release=\"{release}\" arch=\"{arch}\">\
                 <filename>{}</filename></package>",
                spec.file_name()
            )
        };
        let packages: String = packages.iter().map(package).collect();
        text += &format!(
            "<update from=\"errata@example.invalid\" status=\"final\" type=\"security\" version=\"1\"><id>{id}</id>\
             <title>{id}</title><issued date=\"2024-01-01 00:00:00\"/><severity>Important</severity><description/>\
             <pkglist><collection short=\"c\"><name>c</name>{}{packages}</collection></pkglist></update>\n",
            module.unwrap_or_default()
        );
    }
    text + "</updates>\n"
}
