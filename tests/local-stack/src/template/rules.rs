//! Rules between parameters, which an account checks before it creates anything.

use anyhow::{Context, bail};

use super::{document::Node, evaluate::Scope};

/// Checks every rule whose condition holds.
pub(super) fn check(scope: &Scope<'_>) -> anyhow::Result<()> {
    let rules = scope.root.get("Rules").map(Node::entries);
    for (name, rule) in rules.unwrap_or_default() {
        let place = format!("Rules.{name}");
        let applies = match rule.get("RuleCondition") {
            Some(condition) => scope.holds(condition, &place)?,
            None => true,
        };
        let Some(Node::List(assertions)) = rule.get("Assertions") else {
            bail!("{place}: a list of Assertions was expected");
        };
        for assertion in assertions.iter().filter(|_| applies) {
            let assert = assertion.get("Assert");
            let assert = assert.with_context(|| format!("{place}: Assert is missing"))?;
            if !scope.holds(assert, &place)? {
                let why = assertion.get("AssertDescription").and_then(Node::text);
                bail!("{place}: {}", why.unwrap_or("an assertion does not hold"));
            }
        }
    }
    Ok(())
}
