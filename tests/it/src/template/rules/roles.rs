//! The roles and their permissions.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Rule, Subject, list, unless};

pub const RULES: &[Rule] = &[
    Rule {
        name: "every function has a role of its own",
        check: own_roles,
    },
    Rule {
        name: "roles allow exact actions on exact resources",
        check: exact,
    },
    Rule {
        name: "only the fetcher and links reach what banks hold",
        check: bank_data,
    },
    Rule {
        name: "roles are taken on by one service",
        check: trust,
    },
    Rule {
        name: "the key is used through the services that need it",
        check: key,
    },
];

/// The statements of all roles, with the name of each role.
fn statements(subject: &Subject) -> Vec<(&str, &Value)> {
    let roles = subject.of_type("AWS::IAM::Role").into_iter();
    let statements = roles.flat_map(|(name, role)| {
        let policies = list(&role["Policies"]).into_iter();
        let all = policies.flat_map(|it| list(&it["PolicyDocument"]["Statement"]));
        all.map(move |it| (name, it))
    });
    statements.collect()
}

fn own_roles(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut roles = BTreeSet::new();
    for (name, function) in subject.functions() {
        let role = function["Role"].as_str().unwrap_or_default().to_owned();
        let own = !role.is_empty() && roles.insert(role);
        complaints.extend(unless(own, format!("{name} has no role of its own")));
        // SAM would add policies with further permissions.
        let plain = function["Policies"].is_null();
        complaints.extend(unless(plain, format!("{name} has policies beside it")));
    }
    complaints
}

fn exact(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, statement) in statements(subject) {
        let action = list(&statement["Action"]).into_iter();
        let resource = list(&statement["Resource"]).into_iter();
        for text in action.chain(resource).map(|it| it.as_str().unwrap_or("*")) {
            // The ARN of a log group ends with a wildcard, for its streams.
            let group = text.contains(":log-group:") && text.matches('*').count() == 1;
            let exact = !text.contains('*') || (group && text.ends_with(":*"));
            complaints.extend(unless(exact, format!("{name}: {text}")));
        }
        let allows = statement["Effect"] == "Allow";
        complaints.extend(unless(allows, format!("{name}: {}", statement["Effect"])));
    }
    for (name, role) in subject.of_type("AWS::IAM::Role") {
        for policy in list(&role["ManagedPolicyArns"]) {
            let ours = *policy == "TracingPolicy";
            complaints.extend(unless(ours, format!("{name}: {policy}")));
        }
    }
    let tracing = subject.properties("TracingPolicy");
    for statement in list(&tracing["PolicyDocument"]["Statement"]) {
        for action in list(&statement["Action"]) {
            let traces = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];
            let traces = traces.iter().any(|it| action == it);
            complaints.extend(unless(traces, format!("everybody: {action}")));
        }
    }
    complaints
}

/// `links` asks for it, the fetcher reads and writes it, and nothing else knows where it is.
fn bank_data(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for (role, statement) in statements(subject) {
        let resources = list(&statement["Resource"]).into_iter();
        let mut resources = resources.filter_map(Value::as_str);
        if !resources.any(|arn| arn.contains("table/ResourceTable")) {
            continue;
        }
        let actions = list(&statement["Action"]);
        let allowed = match role {
            "FetcherRole" => true,
            "LinksRole" => actions.iter().all(|action| **action == "dynamodb:Query"),
            _ => false,
        };
        complaints.extend(unless(allowed, format!("{role}: {actions:?}")));
    }
    for (name, function) in subject.functions() {
        let variables = &function["Environment"]["Variables"];
        let told = !variables["RESOURCE_TABLE"].is_null();
        let may = ["FetcherFunction", "LinksFunction"].contains(&name);
        complaints.extend(unless(told == may, format!("{name} is told of it")));
    }
    complaints
}

fn trust(subject: &Subject) -> Vec<String> {
    let roles = subject.of_type("AWS::IAM::Role").into_iter();
    let complaints = roles.flat_map(|(name, role)| {
        let statements = list(&role["AssumeRolePolicyDocument"]["Statement"]);
        let service = match name {
            "ChangePipeRole" => "pipes.amazonaws.com",
            _ => "lambda.amazonaws.com",
        };
        let one = statements.len() == 1
            && statements[0]["Principal"] == serde_json::json!({"Service": service})
            && statements[0]["Action"] == "sts:AssumeRole";
        unless(one, name)
    });
    complaints.collect()
}

/// With this condition, a role cannot decrypt directly, only through the service.
fn key(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for (role, _) in subject.of_type("AWS::IAM::Role") {
        let own = statements(subject).into_iter();
        let own: Vec<&Value> = own
            .filter(|(name, _)| *name == role)
            .map(|it| it.1)
            .collect();
        let acts = |it: &Value, service: &str| {
            let actions = list(&it["Action"]).into_iter();
            let mut actions = actions.filter_map(Value::as_str);
            actions.any(|action| action.starts_with(&format!("{service}:")))
        };
        let services = ["dynamodb", "secretsmanager", "sqs"].into_iter();
        let services = services.filter(|service| own.iter().any(|it| acts(it, service)));
        let expected: BTreeSet<_> = services
            .map(|it| format!("{it}.sa-east-1.amazonaws.com"))
            .collect();
        for statement in own.iter().filter(|it| acts(it, "kms")) {
            let via = &statement["Condition"]["StringEquals"]["kms:ViaService"];
            let via: BTreeSet<_> = list(via)
                .into_iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect();
            complaints.extend(unless(via == expected, format!("{role}: via {via:?}")));
        }
        let uses = own.iter().any(|it| acts(it, "kms"));
        complaints.extend(unless(uses, format!("{role} cannot use it")));
    }
    complaints
}
