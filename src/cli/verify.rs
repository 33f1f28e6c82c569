//! `stagegate verify`: a position of a release, or a folder of RPM repos, checked now and outside of any run.

use super::args::{Global, PositionName, TextFormat, VerifyArgs};
use super::exit::{Exit, Failure};
use super::findings;
use super::look::look;
use super::subject::Subject;
use super::{context, target};
use crate::compose::read::explain;
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::domain::release::Release;
use crate::domain::visible;
use crate::ui::widgets::text::count;
use crate::vet::package::Keys;
use crate::vet::{Occasion, Reading};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was verified, and what was found.
#[derive(Debug, Serialize)]
struct VerifyReport<'a> {
    target: &'a str,
    position: Option<&'static str>,
    path: &'a Path,
    against: Option<&'a Path>,
    checks: &'a [CheckName],
    blocking: usize,
    findings: Vec<findings::FindingRow<'a>>,
}

/// One thing to verify: where it stands and which checks fit it.
struct Work {
    position: Option<&'static str>,
    path: PathBuf,
    against: Option<PathBuf>,
    /// The checks and the subject that each of them looks at.
    checks: Vec<(CheckName, Arc<Subject>)>,
}

/// Verifies a position or a folder; exit code 1 if a finding blocks.
pub(super) fn run(global: &Global, args: &VerifyArgs) -> Result<Exit, Failure> {
    let work = match target::of(global, &args.target)? {
        target::Target::Folder(folder) => of_folder(folder, args)?,
        target::Target::Release(catalog, id) => {
            let release = catalog.release(&id).ok_or_else(|| context::unknown_release(&catalog, &id))?;
            of_release(&catalog, release, args)?
        }
    };
    args.key.iter().try_for_each(|key| readable(key))?;
    let redactor = context::redactor(global);
    let mounts = work.checks.first().map_or_else(Vec::new, |(_, subject)| subject.mounts());
    let checks = work.checks.clone();
    let mut findings: Vec<Finding> = look(mounts, move |pulse, prober| {
        checks.iter().flat_map(|(check, subject)| subject.check(*check, pulse, prober)).collect()
    })?;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let blocking = findings::blocking(&findings, &[]);
    let checks: Vec<CheckName> = work.checks.iter().map(|(check, _)| *check).collect();
    match args.format {
        TextFormat::Json => {
            let report = VerifyReport {
                target: &args.target,
                position: work.position,
                path: &work.path,
                against: work.against.as_deref(),
                checks: &checks,
                blocking,
                findings: findings::rows(&findings, &[]),
            };
            context::out_json(&redactor, &report)?;
        }
        TextFormat::Text => {
            context::out(&redactor, &text(&work, &checks, &redactor.shown(findings), blocking))?;
        }
    }
    Ok(if blocking > 0 { Exit::Failed } else { Exit::Done })
}

/// Makes sure that a file holds public keys, before a long look that would only say at its end that it does not.
fn readable(key: &Path) -> Result<(), Failure> {
    let wrong = |problem: String| {
        let advice = "name a file as `gpg --export --armor` writes it";
        Failure::usage_text(format!("the key {}: {problem}; {advice}", name(key)))
    };
    let bytes = std::fs::read(key).map_err(|error| wrong(explain(&error)))?;
    match Keys::read(&bytes) {
        Ok(keys) if keys.is_empty() => Err(wrong("holds no public key".to_owned())),
        Ok(_) => Ok(()),
        Err(error) => Err(wrong(format!("holds no public key: {error}"))),
    }
}

fn of_folder(folder: PathBuf, args: &VerifyArgs) -> Result<Work, Failure> {
    if args.position.is_some() {
        return Err(Failure::usage_text("--position belongs to a release; a folder has none"));
    }
    target::of_repos(&folder)?;
    if let Some(against) = &args.against {
        target::folder(against)?;
        target::of_repos(against)?;
    }
    let against = args.against.clone().map(std::path::absolute).transpose()?;
    let subject = Subject::of_folder(folder.clone(), against.clone(), args.key.clone());
    let subject = Arc::new(subject.map_err(Failure::usage)?.reading(reading(args)));
    // Where nothing would be replaced nothing can be lost.
    let fits = |check: &CheckName| *check != CheckName::NoRegression || against.is_some();
    let checks = Occasion::Folder.checks().into_iter().filter(fits);
    let checks = checks.map(|check| (check, Arc::clone(&subject))).collect();
    Ok(Work { position: None, path: folder, against, checks })
}

