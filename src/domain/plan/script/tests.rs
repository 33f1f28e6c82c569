//! What a plan looks like to a shell.

use super::*;
use crate::domain::fixture::{self, PUSH, plan};
use crate::domain::plan::{Warning, WarningKind};
use proptest::prelude::*;

#[test]
fn the_script_stops_before_the_first_push() {
    let text = script(&plan());
    let stop = text.find("\nexit 3\n").expect("it stops");
    assert!(text.find(PUSH).expect("it pushes") > stop);
    assert!(text.contains("# `8.10 vetted` (stagegate approve)"), "{text}");
    assert!(text.contains("RLVER=8 bash sync-to-staging.sh Rocky\n"), "{text}");
    assert!(
        text.contains("ssh -tt -- errata01 'cd -- /toolkit/sync && RLVER=8 ansible-playbook errata.yml'"),
        "{text}"
    );
}

#[test]
fn a_native_check_is_a_comment() {
    assert!(
        script(&plan()).ends_with("# shared/lists: lists 8\n# checked by Stagegate itself, no command\n")
    );
}

#[test]
fn the_folder_is_entered_again_after_a_gate() {
    let text = script(&plan());
    assert_eq!(text.matches("cd -- /toolkit/sync\n").count(), 3, "{text}");
}

#[test]
fn a_remote_step_is_executed_as_one_string() {
    let plan = plan();
    let step = plan.steps.iter().find(|step| step.host.is_some()).unwrap();
    let argv = local_argv(step);
    assert_eq!(argv[..4], ["ssh", "-tt", "--", "errata01"]);
    assert_eq!(argv[4], "cd -- /toolkit/sync && RLVER=8 ansible-playbook errata.yml");
    assert_eq!(argv.len(), 5);
}

/// Whatever stands in a text from disk, it stays in its comment.
#[test]
fn a_line_end_in_a_warning_is_no_command() {
    let mut plan = plan();
    plan.warnings.push(Warning {
        kind: WarningKind::ProductionAhead,
        release: fixture::release_id("8"),
        repo: None,
        message: format!("a name\nbash {PUSH}\r\u{1b}[2J"),
    });
    plan.steps[0].title = format!("title\nbash {PUSH}");
    let text = script(&plan);
    let before = &text[..text.find("\nexit 3\n").unwrap()];
    let bare = before.lines().filter(|line| line.contains(PUSH) && !line.starts_with("# ")).count();
    assert_eq!(bare, 0, "{before}");
    assert!(!text.contains('\u{1b}'));
}

proptest! {
    /// A POSIX shell reads every quoted text as that one word.
    #[test]
    fn what_is_quoted_is_one_word(text in "[^\\x00]{0,40}") {
        let words = shell_words::split(&quote(&text)).unwrap();
        prop_assert_eq!(words, vec![text]);
    }

    /// The one string that the other host's shell sees holds exactly the argv, the folder and the environment.
    #[test]
    fn a_remote_command_is_the_argv(argv in prop::collection::vec("[^\\x00]{0,12}", 1..5), cwd in "/[^\\x00]{0,12}") {
        let mut step = plan().steps[0].clone();
        step.argv.clone_from(&argv);
        step.cwd = cwd.clone().into();
        step.env.clear();
        let mut expected = vec!["cd".to_owned(), "--".to_owned(), cwd, "&&".to_owned()];
        expected.extend(argv);
        prop_assert_eq!(shell_words::split(&remote_command(&step)).unwrap(), expected);
    }
}
