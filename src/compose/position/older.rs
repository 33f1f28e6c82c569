//! Finds, among the older composes of each repo, the one that staging holds whole.
//!
//! Older composes are listed one by one, newest first, for all repos at once, and only as long as a repo
//! is still looking; a repo that is current needs none of them.

use super::judge::share;
use super::{Basis, ContentCache, Facts, Older, compose_folder};
use crate::compose::content::Content;
use crate::compose::pulse::Pulse;
use crate::domain::compose::ComposeId;
use crate::domain::release::{Release, Repo};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

/// A repo that is still looking for the compose it wants.
struct Search<'a> {
    /// Which of the releases it is of.
    lane: usize,
    repo: &'a Repo,
    candidates: VecDeque<ComposeId>,
    want: Want,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    /// The newest that staging holds whole.
    Held,
    /// The one before what staging holds.
    Before,
}

/// Fills in [`Facts::held`] and [`Facts::before`] of several releases, reading their composes folders only.
pub fn find_older(lanes: &mut [(&Release, &mut Facts)], cache: &ContentCache, pulse: &Pulse) {
    let mut searches: Vec<Search<'_>> = Vec::new();
    for (lane, (release, facts)) in lanes.iter().enumerate() {
        searches.extend(searches_of(lane, release, facts));
    }
    while !searches.is_empty() {
        searches.retain(|search| !search.candidates.is_empty());
        let ids: Vec<ComposeId> =
            searches.iter().filter_map(|search| search.candidates.front().cloned()).collect();
        let folders: Vec<(PathBuf, u8)> = searches
            .iter()
            .zip(&ids)
            .filter_map(|(search, id)| Some(compose_folder(lanes.get(search.lane)?.0, id)))
            .collect();
        let read = cache.read(&folders, pulse);
        let mut going_on = Vec::new();
        for ((mut search, id), content) in searches.into_iter().zip(ids).zip(read) {
            search.candidates.pop_front();
            // A compose that cannot be read (or is just being removed) cannot be told to be held.
            if let Ok(content) = content
                && let Some((_, facts)) = lanes.get_mut(search.lane)
            {
                settle(&mut search, Older { id, content }, facts);
            }
            going_on.push(search);
        }
        searches = going_on;
    }
}

/// Returns the searches that one release needs; none while its composes or its staging are not known.
fn searches_of<'a>(lane: usize, release: &'a Release, facts: &Facts) -> Vec<Search<'a>> {
    let (Ok(scan), Ok(staging)) = (&facts.scan, &facts.staging) else { return Vec::new() };
    let mut searches = Vec::new();
    for repo in &release.repos {
        let Some(Basis { id, content: Ok(content), .. }) = facts.bases.get(&repo.name) else { continue };
        let Some(found) = scan.repo(&repo.name) else { continue };
        let current = share(repo, content, None, staging).lacks() == 0;
        if current && nothing_lacks(repo, content, facts) {
            continue;
        }
        let want = if current { Want::Before } else { Want::Held };
        searches.push(Search { lane, repo, candidates: found.finished_before(id).cloned().collect(), want });
    }
    searches
}

/// Takes what a compose has to say for a search, which then looks further or has no candidates left.
fn settle(search: &mut Search<'_>, older: Older, facts: &mut Facts) {
    let Ok(staging) = &facts.staging else { return };
    let found = share(search.repo, &older.content, None, staging);
    let whole = found.of > 0 && found.lacks() == 0;
    let name = search.repo.name.clone();
    match search.want {
        Want::Held if whole => {
            let lacks_nothing = nothing_lacks(search.repo, &older.content, facts);
            facts.held.insert(name, older);
            search.want = Want::Before;
            if lacks_nothing {
                search.candidates.clear();
            }
        }
        Want::Held => {}
        Want::Before => {
            facts.before.insert(name, older);
            search.candidates.clear();
        }
    }
}

/// Says whether production has all of `content`, or cannot be asked.
fn nothing_lacks(repo: &Repo, content: &Arc<Content>, facts: &Facts) -> bool {
    facts.production.as_ref().map_or(true, |production| share(repo, content, None, production).lacks() == 0)
}
