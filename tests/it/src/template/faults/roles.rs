//! Faults of roles and permissions.

use super::{Fault, NOTHING, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "every function has a role of its own",
        "      Role: !GetAtt WebhookRole.Arn\n",
        "      Role: !GetAtt FetcherRole.Arn\n",
    ),
    fault(
        "every function has a role of its own",
        "      Role: !GetAtt SweeperRole.Arn\n",
        "      Policies: [AmazonDynamoDBFullAccess]\n",
    ),
    fault(
        "roles allow exact actions on exact resources",
        "Action: \"dynamodb:UpdateItem\", Resource: !GetAtt ConnectionTable.Arn",
        "Action: \"dynamodb:*\", Resource: !GetAtt ConnectionTable.Arn",
    ),
    fault(
        "roles allow exact actions on exact resources",
        "Action: \"secretsmanager:GetSecretValue\", Resource: !Ref WebhookSecret",
        "Action: \"secretsmanager:GetSecretValue\", Resource: \"*\"",
    ),
    fault(
        "roles allow exact actions on exact resources",
        "\"${LinkTable.Arn}/index/by_due\"",
        "\"${LinkTable.Arn}/*\"",
    ),
    fault(
        "roles allow exact actions on exact resources",
        "      ManagedPolicyArns: [!Ref TracingPolicy]\n",
        "      ManagedPolicyArns: [\"arn:aws:iam::aws:policy/AmazonSQSFullAccess\"]\n",
    ),
    fault(
        "only the fetcher and links reach what banks hold",
        "Action: [\"dynamodb:BatchGetItem\", \"dynamodb:GetItem\"], Resource: !GetAtt LinkTable.Arn",
        "Action: [\"dynamodb:BatchGetItem\", \"dynamodb:GetItem\"], Resource: [!GetAtt LinkTable.Arn, !GetAtt ResourceTable.Arn]",
    ),
    fault(
        "only the fetcher and links reach what banks hold",
        "{ Effect: Allow, Action: \"dynamodb:Query\", Resource: !GetAtt ResourceTable.Arn }",
        "{ Effect: Allow, Action: [\"dynamodb:DeleteItem\", \"dynamodb:Query\"], Resource: !GetAtt ResourceTable.Arn }",
    ),
    fault(
        "only the fetcher and links reach what banks hold",
        "          LINK_TABLE: !Ref LinkTable\n          PUBLIC_URL",
        "          LINK_TABLE: !Ref LinkTable\n          RESOURCE_TABLE: !Ref ResourceTable\n          PUBLIC_URL",
    ),
    fault(
        "roles are taken on by one service",
        "Principal: { Service: lambda.amazonaws.com }",
        "Principal: { AWS: \"*\" }",
    ),
    fault(
        "the key is used through the services that need it",
        "                      - !Sub \"dynamodb.${AWS::Region}.amazonaws.com\"\n",
        NOTHING,
    ),
    fault(
        "the key is used through the services that need it",
        "                Condition:\n                  StringEquals:\n                    kms:ViaService:\n",
        "                Condition:\n                  StringEquals:\n                    kms:CallerAccount:\n",
    ),
];
