//! The queue of jobs, and its mapping to the fetcher.

use serde_json::Value;

use super::{Rule, Subject, list, number, unless};

pub const RULES: &[Rule] = &[
    Rule {
        name: "a failed job comes back alone",
        check: partial_failures,
    },
    Rule {
        name: "a job is not handed out twice while it runs",
        check: visibility,
    },
    Rule {
        name: "no link shares a batch with another",
        check: batches,
    },
    Rule {
        name: "the number of fetchers fits Belvo's limit",
        check: concurrency,
    },
    Rule {
        name: "no outage of a day makes a dead letter, and jobs are kept for two weeks",
        check: redrive,
    },
    Rule {
        name: "links do not wait for each other",
        check: throughput,
    },
    Rule {
        name: "queues are encrypted",
        check: encrypted,
    },
    Rule {
        name: "queues answer over TLS only",
        check: tls,
    },
];

/// The longest time after which the fetcher asks for a failed job again.
const LONGEST_WAIT: i64 = 15 * 60;
/// Tries of a failed job until it waits as long.
const SOONER_TRIES: i64 = 8;

const DAY: i64 = 24 * 3600;
const TWO_WEEKS: i64 = 14 * 24 * 3600;

/// The queue's single mapping, with its function.
fn mapping(subject: &Subject) -> (Value, Value) {
    let events = subject.events("SQS");
    let (function, mapping) = events.first().cloned().unwrap_or_default();
    let functions = subject.functions();
    let function = functions.into_iter().find(|(name, _)| *name == function);
    (function.unwrap_or_default().1, mapping)
}

fn partial_failures(subject: &Subject) -> Vec<String> {
    let (_, mapping) = mapping(subject);
    let types = list(&mapping["FunctionResponseTypes"]);
    let partial = types.iter().any(|it| **it == "ReportBatchItemFailures");
    unless(partial, "the whole batch comes back")
}

/// AWS recommends six times the timeout, because a batch may be received before the function has
/// capacity. The mapping receives no more than the function has capacity for, so half of it will do.
fn visibility(subject: &Subject) -> Vec<String> {
    let (function, _) = mapping(subject);
    let timeout = number(&function["Timeout"]).unwrap_or(i64::MAX / 3);
    let visibility = number(&subject.properties("FetchQueue")["VisibilityTimeout"]);
    let long = visibility.unwrap_or(30) >= 3 * timeout;
    unless(long, format!("{visibility:?} for {timeout}"))
}

fn batches(subject: &Subject) -> Vec<String> {
    let (_, mapping) = mapping(subject);
    let size = number(&mapping["BatchSize"]).unwrap_or(10);
    let mut complaints = unless(size == 1, format!("{size} at once"));
    let window = mapping.get("MaximumBatchingWindowInSeconds");
    complaints.extend(unless(window.is_none(), "FIFO queues have no window"));
    complaints
}

fn concurrency(subject: &Subject) -> Vec<String> {
    let (function, mapping) = mapping(subject);
    let most = number(&mapping["ScalingConfig"]["MaximumConcurrency"]);
    let reserve = number(&function["ReservedConcurrentExecutions"]);
    let sharing = number(&function["Environment"]["Variables"]["FETCHER_CONCURRENCY"]);
    let held = most.is_some() && most <= reserve && most == sharing;
    unless(
        held,
        format!("{most:?} of {reserve:?}, and {sharing:?} share"),
    )
}

fn redrive(subject: &Subject) -> Vec<String> {
    let queue = subject.properties("FetchQueue");
    let policy = &queue["RedrivePolicy"];
    let tries = number(&policy["maxReceiveCount"]).unwrap_or(10);
    // The fetcher may be unable to say when a job comes again, or be killed.
    let wait = number(&queue["VisibilityTimeout"]).unwrap_or(30);
    let lasts = (tries - SOONER_TRIES) * wait.min(LONGEST_WAIT);
    let mut complaints = unless(lasts >= DAY, format!("{tries} tries"));
    let target = policy["deadLetterTargetArn"].as_str().unwrap_or_default();
    let known = target.ends_with(":FetchDeadLetterQueue.fifo");
    complaints.extend(unless(known, format!("dead letters go to {target:?}")));
    for (name, queue) in subject.of_type("AWS::SQS::Queue") {
        let kept = number(&queue["MessageRetentionPeriod"]) == Some(TWO_WEEKS);
        complaints.extend(unless(kept, format!("{name} forgets earlier")));
    }
    complaints
}

fn throughput(subject: &Subject) -> Vec<String> {
    let queue = subject.properties("FetchQueue");
    let mut complaints = Vec::new();
    for (name, expected) in [
        ("FifoQueue", Value::Bool(true)),
        ("DeduplicationScope", "messageGroup".into()),
        ("FifoThroughputLimit", "perMessageGroupId".into()),
        ("DelaySeconds", Value::Null),
    ] {
        let holds = queue[name] == expected;
        complaints.extend(unless(holds, format!("{name} is {}", queue[name])));
    }
    complaints
}

fn encrypted(subject: &Subject) -> Vec<String> {
    let queues = subject.of_type("AWS::SQS::Queue").into_iter();
    let complaints = queues.flat_map(|(name, queue)| {
        let key = queue["KmsMasterKeyId"].as_str().unwrap_or_default();
        unless(key.starts_with("arn:aws:kms:"), name)
    });
    complaints.collect()
}

fn tls(subject: &Subject) -> Vec<String> {
    let policies = subject.of_type("AWS::SQS::QueuePolicy");
    let statements = policies
        .iter()
        .flat_map(|(_, policy)| list(&policy["PolicyDocument"]["Statement"]));
    // SQS rejects a policy that names several queues.
    let denied = statements.into_iter().any(|it| {
        it["Effect"] == "Deny"
            && it["Principal"] == "*"
            && it["Action"] == "sqs:*"
            && it["Condition"]["Bool"]["aws:SecureTransport"] == "false"
            && it["Resource"] == "*"
    });
    let applies = |name: &str| {
        let queues = policies.iter().flat_map(|(_, it)| list(&it["Queues"]));
        let mut urls = queues.filter_map(Value::as_str);
        urls.any(|url| {
            url.rsplit('/')
                .next()
                .is_some_and(|it| it.split('.').next() == Some(name))
        })
    };
    let queues = subject.of_type("AWS::SQS::Queue").into_iter();
    let complaints = queues.flat_map(|(name, _)| unless(denied && applies(name), name));
    complaints.collect()
}
