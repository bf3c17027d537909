//! Faults of the queue of jobs.

use super::{Fault, NOTHING, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "a failed job comes back alone",
        "            FunctionResponseTypes: [ReportBatchItemFailures]\n",
        NOTHING,
    ),
    fault(
        "a job is not handed out twice while it runs",
        "VisibilityTimeout: 360",
        "VisibilityTimeout: 300",
    ),
    fault(
        "a job is not handed out twice while it runs",
        "      Timeout: 120 ",
        "      Timeout: 130 ",
    ),
    fault(
        "no link shares a batch with another",
        "            BatchSize: 1 ",
        "            BatchSize: 10 ",
    ),
    fault(
        "no link shares a batch with another",
        "            FunctionResponseTypes:",
        "            MaximumBatchingWindowInSeconds: 5\n            FunctionResponseTypes:",
    ),
    fault(
        "the number of fetchers fits Belvo's limit",
        "ScalingConfig: { MaximumConcurrency: !Ref FetcherConcurrency }",
        "ScalingConfig: { MaximumConcurrency: 50 }",
    ),
    fault(
        "the number of fetchers fits Belvo's limit",
        "            ScalingConfig: { MaximumConcurrency: !Ref FetcherConcurrency }\n",
        NOTHING,
    ),
    fault(
        "the number of fetchers fits Belvo's limit",
        "!If [ConcurrencyReserved, !Ref FetcherConcurrency, !Ref AWS::NoValue]",
        "!If [ConcurrencyReserved, 2, !Ref AWS::NoValue]",
    ),
    fault(
        "no outage of a day makes a dead letter, and jobs are kept for two weeks",
        "maxReceiveCount: 250",
        "maxReceiveCount: 100",
    ),
    fault(
        "no outage of a day makes a dead letter, and jobs are kept for two weeks",
        "      MessageRetentionPeriod: 1209600\n",
        NOTHING,
    ),
    fault(
        "links do not wait for each other",
        "FifoThroughputLimit: perMessageGroupId",
        "FifoThroughputLimit: perQueue",
    ),
    fault(
        "queues are encrypted",
        "      KmsMasterKeyId: !GetAtt DataKey.Arn\n",
        NOTHING,
    ),
    fault(
        "queues answer over TLS only",
        "Condition: { Bool: { \"aws:SecureTransport\": \"false\" } }",
        "Condition: { Bool: { \"aws:SecureTransport\": \"true\" } }",
    ),
    fault(
        "queues answer over TLS only",
        "Queues: [!Ref FetchQueue, !Ref FetchDeadLetterQueue, !Ref ChangeDeadLetterQueue]",
        "Queues: [!Ref FetchQueue, !Ref ChangeDeadLetterQueue]",
    ),
];
