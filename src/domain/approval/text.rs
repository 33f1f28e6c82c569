//! The text that is signed: everything that an approval says, in one form, written out in ARCHITECTURE.md.
//!
//! A line each, in this order, ended by a line feed; what an approval does not have has no line. No value holds a
//! character that ends or hides a line, so two different approvals never have the same text. The first line has the
//! version: whoever changes the form raises it.

use super::{AfterApproval, Approval, Refusal};
use crate::domain::name::RunId;
use std::fmt::Write as _;

/// The first line: what this is, and the version of its form.
pub const OPENS: &str = "stagegate approval 1";

/// Returns what is signed for `approval` in `run`, whose lane has this revision.
///
/// # Errors
///
/// If a value cannot stand in a line, or nobody is said to sign.
pub fn of(run: &RunId, revision: &str, approval: &Approval) -> Result<String, Refusal> {
    let Some(signed) = &approval.signed else {
        return Err(Refusal::NotSigned { by: approval.who().to_owned() });
    };
    let by = &approval.by;
    let then = match approval.then {
        AfterApproval::Proceed => "proceed",
        AfterApproval::Hold => "hold",
    };
    let lines: [(&str, Option<String>); 17] = [
        ("run", Some(run.to_string())),
        ("release", Some(approval.release.to_string())),
        ("revision", Some(revision.to_owned())),
        ("plan", Some(approval.plan.to_string())),
        ("seal", Some(approval.seal.0.clone())),
        ("phrase", Some(approval.phrase.clone())),
        ("then", Some(then.to_owned())),
        ("principal", Some(signed.principal.clone())),
        ("uid", Some(by.uid.to_string())),
        ("user", Some(by.user.clone())),
        ("login-uid", by.login_uid.map(|uid| uid.to_string())),
        ("login", by.login.clone()),
        ("host", Some(by.host.clone())),
        ("at", Some(approval.at.to_string())),
        ("expires", Some(approval.expires.to_string())),
        ("solo", approval.solo.then(|| "yes".to_owned())),
        ("reason", approval.reason.clone()),
    ];
    let mut text = format!("{OPENS}\n");
    for (name, value) in lines {
        let Some(value) = value else { continue };
        if value.chars().any(breaks) {
            return Err(Refusal::Unsayable { what: name.to_owned() });
        }
        let _ = writeln!(text, "{name}: {value}");
    }
    Ok(text)
}

/// Returns whether a character can end a line or hide what stands in it: controls, line and paragraph separators, and
/// what changes the direction of writing (Unicode TR 9).
fn breaks(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
