//! What must hold for any bytes at all: one law for each reader of foreign text.
//!
//! The fuzz targets of this folder search for bytes that break a law; `tests/fuzz_corpus.rs` holds every law for
//! the bytes that were kept, on every test run. A law panics where it is broken, and does nothing else.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "each target takes the one law that it is about, and a law speaks by panicking"
)]

use jiff::Timestamp;
use stagegate::catalog;
use stagegate::catalog::vars;
use stagegate::domain::compose::ComposeId;
use stagegate::domain::log_line;
use stagegate::domain::name::ReleaseId;
use stagegate::domain::plan::Plan;
use stagegate::domain::progress::{ProgressFormat, ProgressReader};
use stagegate::domain::run::{Event, RunState};
use stagegate::journal::reader;
use stagegate::repodata::{
    Limit, Package, Repomd, Want, Way, compression, comps, href, modules, primary, updateinfo,
};
use stagegate::supervisor::control::{Request, Response};
use stagegate::supervisor::serve::Hello;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Component, Path};
use unicode_width::UnicodeWidthStr as _;

/// A plan that the facts of a fuzzed journal are about.
const PLAN: &str = include_str!("../tests/journals/v1/finished/plan.json");

/// A journal of any bytes is read up to its damage, and any facts in any order make some state.
pub(crate) fn journal(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    if mode % 2 == 0 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, rest).unwrap();
        let read = reader::read(&path).unwrap();
        let whole = usize::try_from(read.whole_bytes).unwrap();
        assert!(whole <= rest.len(), "never beyond the end");
        for (place, record) in read.records.iter().enumerate() {
            assert_eq!(record.seq, place as u64 + 1, "without gaps");
        }
        if read.problem.is_none() {
            assert_eq!(whole + read.torn.len(), rest.len(), "every byte is a record's or torn");
        }
        return;
    }
    let plan: Plan = serde_json::from_str(PLAN).unwrap();
    let mut state = RunState::new(plan);
    let mut count = 0;
    for line in rest.split(|byte| *byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Event>(line) else { continue };
        state.apply(Timestamp::UNIX_EPOCH, &event);
        count += 1;
        assert_eq!(state.events, count);
        assert_eq!(state.steps.len(), state.plan.steps.len(), "no step comes or goes");
        for alive in [true, false] {
            assert!(!state.verdict(alive).word().is_empty());
        }
        for lane in &state.plan.lanes {
            let _at = state.lane_at(lane);
        }
        let written = serde_json::to_vec(&event).unwrap();
        assert_eq!(serde_json::from_slice::<Event>(&written).unwrap(), event, "what is written is read");
    }
}

/// A catalog of any text is a catalog, or errors that each name a place in it.
pub(crate) fn catalog(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let errors = match catalog::parse("fuzz.toml", text.to_owned()) {
        Ok(draft) => match draft.outline(&BTreeMap::new()) {
            Ok(_) => return,
            Err(errors) => errors,
        },
        Err(errors) => errors,
    };
    assert!(!errors.problems.is_empty());
    let lines = text.split('\n').count();
    for problem in &errors.problems {
        assert!((1..=lines).contains(&problem.line), "line {} of {lines}", problem.line);
        assert!(problem.column >= 1 && problem.width >= 1);
        assert!(!problem.message.is_empty());
    }
    assert!(!errors.to_string().is_empty());
}

/// A line of any bytes becomes text without any control character, of the width that is said.
pub(crate) fn log_line(data: &[u8]) {
    let line = log_line::render(data);
    let mut width = 0;
    for span in &line.spans {
        assert!(!span.text.is_empty());
        assert!(!span.text.chars().any(char::is_control), "{:?}", span.text);
        width += span.text.width();
    }
    // A string may take less than its characters one by one: emoji sequences, and nothing else.
    assert!(width <= line.width, "{width} of {}", line.width);
    for pair in line.spans.windows(2) {
        assert_ne!(pair[0].ink, pair[1].ink, "neighbours differ");
    }
    let plain = log_line::plain(data);
    assert_eq!(plain, line.text().trim_end());
    assert_eq!(log_line::plain(plain.as_bytes()), plain, "what is safe stays as it is");
}

/// Progress of any output in any pieces is a fraction below 1 and a short, clean label.
pub(crate) fn progress(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let format = match choice % 4 {
        0 => ProgressFormat::Pungi,
        1 => ProgressFormat::Rsync,
        2 => ProgressFormat::Createrepo { expected: (choice / 4 != 0).then(|| u32::from(choice / 4)) },
        _ => ProgressFormat::Ansible,
    };
    let size = usize::from(choice / 4) + 1;
    let mut whole = ProgressReader::new(format);
    whole.feed(rest);
    let mut pieces = ProgressReader::new(format);
    for piece in rest.chunks(size) {
        pieces.feed(piece);
        if let Some(progress) = pieces.current() {
            assert!(progress.fraction.is_none_or(|part| (0.0..1.0).contains(&part)));
            assert!(progress.label.chars().count() <= 60);
            assert!(!progress.label.chars().any(char::is_control));
        }
    }
    assert_eq!(whole.current(), pieces.current(), "the pieces do not matter");
}

