//! Faults of Belvo's environments, parameters, sweeps and alarms.

use super::{Fault, NOTHING, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "an environment has one address",
        "    sandbox: { ApiUrl: \"https://sandbox.belvo.com\" }",
        "    sandbox: { ApiUrl: \"https://api.belvo.com\" }",
    ),
    fault(
        "an environment has one address",
        "BELVO_BASE_URL: !FindInMap [Belvo, !Ref BelvoEnvironment, ApiUrl]",
        "BELVO_BASE_URL: https://api.belvo.com",
    ),
    fault(
        "an environment has one address",
        "    AllowedValues: [sandbox, production]\n",
        NOTHING,
    ),
    fault(
        "every parameter is explained and restricted",
        "    AllowedPattern: ^https?://[^?#]+$\n",
        NOTHING,
    ),
    fault(
        "every parameter is explained and restricted",
        "    Description: Square SVG with transparent background.\n",
        NOTHING,
    ),
    fault(
        "sweeps come on time or not at all",
        "RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 1 }",
        "RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 1 }",
    ),
    fault(
        "sweeps come on time or not at all",
        "      EventInvokeConfig: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 1 }\n",
        NOTHING,
    ),
    fault(
        "sweeps come on time or not at all",
        "Schedule: rate(1 minute)",
        "Schedule: rate(10 minutes)",
    ),
    fault(
        "alarms reach the operator",
        "      AlarmActions: [!If [AlarmTopicMade, !Ref AlarmTopic, !Ref AlarmTopicArn]]\n",
        NOTHING,
    ),
    fault(
        "alarms reach the operator",
        "      TreatMissingData: breaching\n",
        "      TreatMissingData: notBreaching\n",
    ),
];
