//! The `brygga` binary: arguments and streams of the process, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() else {
        return ExitCode::from(1);
    };
    let exit = runtime.block_on(async {
        // Colours and other control sequences are taken out where the stream is no terminal or NO_COLOR is set.
        let (mut out, mut err) = (anstream::stdout(), anstream::stderr());
        tokio::select! {
            exit = brygga_cli::run(args, &mut out, &mut err) => exit,
            interrupted = tokio::signal::ctrl_c() => if interrupted.is_ok() { brygga_cli::EXIT_INTERRUPTED } else { 1 },
        }
    });
    ExitCode::from(exit)
}
