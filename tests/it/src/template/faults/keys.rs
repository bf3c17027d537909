//! Faults of the key and the secrets.

use super::{Fault, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "the key is rotated, retained, and not shared",
        "EnableKeyRotation: true",
        "EnableKeyRotation: false",
    ),
    fault(
        "the key is rotated, retained, and not shared",
        "    Type: AWS::KMS::Key\n    DeletionPolicy: Retain\n",
        "    Type: AWS::KMS::Key\n    DeletionPolicy: Delete\n",
    ),
    fault(
        "the key is rotated, retained, and not shared",
        "Principal: { Service: cloudwatch.amazonaws.com }",
        "Principal: \"*\"",
    ),
    fault(
        "secrets are made or set, never written down",
        "  ExternalIdSecret:\n    Type: AWS::SecretsManager::Secret\n",
        "  ExternalIdSecret:\n    Type: AWS::SecretsManager::Secret\n    Condition: DerivedExternalId\n",
    ),
    fault(
        "secrets are made or set, never written down",
        "      KmsKeyId: !GetAtt DataKey.Arn\n      Description: 'The Authorization",
        "      Description: 'The Authorization",
    ),
    fault(
        "secrets are made or set, never written down",
        "      GenerateSecretString:\n",
        "      SecretString: '{\"current\": \"hunter2\"}'\n      GenerateSecretString:\n",
    ),
    fault(
        "secrets are made or set, never written down",
        "        PasswordLength: 64\n",
        "        PasswordLength: 8\n",
    ),
];
