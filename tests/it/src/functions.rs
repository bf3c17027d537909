//! Runs the function named by `LOCAL_STACK_FUNCTION`; the tests' stacks start this program.

fn main() -> anyhow::Result<()> {
    local_stack::child_main()
        .unwrap_or_else(|| Err(anyhow::anyhow!("this program is started by the tests only")))
}
