//! A package's full name: `name-[epoch:]version-release.arch`, in rpm's order.
//!
//! Advisories and modules name packages so, and so do people. Versions are ordered by the `rpm-version` crate
//! (tilde, caret and all); the epoch counts first. It must not guess: what has no version is no NEVRA.

use rpm_version::Evr;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Name, epoch, version, release and architecture of a package.
#[derive(Debug, Clone)]
pub struct Nevra {
    /// `nodejs`
    pub name: String,
    /// 0 where there is none.
    pub epoch: u32,
    /// `18.20.2`
    pub version: String,
    /// `1.module+el8.10.0+1+abcdef`
    pub release: String,
    /// `x86_64`, `noarch`, `src`
    pub arch: String,
}

/// A text that is no NEVRA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no package: write name-[epoch:]version-release.arch")]
pub struct NotANevra(String);

impl Nevra {
    /// Puts one together.
    pub fn new(name: &str, epoch: u32, version: &str, release: &str, arch: &str) -> Self {
        Self {
            name: name.to_owned(),
            epoch,
            version: version.to_owned(),
            release: release.to_owned(),
            arch: arch.to_owned(),
        }
    }

    /// Returns the file name that such a package has by custom; without the epoch.
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.{}.rpm", self.name, self.version, self.release, self.arch)
    }

    /// Orders epoch, version and release as rpm does.
    pub fn cmp_evr(&self, other: &Self) -> Ordering {
        compare((self.epoch, &self.version, &self.release), (other.epoch, &other.version, &other.release))
    }

    /// Returns the form with the epoch even where it is 0, as modules write it.
    pub fn with_epoch(&self) -> String {
        format!("{}-{}:{}-{}.{}", self.name, self.epoch, self.version, self.release, self.arch)
    }
}

/// Orders two (epoch, version, release) as rpm does.
pub fn compare(one: (u32, &str, &str), other: (u32, &str, &str)) -> Ordering {
    one.0.cmp(&other.0).then_with(|| {
        if (one.1, one.2) == (other.1, other.2) {
            return Ordering::Equal;
        }
        Evr::new("0", one.1, one.2).cmp(&Evr::new("0", other.1, other.2))
    })
}

impl FromStr for Nevra {
    type Err = NotANevra;

    fn from_str(text: &str) -> Result<Self, NotANevra> {
        parse(text).ok_or_else(|| NotANevra(super::error::cut(text)))
    }
}

fn parse(text: &str) -> Option<Nevra> {
    let (rest, arch) = text.strip_suffix(".rpm").unwrap_or(text).rsplit_once('.')?;
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let (epoch, version) = match version.split_once(':') {
        Some((epoch, version)) => (super::fast::number(epoch.as_bytes())?.try_into().ok()?, version),
        // Old lists put the epoch first: `2:vim-8.0-1.el8.x86_64`; a name holds no colon.
        None => (0, version),
    };
    let odd = |text: &str| {
        text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/')
    };
    if [name, version, release, arch].into_iter().any(odd) || name.contains(':') || version.contains(':') {
        return None;
    }
    Some(Nevra::new(name, epoch, version, release, arch))
}

impl fmt::Display for Nevra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, epoch, version, release, arch } = self;
        if *epoch == 0 {
            write!(f, "{name}-{version}-{release}.{arch}")
        } else {
            write!(f, "{name}-{epoch}:{version}-{release}.{arch}")
        }
    }
}

impl PartialEq for Nevra {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Nevra {}

impl PartialOrd for Nevra {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Nevra {
    /// By name, then rpm's order, then architecture. Versions that rpm holds equal (`1.0` and `1..0`) and are written
    /// otherwise are told apart by their text, so that equal means the same.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.name.cmp(&other.name))
            .then_with(|| self.cmp_evr(other))
            .then_with(|| self.arch.cmp(&other.arch))
            .then_with(|| (&self.version, &self.release).cmp(&(&other.version, &other.release)))
    }
}

impl std::hash::Hash for Nevra {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.name, self.epoch, &self.version, &self.release, &self.arch).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nevra(text: &str) -> Nevra {
        text.parse().unwrap()
    }

    #[test]
    fn all_forms_are_read() {
        let bash = nevra("bash-4.4.20-5.el8.x86_64");
        assert_eq!((bash.name.as_str(), bash.epoch, bash.arch.as_str()), ("bash", 0, "x86_64"));
        assert_eq!(bash, nevra("bash-0:4.4.20-5.el8.x86_64"));
        assert_eq!(bash, nevra("bash-4.4.20-5.el8.x86_64.rpm"));
        assert_eq!(bash.with_epoch(), "bash-0:4.4.20-5.el8.x86_64");
        assert_eq!(nevra("a-b-c-2:1~rc1-1^git.noarch").to_string(), "a-b-c-2:1~rc1-1^git.noarch");
        assert_eq!(bash.file_name(), "bash-4.4.20-5.el8.x86_64.rpm");
        for none in
            ["", "bash", "bash-1", "bash-1.x86_64", "-1-1.x", "a-:1-1.x", "a-x:1-1.x", "a/b-1-1.x", "a-1-1."]
        {
            assert!(none.parse::<Nevra>().is_err(), "{none}");
        }
    }

    #[test]
    fn the_order_is_rpms() {
        let ordered = [
            "a-1~rc1-1.x",
            "a-1-1.x",
            "a-1^git-1.x",
            "a-1.2-1.x",
            "a-1.10-1.x",
            "a-1.10-2.x",
            "a-1:0-1.x",
            "b-0-1.x",
        ];
        for pair in ordered.windows(2) {
            assert!(nevra(pair[0]) < nevra(pair[1]), "{pair:?}");
        }
        assert!(nevra("a-1.0-1.x").cmp_evr(&nevra("a-1..0-1.x")).is_eq(), "rpm holds them equal");
        assert_ne!(nevra("a-1.0-1.x"), nevra("a-1..0-1.x"), "and they are two packages");
    }

    proptest! {
        #[test]
        fn any_text_is_one_or_is_not(text in ".*") {
            if let Ok(one) = text.parse::<Nevra>() {
                prop_assert_eq!(one.to_string().parse::<Nevra>().unwrap(), one);
            }
        }

        #[test]
        fn the_order_is_total(texts in prop::collection::vec("[a-c0-2.~^-]{1,6}-[0-2:.~^]{1,4}-[0-2.~^]{1,3}\\.[xy]", 3)) {
            let all: Vec<Nevra> = texts.iter().filter_map(|text| text.parse().ok()).collect();
            for a in &all {
                for b in &all {
                    prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                    for c in &all {
                        prop_assert!(!(a <= b && b <= c) || a <= c);
                    }
                }
            }
        }
    }
}
