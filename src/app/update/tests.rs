//! What every message does: message in, model and effects out.

mod fixture;
mod gate;
mod gate_browse;
mod hands;
mod run;
mod ticks;
mod whole;