/// Those of production's checks that compare it with staging, or ask about the push that filled it.
const OF_THE_PUSH: [CheckName; 3] =
    [CheckName::Mounts, CheckName::ProductionMatchesStaging, CheckName::FileListsFresh];

fn of_release(
    catalog: &crate::domain::catalog::Catalog,
    release: &Release,
    args: &VerifyArgs,
) -> Result<Work, Failure> {
    let position = args.position.unwrap_or(PositionName::Staging);
    if position != PositionName::Staging && args.against.is_some() {
        return Err(Failure::usage_text("--against compares staging or a folder with what it would replace"));
    }
    if position == PositionName::Compose && !args.key.is_empty() {
        return Err(Failure::usage_text(
            "--key is for staging, production or a folder; a compose is not signed yet",
        ));
    }
    let (staging, production) = target::places(release)?;
    let against = match &args.against {
        Some(path) => target::folder(path).and_then(|()| Ok(std::path::absolute(path)?))?,
        None => production.clone(),
    };
    let keys = if args.key.is_empty() { &release.toolkit.keys } else { &args.key };
    let subject = |tree: &Path, against: Option<&PathBuf>| {
        Subject::of_release(catalog, release, tree.to_owned(), against.cloned(), keys.clone())
            .map(|subject| Arc::new(subject.reading(reading(args))))
            .map_err(Failure::usage)
    };
    let pushed = subject(&staging, Some(&against))?;
    let of = |occasion: Occasion, subject: &dyn Fn(CheckName) -> Arc<Subject>| {
        occasion.checks().into_iter().map(|check| (check, subject(check))).collect()
    };
    let (path, against, checks) = match position {
        PositionName::Compose => {
            (release.compose_dir.clone(), None, of(Occasion::Composes, &|_| Arc::clone(&pushed)))
        }
        PositionName::Staging => (staging, Some(against), of(Occasion::Staging, &|_| Arc::clone(&pushed))),
        PositionName::Production => {
            // Nothing stands behind production: what is wrong there is not inherited from anywhere.
            let alone = subject(&production, None)?;
            let looked_at = |check| Arc::clone(if OF_THE_PUSH.contains(&check) { &pushed } else { &alone });
            (production, Some(staging), of(Occasion::Production, &looked_at))
        }
    };
    Ok(Work { position: Some(position.word()), path, against, checks })
}

fn reading(args: &VerifyArgs) -> Reading {
    if args.deep { Reading::Whole } else { Reading::Headers }
}

fn name(path: &Path) -> String {
    visible::line(&path.to_string_lossy()).into_owned()
}

fn text(work: &Work, checks: &[CheckName], findings: &[Finding], blocking: usize) -> String {
    let mut out = String::new();
    let _ = match work.position {
        Some(position) => writeln!(out, "{position}: {}", name(&work.path)),
        None => writeln!(out, "{}", name(&work.path)),
    };
    if let Some(against) = &work.against {
        let _ = writeln!(out, "against {}", name(against));
    } else if work.position.is_none() {
        let _ =
            writeln!(out, "against nothing; name what it replaces with --against to see what would be lost");
    }
    let names: Vec<String> = checks.iter().map(ToString::to_string).collect();
    let _ = writeln!(out, "checked: {}", names.join(", "));
    out.push_str(&findings::text(findings, &[]));
    let verdict = match (blocking, findings.len()) {
        (0, 0) => "nothing found".to_owned(),
        (0, 1) => "1 finding, which does not block".to_owned(),
        (1, 1) => "1 finding, which blocks".to_owned(),
        (0, all) => format!("{}, none of them blocks", count(all, "finding")),
        (blocking, all) => format!("{}, {blocking} of them blocking", count(all, "finding")),
    };
    let _ = writeln!(out, "\n{verdict}");
    out
}
