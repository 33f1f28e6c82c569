//! The one action table: everything that can be done on the screens.
//!
//! Footer, help, palette, `config/keys.toml` and `stagegate keys` are all made from it, so none of them
//! can say anything else. Whether an action can be taken right now is `app::availability`'s word.

use super::layer::Layer;

/// What a group of actions is about; help shows the groups in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Getting about.
    Move,
    /// Going to another screen.
    Screens,
    /// Ticking what to compose and sync.
    Ticks,
    /// Acting on a run.
    Run,
    /// Reading logs.
    Logs,
    /// Vetting and approving.
    Gate,
    /// The console itself.
    Console,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 7] =
        [Self::Move, Self::Screens, Self::Ticks, Self::Run, Self::Logs, Self::Gate, Self::Console];

    /// Returns its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Screens => "Screens",
            Self::Ticks => "Ticks and flow",
            Self::Run => "Run",
            Self::Logs => "Logs",
            Self::Gate => "Gate",
            Self::Console => "Console",
        }
    }
}

/// Whether an action can lead to a change outside the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// It changes what is shown or ticked, nothing else.
    View,
    /// It asks a supervisor to do something; never available in observe mode.
    Act,
}

/// What is known about one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionInfo {
    /// Which action.
    pub action: Action,
    /// Its name in `keys.toml`: `toggle-sync`.
    pub id: &'static str,
    /// The layers it belongs to.
    pub layers: &'static [Layer],
    /// Its keys unless the user's file says otherwise.
    pub keys: &'static [&'static str],
    /// What the footer calls it.
    pub label: &'static str,
    /// What it does, as a whole sentence without a full stop.
    pub description: &'static str,
    /// Where the help lists it.
    pub group: Group,
    /// How far it reaches.
    pub reach: Reach,
}

impl ActionInfo {
    /// Returns whether it can lead to a change outside the console.
    pub const fn mutates(&self) -> bool {
        matches!(self.reach, Reach::Act)
    }
}

macro_rules! actions {
    ($( $action:ident $id:literal [$($layer:ident),+] [$($key:literal),*] $label:literal $group:ident $reach:ident $about:literal; )+) => {
        /// Something that can be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $( #[doc = $about] $action, )+
        }

        /// Every action, in the order of help and files.
        pub const TABLE: &[ActionInfo] = &[
            $( ActionInfo {
                action: Action::$action,
                id: $id,
                layers: &[$(Layer::$layer),+],
                keys: &[$($key),*],
                label: $label,
                description: $about,
                group: Group::$group,
                reach: Reach::$reach,
            }, )+
        ];
    };
}

