//! Runs one function, as `LOCAL_STACK_FUNCTION` names it; started by the tests' stacks.

fn main() -> anyhow::Result<()> {
    local_stack::child_main()
        .unwrap_or_else(|| Err(anyhow::anyhow!("this program is started by the tests only")))
}