/// A compose id is written as it was read, and ids of any text are in one order.
pub(crate) fn compose_name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let ids: Vec<ComposeId> = text.lines().take(3).filter_map(|line| line.parse().ok()).collect();
    for id in &ids {
        let again: ComposeId = id.to_string().parse().unwrap();
        assert_eq!(&again, id);
        assert!(!id.to_string().contains(['/', '\0', '\n']), "a name, never a path");
        assert!(text.lines().any(|line| line.parse::<ComposeId>().is_ok_and(|other| &other == id)));
    }
    for a in &ids {
        for b in &ids {
            assert_eq!(a.cmp(b), b.cmp(a).reverse());
            assert_eq!(a.cmp(b).is_eq(), a == b);
            for c in &ids {
                assert!(!(a <= b && b <= c) || a <= c);
            }
        }
    }
}

/// Whatever bash says of the vars files, every path made of it stays below its root.
pub(crate) fn vars(data: &[u8]) {
    let release = ReleaseId::new("8").unwrap();
    let Ok(vars) = vars::read_declared(data, &release, Path::new("toolkit/common_8")) else { return };
    let is_plain = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    for root in [&vars.staging_root, &vars.production_root] {
        assert!(root.is_absolute() && root.components().count() > 1, "{}", root.display());
        assert!(!root.components().any(|part| part == Component::ParentDir));
    }
    assert!(vars.revision.starts_with('8'));
    for text in [&vars.revision, &vars.release_dir] {
        assert!(!text.is_empty() && is_plain(Path::new(text)), "{text}");
    }
    assert!(is_plain(Path::new(&vars.category)));
    for name in
        vars.arches.iter().chain(&vars.variants).chain(&vars.module_variants).chain(&vars.nonsig_composes)
    {
        assert!(!name.is_empty() && !name.contains(['/', '\0', '\n']) && name != "..", "{name:?}");
    }
}

/// Any line on the control socket is a request or is not; what is one is written and read as the same.
pub(crate) fn control(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(data) {
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains('\n'), "one line a request");
        assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
    }
    if let Ok(response) = serde_json::from_slice::<Response>(data) {
        let line = serde_json::to_string(&response).unwrap();
        assert!(!line.contains('\n'), "one line a response");
        let again = serde_json::from_str::<Response>(&line).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), line);
    }
    if let Ok(hello) = serde_json::from_slice::<Hello>(data) {
        assert_eq!(serde_json::from_str::<Hello>(&serde_json::to_string(&hello).unwrap()).unwrap(), hello);
    }
}

/// A repomd.xml of any bytes names files below its repo, or is refused.
pub(crate) fn repomd(data: &[u8]) {
    let Ok(repomd) = Repomd::parse(data) else { return };
    assert!(repomd.data.len() + repomd.passed_over.len() <= data.len() / 4, "no more than was written");
    for data in &repomd.data {
        assert!(href::check(data.href.as_str()).is_ok() && !data.kind.ends_with("_zck"));
        assert!(!data.href.as_path().is_absolute());
        assert!(!data.href.as_path().components().any(|part| part == Component::ParentDir));
        for sum in [&data.checksum, &data.open_checksum].into_iter().flatten() {
            assert!(sum.kind.fits(&sum.hex));
        }
    }
}

/// What the XML reader makes of a primary.xml, compressed or not, the fast way makes of it too.
pub(crate) fn primary(data: &[u8]) {
    let Ok(mut stream) = compression::Inflated::new(data, Limit::new(1 << 20)) else { return };
    let mut plain = Vec::new();
    if stream.read_to_end(&mut plain).is_err() {
        return;
    }
    assert!(plain.len() <= 1 << 20, "never more than the limit");
    let read = |way| {
        let mut packages: Vec<Package> = Vec::new();
        let read = primary::read(plain.as_slice(), Want::ALL, way, |package| {
            packages.push(package.clone());
            ControlFlow::Continue(())
        });
        read.map(|_| packages)
    };
    let fast = read(Way::Fast);
    if let Ok(packages) = read(Way::Xml) {
        assert_eq!(fast.unwrap(), packages);
        for package in packages {
            assert!(package.checksum_kind().fits(package.pkgid()) && !package.name().is_empty());
        }
    }
}

/// Every advisory of any bytes has an id, and its packages have names and versions.
pub(crate) fn updateinfo(data: &[u8]) {
    let _ = updateinfo::read(data, |advisory| {
        assert!(!advisory.id.is_empty());
        for package in advisory.packages() {
            assert!(
                ![&package.nevra.name, &package.nevra.version, &package.nevra.release]
                    .contains(&&String::new())
            );
        }
        ControlFlow::Continue(())
    });
}

/// Module data of any bytes holds no more than was written, and its streams have names.
pub(crate) fn modules(data: &[u8]) {
    let Ok(modules) = modules::read(data) else { return };
    let artifacts: usize =
        modules.streams.iter().flat_map(|stream| stream.artifacts.iter()).map(str::len).sum();
    assert!(artifacts <= data.len(), "nothing is multiplied");
    for stream in &modules.streams {
        assert!(!stream.name.is_empty() && !stream.stream.is_empty());
    }
    let of_all = modules.by_artifact();
    assert!(of_all.len() <= modules.streams.iter().map(|stream| stream.artifacts.iter().count()).sum());
}

/// Groups of any bytes have ids, and there are no more than was written.
pub(crate) fn comps(data: &[u8]) {
    let Ok(comps) = comps::read(data) else { return };
    let packages: usize = comps.groups.iter().map(|group| group.packages.len()).sum();
    assert!(packages + comps.groups.len() + comps.langpacks.len() <= data.len() / 4);
    assert!(comps.groups.iter().all(|group| !group.id.is_empty()));
}
