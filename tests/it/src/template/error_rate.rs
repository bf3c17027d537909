//! When failures of Belvo raise an alarm.

use super::{TEXT, evaluated};

/// The alarm's rate for the jobs and failures of a period, as CloudWatch's metric math has it.
fn belvo_error_rate(jobs: Option<f64>, failed: Option<f64>) -> f64 {
    let template = evaluated(TEXT, &[]);
    let alarm = &template["Resources"]["BelvoErrorRate"]["Properties"];
    let mut metrics = alarm["Metrics"].as_array().unwrap().iter();
    let rate = metrics.find(|it| it["Id"] == "rate").unwrap();
    let expression = rate["Expression"].as_str().unwrap();
    let metric = |name: &str| match name {
        "jobs" => jobs,
        "failed" => failed,
        other => panic!("there is no metric {other}"),
    };
    value(&syn::parse_str(expression).unwrap(), &metric).unwrap()
}

/// IF, FILL, `>`, `*` and `/` of metric math; `None` is a period without data.
fn value(expression: &syn::Expr, metric: &impl Fn(&str) -> Option<f64>) -> Option<f64> {
    match expression {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(number),
            ..
        }) => Some(number.base10_parse().unwrap()),
        syn::Expr::Path(path) => metric(&name(path)),
        syn::Expr::Binary(both) => {
            let (left, right) = (value(&both.left, metric)?, value(&both.right, metric)?);
            Some(match both.op {
                syn::BinOp::Gt(_) => f64::from(u8::from(left > right)),
                syn::BinOp::Mul(_) => left * right,
                syn::BinOp::Div(_) => left / right,
                _ => panic!("an operator this test does not know"),
            })
        }
        syn::Expr::Call(call) => {
            let argument = |n: usize| value(&call.args[n], metric);
            let syn::Expr::Path(function) = call.func.as_ref() else {
                panic!("a call of no function");
            };
            match name(function).as_str() {
                "FILL" => argument(0).or_else(|| argument(1)),
                "IF" if argument(0)? != 0.0 => argument(1),
                "IF" => argument(2),
                other => panic!("this test does not know {other}"),
            }
        }
        _ => panic!("an expression this test does not know"),
    }
}

fn name(path: &syn::ExprPath) -> String {
    path.path.get_ident().unwrap().to_string()
}

#[test]
fn an_outage_of_belvo_raises_the_alarm_however_small_the_stack_is() {
    let check = |jobs, failed, raises: bool| {
        let rate = belvo_error_rate(jobs, failed);
        assert_eq!(rate > 20.0, raises, "{jobs:?} {failed:?}: {rate}");
    };
    check(None, None, false);
    check(Some(0.0), Some(0.0), false);
    check(Some(3.0), None, false);
    // Nothing but the sweeper asks Belvo.
    check(None, Some(1.0), true);
    check(Some(0.0), Some(1.0), true);
    check(Some(3.0), Some(1.0), true);
    check(Some(5.0), Some(1.0), false);
    check(Some(1000.0), Some(200.0), false);
    check(Some(1000.0), Some(201.0), true);
}
