//! The thin binary: the practice tools by their names, else the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_default();
    if let Some(applet) = stagegate::sandbox::applet::find(&program) {
        return stagegate::sandbox::applet::run(applet, args);
    }
    stagegate::cli::main()
}
