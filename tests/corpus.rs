//! The corpus of defects: real packages with the metadata of the real `createrepo_c`, one seeded defect a test, found by its
//! check's name and path, with nothing else said but what follows from it; and nothing at all on the clean tree.
//!
//! The trees are a release in staging and what production has of it, built and signed once and copied for each defect; the
//! real binary looks at them (`stagegate verify`), in bounded memory and time. What only a release's positions show is
//! planted on a practice host. `ARCHITECTURE.md` says which incident each of these would have been.
//!
//! `createrepo_c` and `modifyrepo_c` are part of the set-up of the tests, so a missing one fails, never skips.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "corpus/closure.rs"]
mod closure;
#[path = "corpus/errata.rs"]
mod errata;
#[path = "corpus/groups.rs"]
mod groups;
#[path = "corpus/hostile.rs"]
mod hostile;
#[path = "corpus/malformed.rs"]
mod malformed;
#[path = "corpus/modules.rs"]
mod modules;
#[path = "corpus/packages.rs"]
mod packages;
#[path = "corpus/positions.rs"]
mod positions;
#[path = "support/practice.rs"]
mod practice;
#[path = "corpus/regressions.rs"]
mod regressions;
#[path = "corpus/repo.rs"]
mod repo;
#[path = "corpus/report.rs"]
mod report;
#[path = "corpus/signatures.rs"]
mod signatures;
#[path = "corpus/specs.rs"]
mod specs;
#[path = "corpus/template.rs"]
mod template;
