//! Faults of the functions' settings.

use super::{Fault, NOTHING, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "functions run where they were built for",
        "Architectures: [arm64]",
        "Architectures: [x86_64]",
    ),
    fault(
        "functions are traced, and log JSON to a group of their own",
        "    Tracing: Active\n",
        NOTHING,
    ),
    fault(
        "functions are traced, and log JSON to a group of their own",
        "      LoggingConfig: { LogGroup: !Ref SweeperLogs }\n",
        "      LoggingConfig: { LogGroup: !Ref FetcherLogs }\n",
    ),
    fault(
        "functions are traced, and log JSON to a group of their own",
        "      LoggingConfig: { LogGroup: !Ref TokenLogs }\n",
        NOTHING,
    ),
    fault(
        "logs are encrypted and end",
        "RetentionInDays: !Ref LogRetentionDays, ",
        NOTHING,
    ),
    fault(
        "logs are encrypted and end",
        ", KmsKeyId: !GetAtt DataKey.Arn }\n",
        " }\n",
    ),
    fault(
        "variables hold no secret",
        "          BELVO_SECRET_ID: !Ref BelvoSecret\n",
        "          BELVO_SECRET_ID: !Ref BelvoSecret\n          BELVO_SECRET_PASSWORD: hunter2\n",
    ),
    fault(
        "variables hold no secret",
        "          WEBHOOK_SOURCE_IPS: !Ref WebhookSourceIps\n",
        "          WEBHOOK_SOURCE_IPS: '{{resolve:secretsmanager:webhook:SecretString:current}}'\n",
    ),
    fault(
        "variables are encrypted",
        "    KmsKeyArn: !GetAtt DataKey.Arn\n",
        NOTHING,
    ),
    fault(
        "functions time out before their callers",
        "      Timeout: 5 ",
        "      Timeout: 30 ",
    ),
    fault(
        "functions time out before their callers",
        "      Timeout: 10 ",
        "      Timeout: 60 ",
    ),
    fault(
        "every function has concurrency of its own",
        "ReservedConcurrentExecutions: !If [ConcurrencyReserved, 50, !Ref AWS::NoValue]",
        "ReservedConcurrentExecutions: !If [ConcurrencyReserved, 900, !Ref AWS::NoValue]",
    ),
    fault(
        "every function has concurrency of its own",
        "      ReservedConcurrentExecutions: !If [ConcurrencyReserved, 3, !Ref AWS::NoValue]\n",
        NOTHING,
    ),
];
