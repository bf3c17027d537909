//! Mistakes about what is kept, and what leaves.

use super::{Fault, NOTHING, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "tables outlive mistakes",
        "DeletionProtectionEnabled: true",
        "DeletionProtectionEnabled: false",
    ),
    fault(
        "tables outlive mistakes",
        "    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n",
        "    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Delete\n",
    ),
    fault(
        "tables outlive mistakes",
        "      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }\n",
        NOTHING,
    ),
    fault(
        "tables are encrypted with our key",
        "SSESpecification: { SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: !GetAtt DataKey.Arn }",
        "SSESpecification: { SSEEnabled: true }",
    ),
    fault(
        "tables grow by themselves, and shrink by expiry",
        "      BillingMode: PAY_PER_REQUEST\n",
        NOTHING,
    ),
    fault(
        "tables grow by themselves, and shrink by expiry",
        "TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }",
        "TimeToLiveSpecification: { AttributeName: updated_at, Enabled: true }",
    ),
    fault(
        "the stream and the indexes hold no more than is read",
        "StreamViewType: NEW_IMAGE",
        "StreamViewType: NEW_AND_OLD_IMAGES",
    ),
    fault(
        "the stream and the indexes hold no more than is read",
        "Projection: { ProjectionType: KEYS_ONLY }",
        "Projection: { ProjectionType: ALL }",
    ),
    fault(
        "tables grow by themselves, and shrink by expiry",
        "        - { AttributeName: external_id, KeyType: HASH }\n        - { AttributeName: record, KeyType: RANGE }\n",
        "        - { AttributeName: external_id, KeyType: HASH }\n        - { AttributeName: record, KeyType: RANGE }\n      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }\n",
    ),
    fault(
        "what banks hold is copied nowhere",
        "        - { AttributeName: external_id, KeyType: HASH }\n        - { AttributeName: record, KeyType: RANGE }\n",
        "        - { AttributeName: external_id, KeyType: HASH }\n        - { AttributeName: record, KeyType: RANGE }\n      StreamSpecification: { StreamViewType: NEW_IMAGE }\n",
    ),
    fault(
        "events hold ids and times",
        "          \"link_id\": <$.dynamodb.NewImage.link_id.S>,\n",
        "          \"link_id\": <$.dynamodb.NewImage.link_id.S>,\n          \"link\": <$.dynamodb.NewImage>,\n",
    ),
    fault(
        "events hold ids and times",
        "\"record\": {\"S\": [\"LINK\", \"TOMBSTONE\"]},",
        "\"record\": {\"S\": [{\"exists\": true}]},",
    ),
    fault(
        "events hold ids and times",
        "          DeadLetterConfig: { Arn: !GetAtt ChangeDeadLetterQueue.Arn }\n",
        NOTHING,
    ),
];
