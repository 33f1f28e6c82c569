//! The way to supervisors: starting a run, and asking on one connection, which is what the helm hangs on.

use crate::app::Msg;
use crate::app::effect::RunRequest;
use crate::app::msg::Answer;
use crate::domain::name::RunId;
use crate::domain::plan::Plan;
use crate::journal::store::{RunDir, Store};
use crate::supervisor::client::{self, Client, ClientError, Spawner};
use crate::supervisor::control::{Request, Response};
use crate::supervisor::take_over::Order;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

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
pub(super) async fn ask_all(
    dir: RunDir,
    spawner: Spawner,
    mut requests: UnboundedReceiver<RunRequest>,
    tell: UnboundedSender<Msg>,
    moved: Arc<Notify>,
) {
    let mut client: Option<Client> = None;
    while let Some(request) = requests.recv().await {
        let wire = on_the_wire(&request);
        let answer = match client::exchange(&spawner, &dir, &mut client, &wire).await {
            Ok(response) => answer(response),
            Err(error) => Answer::Failed { message: error.to_string() },
        };
        moved.notify_one();
        let run: RunId = dir.id().clone();
        if tell.send(Msg::RequestAnswered { run, request, answer }).is_err() {
            return;
        }
    }
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

fn on_the_wire(request: &RunRequest) -> Request {
    match request.clone() {
        RunRequest::TakeHelm { reason } => Request::TakeHelm { reason },
        RunRequest::ReleaseHelm => Request::ReleaseHelm,
        RunRequest::Retry { step, reason } => Request::Retry { step, reason },
        RunRequest::Skip { step, reason } => Request::Skip { step, reason },
        RunRequest::CancelStep { step } => Request::Cancel { step: Some(step) },
        RunRequest::CancelRun => Request::Cancel { step: None },
        RunRequest::Kill { step } => Request::Kill { step },
        RunRequest::Waive { release, finding, reason } => Request::Waive { release, finding, reason },
        RunRequest::RefreshEvidence { release } => Request::Refresh { release },
        RunRequest::Approve { release, phrase, seal, then } => {
            Request::Approve { release, phrase, seal: Some(seal), then }
        }
        RunRequest::Resume { release } => Request::Resume { release },
        RunRequest::Answer { step, text, hidden } => Request::Input { step, text, hidden },
    }
}
