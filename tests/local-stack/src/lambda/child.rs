//! The child's side of a process: the same executable, started as one function.

use std::{future::Future, io::Read, pin::Pin};

use anyhow::{Context, bail};

/// The variable with the name of the function that the process runs.
pub(super) const FUNCTION_VARIABLE: &str = "LOCAL_STACK_FUNCTION";

/// Starts a function and runs it until its process ends.
pub type FunctionMain = fn() -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// Runs one of the project's functions, if this process was started as one.
///
/// An executable whose [`Stack`](crate::Stack) starts it as its functions calls this first in its
/// `main`. `None` means that this is an ordinary start.
pub fn child_main() -> Option<anyhow::Result<()>> {
    child_main_with(&[
        ("token", || Box::pin(token::run())),
        ("callback", || Box::pin(callback::run())),
        ("webhook", || Box::pin(webhook::run())),
        ("links", || Box::pin(links::run())),
        ("fetcher", || Box::pin(fetcher::run())),
        ("sweeper", || Box::pin(sweeper::run())),
    ])
}

/// [`child_main`] for other functions, such as those of a test.
pub fn child_main_with(functions: &[(&str, FunctionMain)]) -> Option<anyhow::Result<()>> {
    let name = std::env::var(FUNCTION_VARIABLE).ok()?;
    let function = functions.iter().find(|(known, _)| *known == name);
    Some(match function {
        Some((_, function)) => run(*function),
        None => Err(anyhow::anyhow!("this executable has no function {name}")),
    })
}

fn run(function: FunctionMain) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(exit_with_parent)
        .context("starting the thread that watches the parent")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(function())?;
    bail!("the function ended without being stopped")
}

/// The parent holds the other end of this pipe. When the parent dies in any way, the pipe closes
/// and the function must end too.
fn exit_with_parent() {
    let mut buffer = [0; 64];
    loop {
        match std::io::stdin().read(&mut buffer) {
            Ok(0) | Err(_) => std::process::exit(0),
            Ok(_) => {}
        }
    }
}
