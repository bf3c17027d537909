//! The simulated account of a deployment, which determines the ids of resources.
//!
//! Names equal the logical ids, so that logs are readable. A secret's ARN ends in random characters
//! in an account, so it must be recorded after the secret was created.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

use super::document::Node;

/// Ids and addresses of one account in one region.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The AWS region, such as `sa-east-1`.
    pub region: String,
    /// The account id of twelve digits.
    pub id: String,
    /// The address of SQS, with which queue URLs begin.
    pub sqs_url: String,
    /// ARNs of the secrets created so far, by logical id.
    pub secrets: BTreeMap<String, String>,
}

impl Account {
    /// The name of a queue; a FIFO queue's name must end in `.fifo`.
    pub(super) fn queue_name(logical_id: &str, fifo: bool) -> String {
        if fifo {
            format!("{logical_id}.fifo")
        } else {
            logical_id.to_owned()
        }
    }

    /// The value of `Ref` of a resource.
    pub(super) fn reference(
        &self,
        name: &str,
        resource: &Node,
        place: &str,
    ) -> anyhow::Result<String> {
        Ok(match resource_type(name, resource)? {
            "AWS::SQS::Queue" => self.queue_url(name, resource),
            "AWS::SecretsManager::Secret" => self
                .secrets
                .get(name)
                .with_context(|| {
                    format!("{place}: secret {name} does not exist (is its Condition false?)")
                })?
                .clone(),
            "AWS::Serverless::Function" => function_name(name, resource)?,
            _ => name.to_owned(),
        })
    }

    /// The value of `GetAtt` of a resource.
    pub(super) fn attribute(
        &self,
        name: &str,
        resource: &Node,
        attribute: &str,
        place: &str,
    ) -> anyhow::Result<String> {
        let kind = resource_type(name, resource)?;
        let arn = |service: &str, rest: &str| {
            format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.id)
        };
        Ok(match (kind, attribute) {
            ("AWS::SQS::Queue", "Arn") => arn("sqs", &Self::queue_name(name, is_fifo(resource))),
            ("AWS::SQS::Queue", "QueueName") => Self::queue_name(name, is_fifo(resource)),
            ("AWS::SQS::Queue", "QueueUrl") => self.queue_url(name, resource),
            ("AWS::DynamoDB::Table", "Arn") => arn("dynamodb", &format!("table/{name}")),
            ("AWS::DynamoDB::Table", "StreamArn") => {
                arn("dynamodb", &format!("table/{name}/stream/1"))
            }
            ("AWS::KMS::Key", "Arn") => arn("kms", &format!("key/{name}")),
            ("AWS::IAM::Role", "Arn") => format!("arn:aws:iam::{}:role/{name}", self.id),
            ("AWS::SecretsManager::Secret", "Id" | "Arn") => {
                self.reference(name, resource, place)?
            }
            ("AWS::Serverless::Function", "Arn") => arn(
                "lambda",
                &format!("function:{}", function_name(name, resource)?),
            ),
            ("AWS::Logs::LogGroup", "Arn") => arn("logs", &format!("log-group:{name}:*")),
            ("AWS::ApiGatewayV2::DomainName", "RegionalDomainName") => {
                format!("d-{name}.execute-api.{}.amazonaws.com", self.region)
            }
            ("AWS::ApiGatewayV2::DomainName", "RegionalHostedZoneId") => format!("Z{name}"),
            // Resources without an effect on one machine still have an ARN that others name.
            (_, "Arn") => arn("local", name),
            _ => bail!("{place}: {name}.{attribute} ({kind}) is not understood here"),
        })
    }

    fn queue_url(&self, name: &str, resource: &Node) -> String {
        format!(
            "{}/{}/{}",
            self.sqs_url,
            self.id,
            Self::queue_name(name, is_fifo(resource))
        )
    }
}

/// The type of a resource.
pub(super) fn resource_type<'a>(name: &str, resource: &'a Node) -> anyhow::Result<&'a str> {
    resource
        .get("Type")
        .and_then(Node::text)
        .with_context(|| format!("Resources.{name}: a resource has a Type"))
}

/// A function has the name of its folder, the last part of its `CodeUri`.
fn function_name(name: &str, resource: &Node) -> anyhow::Result<String> {
    resource
        .get("Properties")
        .and_then(|properties| properties.get("CodeUri"))
        .and_then(Node::text)
        .and_then(folder)
        .map(str::to_owned)
        .with_context(|| format!("Resources.{name}.Properties.CodeUri: a folder was expected"))
}

/// The last component of a path.
pub(super) fn folder(code_uri: &str) -> Option<&str> {
    code_uri
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
}

fn is_fifo(resource: &Node) -> bool {
    let fifo = resource
        .get("Properties")
        .and_then(|properties| properties.get("FifoQueue"));
    fifo == Some(&Node::Scalar(Value::Bool(true)))
}
