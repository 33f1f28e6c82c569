//! `stagegate diff`: what one position, or one folder, has that another has not.

use super::args::{DiffArgs, Global, PositionName, TextFormat};
use super::exit::{Exit, Failure};
use super::look::look;
use super::{context, findings, target};
use crate::compose::pulse::Pulse;
use crate::domain::catalog::{Catalog, Mount};
use crate::domain::evidence::Changes;
use crate::domain::release::Release;
use crate::vet::{VetError, changes, changes_within, mounts_of};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The changes, and between what.
#[derive(Debug, Serialize)]
struct DiffReport<'a> {
    from: &'a Side,
    to: &'a Side,
    changes: &'a Changes,
}

/// One side of the comparison.
#[derive(Debug, Clone, Serialize)]
struct Side {
    position: Option<&'static str>,
    path: PathBuf,
}

/// Prints what becomes of packages, advisories, module streams and images between two positions or two folders.
pub(super) fn run(global: &Global, args: &DiffArgs) -> Result<Exit, Failure> {
    let redactor = context::redactor(global);
    let (from, to, changes) = match (target::of(global, &args.target)?, &args.other) {
        (target::Target::Folder(from), Some(to)) => {
            let (to, args) = (to.clone(), args.clone());
            look(Vec::new(), move |pulse, _| of_folders(from, &to, &args, pulse))??
        }
        (target::Target::Folder(_), None) => {
            return Err(Failure::usage_text("name the folder to compare it with: stagegate diff OLD NEW"));
        }
        (target::Target::Release(..), Some(_)) => {
            return Err(Failure::usage_text(
                "a release is compared by its positions: stagegate diff RELEASE --from production --to staging",
            ));
        }
        (target::Target::Release(catalog, id), None) => {
            let release = catalog.release(&id).ok_or_else(|| context::unknown_release(&catalog, &id))?;
            let (theirs, args) = (release.clone(), args.clone());
            look(mounts(&catalog, release), move |pulse, _| of_positions(&theirs, &args, pulse))??
        }
    };
    match args.format {
        TextFormat::Json => {
            context::out_json(&redactor, &DiffReport { from: &from, to: &to, changes: &changes })?;
        }
        TextFormat::Text => {
            let sides = format!("{} -> {}", redactor.line(&from.text()), redactor.line(&to.text()));
            let changes = findings::changes(&redactor.shown(changes));
            context::out(&redactor, &format!("{sides}\n{changes}"))?;
        }
    }
    Ok(Exit::Done)
}

/// Returns the mounts that the positions of a release are on.
fn mounts<'a>(catalog: &'a Catalog, release: &Release) -> Vec<&'a Mount> {
    let (staging, production) = (release.staging(), release.production());
    let places = [Some(&release.compose_dir), staging.as_ref(), production.as_ref()];
    mounts_of(catalog, places.into_iter().flatten().map(PathBuf::as_path))
}

impl Side {
    fn text(&self) -> String {
        match self.position {
            Some(position) => format!("{position} ({})", self.path.display()),
            None => self.path.display().to_string(),
        }
    }
}

fn of_folders(
    from: PathBuf,
    to: &Path,
    args: &DiffArgs,
    pulse: &Pulse,
) -> Result<(Side, Side, Changes), Failure> {
    if args.from.is_some() || args.to.is_some() {
        return Err(Failure::usage_text(
            "--from and --to belong to a release; two folders are compared as named",
        ));
    }
    target::folder(to)?;
    let to = std::path::absolute(to)?;
    let changes = changes(&to, &from, 0, true, pulse)?;
    Ok((Side { position: None, path: from }, Side { position: None, path: to }, changes))
}

fn of_positions(release: &Release, args: &DiffArgs, pulse: &Pulse) -> Result<(Side, Side, Changes), Failure> {
    let from = args.from.unwrap_or(PositionName::Production);
    let to = args.to.unwrap_or(PositionName::Staging);
    let (staging, production) = target::places(release)?;
    let side = |position: PositionName| Side {
        position: Some(position.word()),
        path: match position {
            PositionName::Compose => release.compose_dir.clone(),
            PositionName::Staging => staging.clone(),
            PositionName::Production => production.clone(),
        },
    };
    let (old, new) = (side(from), side(to));
    let changes = match (from, to) {
        (from, to) if from == to => {
            return Err(Failure::usage_text(format!("both sides are {}; name two positions", to.word())));
        }
        (PositionName::Compose, _) => with_composes(release, &new.path, Direction::FromComposes, pulse)?,
        (_, PositionName::Compose) => with_composes(release, &old.path, Direction::ToComposes, pulse)?,
        (_, to) => {
            target::folder(&new.path)?;
            // What a push leaves in production is not lost; the other way round nothing is pushed.
            let deletes = to != PositionName::Staging || release.toolkit.deletes;
            changes(&new.path, &old.path, release.toolkit.depth, deletes, pulse)?
        }
    };
    Ok((old, new, changes))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    FromComposes,
    ToComposes,
}

/// Compares the latest compose of each repo that is synced with the folder of a position.
fn with_composes(
    release: &Release,
    position: &Path,
    direction: Direction,
    pulse: &Pulse,
) -> Result<Changes, Failure> {
    let depth = release.toolkit.depth;
    let mut all = Changes::default();
    for name in &release.sync_order {
        let content = release.latest_link(name).join("compose");
        if !content.is_dir() {
            continue;
        }
        let sig =
            release.repo(name).and_then(|repo| repo.sig.as_ref()).map(crate::domain::name::SigName::as_str);
        let place = sig.map_or_else(|| position.to_owned(), |sig| position.join(sig));
        let within = folders(&content, depth)?;
        let (new, old) = match direction {
            Direction::ToComposes => (&content, &place),
            Direction::FromComposes => (&place, &content),
        };
        // A position keeps what older composes brought; only what a compose has can be missing.
        let deletes = direction == Direction::FromComposes;
        let mut some = changes_within(new, old, &within, depth, deletes, pulse)?;
        for change in some.packages.iter_mut().chain(&mut some.files) {
            if let Some(sig) = sig {
                change.place = format!("{sig}/{}", change.place);
            }
        }
        all.packages.append(&mut some.packages);
        all.files.append(&mut some.files);
        all.bytes += some.bytes;
    }
    all.packages.sort();
    all.files.sort();
    Ok(all)
}

/// Returns the folders that the toolkit copies as a whole, relative to `root`.
fn folders(root: &Path, depth: u8) -> Result<Vec<PathBuf>, Failure> {
    let mut level = vec![PathBuf::new()];
    for _ in 0..depth {
        let mut next = Vec::new();
        for folder in &level {
            for entry in std::fs::read_dir(root.join(folder))? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    next.push(folder.join(entry.file_name()));
                }
            }
        }
        level = next;
    }
    level.sort();
    Ok(level)
}

impl From<VetError> for Failure {
    fn from(error: VetError) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}
