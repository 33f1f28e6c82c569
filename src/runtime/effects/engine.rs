//! The way to supervisors: starting a run, and asking on one connection, which is what the helm hangs on.

use crate::app::Msg;
use crate::app::effect::RunRequest;
use crate::app::msg::Answer;
use crate::domain::name::RunId;
use crate::domain::plan::Plan;
use crate::journal::store::{RunDir, Store};
use crate::supervisor::client::{self, Client, ClientError, Spawner};
use crate::supervisor::consent::{self, Consent, ConsentError};
use crate::supervisor::control::{Request, Response};
use crate::supervisor::take_over::Order;
use std::io;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Makes a run of `plan` and tells how that went.
pub(super) async fn start(
    store: Store,
    spawner: Spawner,
    plan: Arc<Plan>,
    catalog: String,
    order: Order,
    tell: UnboundedSender<Msg>,
) {
    let msg = match client::start_run(&store, &spawner, &plan, &catalog, &order).await {
        Ok(dir) => Msg::RunStarted { run: dir.id().clone() },
        Err(error) => {
            // What was refused with a reason is not asked for again.
            let locked = matches!(error, ClientError::Locked(_)) && !order.take_over;
            Msg::RunNotStarted { problem: error.to_string(), locked: locked.then_some((plan, order.from)) }
        }
    };
    // Nobody listens any more once the console has left.
    let _left = tell.send(msg);
}

/// Asks the supervisor of one run what the core wants asked, one request after the other, until nobody asks any more.
///
/// An approval is signed beside that: an agent may wait for a hand on a security key, and meanwhile somebody may have to
/// cancel a step.
pub(super) async fn ask_all(
    dir: RunDir,
    spawner: Spawner,
    mut requests: UnboundedReceiver<RunRequest>,
    tell: UnboundedSender<Msg>,
    moved: Arc<Notify>,
) {
    let mut client: Option<Client> = None;
    let (sign, mut signed) = unbounded_channel();
    loop {
        let (request, wire) = tokio::select! {
            request = requests.recv() => match request {
                None => return,
                Some(request @ RunRequest::Approve { .. }) => {
                    let (dir, sign) = (dir.clone(), sign.clone());
                    tokio::spawn(async move {
                        let wire = approval(dir, request.clone()).await;
                        // Nobody listens any more once the run is closed.
                        let _left = sign.send((request, wire));
                    });
                    continue;
                }
                Some(request) => (request.clone(), Ok(on_the_wire(request))),
            },
            Some(signed) = signed.recv() => signed,
        };
        let answer = match wire {
            Ok(wire) => match client::exchange(&spawner, &dir, &mut client, &wire).await {
                Ok(response) => answer(response),
                Err(error) => Answer::Failed { message: error.to_string() },
            },
            Err(unsaid) => unsaid,
        };
        moved.notify_one();
        let run: RunId = dir.id().clone();
        if tell.send(Msg::RequestAnswered { run, request, answer }).is_err() {
            return;
        }
    }
}

/// Returns what approves, signed through the agent where its gate asks for that; or why there is nothing to send.
async fn approval(dir: RunDir, request: RunRequest) -> Result<Request, Answer> {
    let RunRequest::Approve { release, phrase, seal, then } = request else {
        return Ok(on_the_wire(request));
    };
    let consent = Consent { release, phrase, seal: Some(seal), then, reason: None, solo: false };
    let signing = tokio::task::spawn_blocking(move || {
        let state = dir.load().map_err(|error| Answer::Failed { message: error.to_string() })?;
        let unasked = &mut |_: &str| Err(io::ErrorKind::Unsupported.into());
        consent::request(&dir, &state, &consent, None, unasked).map_err(|error| match error {
            ConsentError::Refused(refusal) => Answer::Refused { refusal },
            ConsentError::Signing(error) => Answer::Failed { message: error.to_string() },
        })
    });
    signing.await.unwrap_or_else(|error| Err(Answer::Failed { message: error.to_string() }))
}

fn answer(response: Response) -> Answer {
    match response {
        Response::Done { message } => Answer::Done { message },
        Response::HelmGiven { turn } => Answer::HelmGiven { turn },
        Response::Refused { refusal } => Answer::Refused { refusal },
        Response::HelmBusy { by } => Answer::HelmBusy { by },
        Response::Failed { message } => Answer::Failed { message },
        // `Client::request` passes these over.
        Response::Live { .. } => Answer::Failed { message: "the supervisor did not answer".to_owned() },
    }
}

fn on_the_wire(request: RunRequest) -> Request {
    match request {
        RunRequest::TakeHelm { reason } => Request::TakeHelm { reason },
        RunRequest::ReleaseHelm => Request::ReleaseHelm,
        RunRequest::Retry { step, reason } => Request::Retry { step, reason },
        RunRequest::Skip { step, reason } => Request::Skip { step, reason },
        RunRequest::CancelStep { step } => Request::Cancel { step: Some(step) },
        RunRequest::CancelRun => Request::Cancel { step: None },
        RunRequest::Kill { step } => Request::Kill { step },
        RunRequest::Waive { release, finding, message, reason } => {
            Request::Waive { release, finding, message: Some(message), reason }
        }
        RunRequest::RefreshEvidence { release, check } => Request::Refresh { release, check },
        RunRequest::Approve { release, phrase, seal, then } => {
            let (reason, solo, signed) = (None, false, None);
            Request::Approve { release, phrase, seal: Some(seal), then, reason, solo, signed }
        }
        RunRequest::Resume { release } => Request::Resume { release },
        RunRequest::Answer { step, text, hidden } => Request::Input { step, text, hidden },
    }
}
