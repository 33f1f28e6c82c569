//! Makes the text in a message fit to be shown, before anything is done with it.
//!
//! Whatever a tool, a file, a supervisor or another person said passes here once on its way into the model, so that
//! no screen has to think of it: secrets are taken out (design 12.5), and nothing that a terminal obeys or that
//! misleads is left (design 12.4). The state of a run and its evidence are made so where they are read, because they
//! can be large.

use super::{Answer, Connection, Msg};
use crate::app::model::RunSummary;
use crate::domain::catalog::Catalog;
use crate::domain::redact::Redactor;
use std::sync::Arc;

impl Msg {
    /// Returns the message with every text of it fit to be shown.
    #[must_use]
    pub fn shown(self, redactor: &Redactor) -> Self {
        match self {
            Self::CatalogRead(catalog) => Self::CatalogRead(shown_catalog(catalog, redactor)),
            Self::MountAnswered(mount) => Self::MountAnswered(redactor.shown(mount)),
            Self::CheckoutAnswered(checkout) => Self::CheckoutAnswered(redactor.shown(checkout)),
            Self::ReleaseAnswered(release) => {
                Self::ReleaseAnswered(Arc::new(redactor.shown(Arc::unwrap_or_clone(release))))
            }
            Self::RunsListed { runs, typical } => {
                let runs = runs.into_iter().map(|run| shown_summary(run, redactor)).collect();
                Self::RunsListed { runs, typical }
            }
            Self::RunNotStarted { problem, locked } => {
                Self::RunNotStarted { problem: redactor.sentence(&problem), locked }
            }
            Self::RunUnreadable { run, problem } => {
                Self::RunUnreadable { run, problem: redactor.sentence(&problem) }
            }
            Self::LiveTold { run, live } => Self::LiveTold { run, live: redactor.shown(live) },
            Self::ConnectionChanged { run, connection: Connection::Lost { problem } } => {
                let problem = redactor.sentence(&problem);
                Self::ConnectionChanged { run, connection: Connection::Lost { problem } }
            }
            Self::RequestAnswered { run, request, answer } => {
                Self::RequestAnswered { run, request, answer: shown_answer(answer, redactor) }
            }
            Self::EvidenceUnreadable { run, release, problem } => {
                Self::EvidenceUnreadable { run, release, problem: redactor.sentence(&problem) }
            }
            Self::TroubleSeen { about, message } => {
                Self::TroubleSeen { about, message: redactor.sentence(&message) }
            }
            other => other,
        }
    }
}

fn shown_answer(answer: Answer, redactor: &Redactor) -> Answer {
    match answer {
        Answer::Done { message } => Answer::Done { message: redactor.sentence(&message) },
        Answer::HelmGiven { turn } => Answer::HelmGiven { turn },
        Answer::Refused { refusal } => Answer::Refused { refusal: redactor.shown(refusal) },
        Answer::HelmBusy { by } => Answer::HelmBusy { by: redactor.shown(by) },
        Answer::Failed { message } => Answer::Failed { message: redactor.sentence(&message) },
    }
}

fn shown_summary(run: RunSummary, redactor: &Redactor) -> RunSummary {
    let verdict = run.verdict.map_err(|problem| redactor.sentence(&problem));
    RunSummary { verdict, by: run.by.map(|by| redactor.shown(by)), folder: redactor.line(&run.folder), ..run }
}

/// What the vars files and git said about a catalog; what its steps run with stays as it is.
fn shown_catalog(mut catalog: Arc<Catalog>, redactor: &Redactor) -> Arc<Catalog> {
    let shown = Arc::make_mut(&mut catalog);
    for notice in &mut shown.notices {
        *notice = redactor.sentence(notice);
    }
    for release in &mut shown.releases {
        if let Err(problem) = &mut release.vars {
            *problem = redactor.sentence(problem);
        }
    }
    catalog
}