actions! {
    MoveUp "move-up" [Global] ["up", "k"] "up" Move View "Move up";
    MoveDown "move-down" [Global] ["down", "j"] "down" Move View "Move down";
    MoveLeft "move-left" [Global] ["left", "h"] "left" Move View "Move left, or scroll a log pane left";
    MoveRight "move-right" [Global] ["right", "l"] "right" Move View "Move right, or scroll a log pane right";
    PageUp "page-up" [Global] ["pageup", "ctrl-b"] "page up" Move View "Move up by a page";
    PageDown "page-down" [Global] ["pagedown", "ctrl-f"] "page down" Move View "Move down by a page";
    GoFirst "go-first" [Global] ["home"] "first" Move View "Go to the beginning";
    GoLast "go-last" [Global] ["end", "G"] "last" Move View "Go to the end; a log pane follows from there";
    NextPane "next-pane" [Global] ["tab"] "next" Move View "Go to the next pane";
    PreviousPane "previous-pane" [Global] ["shift-tab"] "previous" Move View "Go to the pane before";

    ShowStatus "show-status" [Global] ["1"] "status" Screens View "Show where every repo stands";
    ShowPlan "show-plan" [Global] ["2"] "plan" Screens View "Show the exact steps of what is ticked";
    ShowRun "show-run" [Global] ["3"] "run" Screens View "Show the run";
    ShowGate "show-gate" [Global] ["4"] "gate" Screens View "Show the gate and its evidence";
    ShowHistory "show-history" [Global] ["5"] "history" Screens View "Show past runs";
    ShowLog "show-log" [Global] ["6"] "log" Screens View "Show the console's own log";
    GoToPlan "go-to-plan" [Status] ["enter", "p"] "plan" Screens View "Go on to the plan of what is ticked";
    OpenRun "open-run" [History] ["enter"] "open" Screens View "Open the chosen run";

    ToggleSync "toggle-sync" [Status, Plan] ["space", "s"] "sync" Ticks View "Tick or untick the sync of this repo to staging";
    ToggleCompose "toggle-compose" [Status, Plan] ["c"] "compose" Ticks View "Tick or untick the compose of this repo";
    TickRelease "tick-release" [Status, Plan] ["a"] "all of release" Ticks View "Tick everything of this release; again: untick it";
    TickBehind "tick-behind" [Status, Plan] ["A"] "all behind" Ticks View "Tick the sync of everything that is behind, in all releases";
    TickNothing "tick-nothing" [Status, Plan] ["n"] "none" Ticks View "Untick everything";
    NextFlow "next-flow" [Status, Plan] ["f"] "flow" Ticks View "Take the next flow";
    UndoTick "undo-tick" [Status, Plan] ["u"] "undo" Ticks View "Undo the last change of ticks or flow";
    Refresh "refresh" [Status, Plan, History] ["f5", "ctrl-r"] "refresh" Ticks View "Look at mounts, composes and runs again";

    StartRun "start-run" [Status, Plan] ["r"] "run" Run Act "Run the plan, after a question that lists what will run";
    Retry "retry" [Run, Pane] ["t"] "retry" Run Act "Run this step again; what builds on it becomes stale";
    Skip "skip" [Run, Pane] ["x"] "skip" Run Act "Leave this step out, with a reason; the gate will ask about it";
    CancelStep "cancel-step" [Run, Pane] ["X"] "stop step" Run Act "Stop this step: TERM to its whole tree, then a grace period";
    KillStep "kill-step" [Run, Pane] ["K"] "kill step" Run Act "Kill a step that was asked to stop and goes on";
    CancelRun "cancel-run" [Run, Pane] ["ctrl-x"] "stop run" Run Act "Stop the whole run: its running steps are stopped, nothing further starts";
    Resume "resume" [Run, Pane] ["R"] "resume" Run Act "Go on with an interrupted run, or with a publish that was held";
    PlanAnew "plan-anew" [Run, Pane] ["p"] "plan anew" Run View "Plan what is left of this run anew, with the composes that the links name now";
    Attach "attach" [Run, Pane] ["i"] "answer" Run Act "Answer a step that waits for input";
    OpenGate "open-gate" [Run, Pane] ["g"] "gate" Run View "Go to the gate of this lane";

    OpenLog "open-log" [Run] ["enter", "l"] "log" Logs View "Open this step's log large";
    SideBySide "side-by-side" [Run, Pane] ["v"] "lanes" Logs View "Show the logs of all lanes side by side, or one again";
    Follow "follow" [Run, Pane, Log] ["F"] "follow" Logs View "Follow the end of the log; in the list of steps: go with the run";
    Search "search" [Pane, Gate] ["/"] "search" Logs View "Search the log, or what this tab of the gate lists";
    NextMatch "next-match" [Pane, Gate] ["n"] "next match" Logs View "Go to the next match";
    PreviousMatch "previous-match" [Pane, Gate] ["N"] "match before" Logs View "Go to the match before";
    Wrap "wrap" [Pane] ["w"] "wrap" Logs View "Wrap long lines, or cut them";

    GateActivate "gate-activate" [Gate] ["enter"] "choose" Gate View "Take what has the focus: cancel goes back to the run";
    ToggleItem "toggle-item" [Gate] ["space"] "tick" Gate View "Tick a point of the checklist";
    Waive "waive" [Gate] ["w"] "waive" Gate Act "Let the chosen finding through by name, with a reason";
    GoToPhrase "go-to-phrase" [Gate] ["a"] "approve" Gate View "Go to the phrase that approves";
    CheckAgain "check-again" [Gate] ["r"] "check again" Gate Act "Have the check of the chosen finding look again; the rest stands while staging is what was sealed";
    RefreshEvidence "refresh-evidence" [Gate] ["f5", "e"] "evidence anew" Gate Act "Gather the evidence anew: every check looks again";
    EndLook "end-look" [Gate] ["X"] "stop looking" Gate Act "Stop gathering the evidence; what was seen so far counts for nothing";
    ToggleHold "toggle-hold" [Gate] ["H"] "hold" Gate View "Record the approval only: production waits for resume";
    ShowFindings "show-findings" [Gate] ["f"] "findings" Gate View "Show what was found";
    ShowChanges "show-changes" [Gate] ["c"] "changes" Gate View "Show what production gains and loses, repo by repo";
    ShowChecklist "show-checklist" [Gate] ["t"] "checklist" Gate View "Show what a person confirms, and what was waived by whom";
    ShowProduction "show-production" [Gate] ["p"] "production" Gate View "Show what production holds now, and what goes out";
    ShowChecks "show-checks" [Gate] ["v"] "checks" Gate View "Show which checks looked, when, and for how long";
    NextGroup "next-group" [Gate] ["]"] "next group" Gate View "Go to the next repo among the changes, or the next severity among the findings";
    PreviousGroup "previous-group" [Gate] ["["] "group before" Gate View "Go to the repo before among the changes, or the severity before among the findings";

    Accept "accept" [Text] ["enter"] "accept" Console View "Accept what was typed; the gate's phrase only once it matches";
    ConfirmYes "confirm-yes" [Confirm] ["y"] "yes" Console View "Do what the question lists";
    ConfirmNo "confirm-no" [Confirm] ["n"] "no" Console View "Do nothing";
    Choose "choose" [List] ["enter"] "choose" Console View "Take the chosen entry";
    Help "help" [Global] ["?", "f1"] "help" Console View "Show what can be done here, and why not";
    Palette "palette" [Global] [":"] "actions" Console View "Find an action by its name";
    ChooseTheme "choose-theme" [Global] ["T"] "theme" Console View "Choose a theme";
    ToggleObserve "toggle-observe" [Global] ["o"] "observe/helm" Console View "Only observe, or act again; with the helm elsewhere: take it, with a reason";
    Dismiss "dismiss" [Global, Text] ["esc"] "back" Console View "Close what is open, or go back";
    Redraw "redraw" [Global] ["ctrl-l"] "redraw" Console View "Draw the whole screen anew";
    Suspend "suspend" [Global] ["ctrl-z"] "suspend" Console View "Put the console to sleep; fg wakes it";
    Leave "leave" [Global] ["q"] "leave" Console View "Leave the console; runs go on";
    LeaveNow "leave-now" [Global, Text] ["ctrl-c"] "leave" Console View "Leave the console at once; runs go on";
}

impl Action {
    /// Returns what is known about it.
    pub fn info(self) -> &'static ActionInfo {
        // The table holds the actions in the order of the enum: both come from one macro.
        &TABLE[self as usize]
    }

    /// Returns the action of that id.
    pub fn named(id: &str) -> Option<Self> {
        TABLE.iter().find(|info| info.id == id).map(|info| info.action)
    }

    /// Returns whether it can lead to a change outside the console.
    pub fn mutates(self) -> bool {
        self.info().mutates()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_in_the_order_of_the_enum_and_its_ids_are_unique() {
        let mut ids = BTreeSet::new();
        for info in TABLE {
            assert_eq!(info.action.info().id, info.id);
            assert_eq!(Action::named(info.id), Some(info.action));
            assert!(ids.insert(info.id), "{} twice", info.id);
            assert!(info.label.len() <= 14, "{} is too long for the footer", info.label);
        }
    }
}
