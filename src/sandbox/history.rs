//! A new host's past: packages, composes, staging and production as months of good work would have left them.
//!
//! What each repo has reached stands in `content/practice.toml`; the few composes that went wrong stand here. Every
//! tree is as after sync, prep, errata, signing and push: older packages kept, metadata over all, signed. Made in one
//! go, fast: each release on its own thread, each package read once.

mod calendar;
mod position;

use super::compose_writer::{ComposeError, Composer, Ending, Kind, Order, log::Clock};
use super::content::{Content, ContentError};
use super::koji::{Koji, KojiError};
use super::layout::HostPaths;
use super::metadata::{MetadataError, PackageCache};
use super::signer::{Signer, SignerError};
use calendar::Calendar;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

/// Why the past could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A file refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A compose failed.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The store failed.
    #[error(transparent)]
    Koji(#[from] KojiError),
    /// Metadata failed.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Signing failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The table of content is wrong.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A thread died.
    #[error("making release {0} failed without a word")]
    Thread(String),
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> HistoryError + '_ {
    move |source| HistoryError::Io { path: path.to_owned(), source }
}

/// Days from the key's creation to now: longer than anything that it signs lies back.
const KEY_AGE_DAYS: i64 = 400;

/// Makes the key of a host whose history ends at `now`, and saves both its halves.
pub fn make_key(paths: &HostPaths, now: jiff::Timestamp) -> Result<Signer, HistoryError> {
    let created = now.as_second() - KEY_AGE_DAYS * 86_400;
    let signer = Signer::generate(
        "Practice release key <releng@sandbox.invalid>",
        u32::try_from(created).unwrap_or_default(),
    )?;
    fs::create_dir_all(paths.keys()).map_err(at(&paths.keys()))?;
    signer.save(&paths.secret_key())?;
    fs::write(paths.public_key(), signer.public_armored()?).map_err(at(&paths.public_key()))?;
    Ok(signer)
}

/// Fills the mounts of a new host; everything in them is older than `now`.
///
/// The folders must be empty or absent. The file lists of production are not written: see
/// `filelist`, which must run after this.
pub fn populate(paths: &HostPaths, signer: &Signer, now: jiff::Timestamp) -> Result<(), HistoryError> {
    for mount in [paths.koji(), paths.compose(), paths.staging(), paths.production()] {
        fs::create_dir_all(&mount).map_err(at(&mount))?;
    }
    let content = Content::embedded()?;
    let calendar = Calendar::ending(now);
    let koji = Koji::fill(paths, &content, signer, &|generation| calendar.built(generation))?;
    let cache = PackageCache::default();
    let era = Era { paths, content: &content, koji: &koji, cache: &cache, signer, calendar: &calendar };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            content.releases.keys().map(|major| (major, scope.spawn(move || era.release(major)))).collect();
        threads.into_iter().try_for_each(|(major, thread)| {
            thread.join().unwrap_or_else(|_| Err(HistoryError::Thread(major.clone())))
        })
    })
}

/// Everything at hand while the past is made.
#[derive(Debug, Clone, Copy)]
struct Era<'a> {
    paths: &'a HostPaths,
    content: &'a Content,
    koji: &'a Koji,
    cache: &'a PackageCache,
    signer: &'a Signer,
    calendar: &'a Calendar,
}

/// A compose that went wrong, after the good one of a generation.
struct Mishap {
    major: &'static str,
    repo: &'static str,
    after: u32,
    what: Wrong,
}

#[derive(Clone, Copy)]
enum Wrong {
    Doomed,
    Terminated,
    Abandoned,
}

/// Never the newest of their repo, so that none of them is in the way of the first rehearsal.
const MISHAPS: [Mishap; 3] = [
    Mishap { major: "8", repo: "Extras", after: 0, what: Wrong::Doomed },
    Mishap { major: "9", repo: "Rocky", after: 0, what: Wrong::Abandoned },
    Mishap { major: "10", repo: "gluster9", after: 0, what: Wrong::Terminated },
];

/// The repo whose latest compose is the eleventh of its day: `.10` comes after `.9`, though not as text.
const BUSY_DAY: (&str, &str) = ("8", "Rocky");

impl Era<'_> {
    fn release(&self, major: &str) -> Result<(), HistoryError> {
        for repo in &self.content.repos {
            let Some(history) = repo.history(major) else { continue };
            let mut composes = Vec::new();
            for generation in 0..=history.composed {
                composes.push(self.compose(major, &repo.name, generation, history.composed)?);
            }
            position::make(self, major, repo, history, &composes)?;
        }
        Ok(())
    }

    /// Writes the composes of one generation and returns the directory of the last good one.
    fn compose(&self, major: &str, repo: &str, generation: u32, last: u32) -> Result<PathBuf, HistoryError> {
        let Self { paths, content, koji, cache, .. } = *self;
        let composer = Composer { paths, content, koji, cache };
        let order = Order {
            generation: Some(generation),
            clock: Clock::Fixed { start: self.calendar.composed(generation), step: 15 },
            ..Order::new(major, repo, Kind::Update)
        };
        let busy = (major, repo) == BUSY_DAY && generation == last;
        let good = if busy {
            composer.assemble(&Order { respin: 9, ..order.clone() }, &mut |_| ())?;
            let later = Clock::Fixed { start: self.calendar.composed(generation) + 3600, step: 15 };
            composer.assemble(&Order { respin: 10, clock: later, ..order.clone() }, &mut |_| ())?
        } else {
            composer.assemble(&order, &mut |_| ())?
        };
        for mishap in &MISHAPS {
            if (mishap.major, mishap.repo, mishap.after) == (major, repo, generation) {
                go_wrong(&composer, &order, mishap.what)?;
            }
        }
        Ok(good.dir)
    }
}

fn go_wrong(composer: &Composer<'_>, order: &Order<'_>, what: Wrong) -> Result<(), HistoryError> {
    let start = order.clock.start() + 2 * 86_400;
    let stop = AtomicBool::new(matches!(what, Wrong::Terminated));
    let order = Order {
        clock: Clock::Fixed { start, step: 15 },
        ending: match what {
            Wrong::Doomed => Ending::Doomed,
            Wrong::Abandoned => Ending::Abandoned,
            Wrong::Terminated => Ending::Finished,
        },
        stop: Some(&stop),
        ..order.clone()
    };
    composer.assemble(&order, &mut |_| ())?;
    Ok(())
}

#[cfg(test)]
mod tests;
