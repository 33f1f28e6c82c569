//! Finds, among the older composes of each repo, the one that staging holds whole.
//!
//! Older composes are listed one by one, newest first, for all repos at once, and only as long as a repo
//! is still looking; a repo that is current needs none of them.

use super::judge::share;
use super::{Basis, ContentCache, Facts, Older};
use crate::compose::content::Content;
use crate::domain::compose::ComposeId;
use crate::domain::release::{Release, Repo};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A repo that is still looking for the compose it wants.
struct Search<'a> {
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

/// Fills in [`Facts::held`] and [`Facts::before`], reading the composes folder of `release` only.
pub fn find_older(release: &Release, facts: &mut Facts, cache: &ContentCache, cancel: &AtomicBool) {
    let (Ok(scan), Ok(staging)) = (facts.scan.clone(), facts.staging.clone()) else { return };
    let mut searches = Vec::new();
    for repo in &release.repos {
        let Some(Basis { id, content: Ok(content), .. }) = facts.bases.get(&repo.name) else { continue };
        let Some(found) = scan.repo(&repo.name) else { continue };
        let current = share(repo, content, None, &staging).lacks() == 0;
        if current && nothing_lacks(repo, content, facts) {
            continue;
        }
        let want = if current { Want::Before } else { Want::Held };
        searches.push(Search { repo, candidates: found.finished_before(id).cloned().collect(), want });
    }
    while !searches.is_empty() {
        searches.retain(|search| !search.candidates.is_empty());
        let ids: Vec<ComposeId> =
            searches.iter().filter_map(|search| search.candidates.front().cloned()).collect();
        let read = cache.read(release, &ids, cancel);
        let mut going_on = Vec::new();
        for ((mut search, id), content) in searches.into_iter().zip(ids).zip(read) {
            search.candidates.pop_front();
            // A compose that cannot be read (or is just being removed) cannot be told to be held.
            if let Ok(content) = content {
                let whole = share(search.repo, &content, None, &staging);
                settle(&mut search, Older { id, content }, whole.of > 0 && whole.lacks() == 0, facts);
            }
            going_on.push(search);
        }
        searches = going_on;
    }
}

/// Takes what a compose has to say for a search, which then looks further or has no candidates left.
fn settle(search: &mut Search<'_>, older: Older, whole: bool, facts: &mut Facts) {
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
