//! The reader with the deployed template and with small ones.

use std::collections::BTreeMap;

use super::*;

/// The template the project deploys.
const DEPLOYED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml"));

fn account() -> Account {
    let arn = |name: &str| {
        (
            name.to_owned(),
            format!("arn:aws:secretsmanager:sa-east-1:000000000000:secret:{name}-a1b2c3"),
        )
    };
    Account {
        region: "sa-east-1".to_owned(),
        id: "000000000000".to_owned(),
        sqs_url: "http://127.0.0.1:9324".to_owned(),
        secrets: [
            "BelvoSecret",
            "WebhookSecret",
            "SessionSecret",
            "ExternalIdSecret",
        ]
        .map(arn)
        .into(),
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Parameters of the deployed template, with a value for the one that has no default.
fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut parameters = texts(&[("JwtIssuer", "http://127.0.0.1:1")]);
    parameters.extend(texts(pairs));
    parameters
}

fn deployed(pairs: &[(&str, &str)]) -> System {
    Template::parse(DEPLOYED, &parameters(pairs))
        .unwrap()
        .system(&account())
        .unwrap()
}

fn function<'a>(system: &'a System, name: &str) -> &'a Function {
    system
        .functions
        .iter()
        .find(|function| function.name == name)
        .unwrap()
}

#[test]
fn every_function_of_the_template_is_named_after_its_folder() {
    let names: Vec<String> = deployed(&[])
        .functions
        .into_iter()
        .map(|function| function.name)
        .collect();
    for name in ["token", "callback", "webhook", "fetcher"] {
        assert!(
            names.contains(&name.to_owned()),
            "{name} is missing in {names:?}"
        );
    }
}

#[test]
fn variables_come_from_parameters_mappings_conditions_and_resources() {
    #[track_caller]
    fn check(parameters: &[(&str, &str)], function_name: &str, variable: &str, expected: &str) {
        let system = deployed(parameters);
        assert_eq!(
            function(&system, function_name).variables[variable],
            expected,
            "{variable}"
        );
    }
    let secret = "arn:aws:secretsmanager:sa-east-1:000000000000:secret";
    check(&[], "token", "BELVO_BASE_URL", "https://sandbox.belvo.com");
    check(
        &PRODUCTION,
        "token",
        "BELVO_BASE_URL",
        "https://api.belvo.com",
    );
    check(&[], "token", "EXTERNAL_ID_SECRET_ID", "");
    check(
        &[("ExternalIdMode", "derived")],
        "token",
        "EXTERNAL_ID_SECRET_ID",
        &format!("{secret}:ExternalIdSecret-a1b2c3"),
    );
    check(
        &[],
        "webhook",
        "WEBHOOK_SECRET_ID",
        &format!("{secret}:WebhookSecret-a1b2c3"),
    );
    check(
        &[],
        "webhook",
        "QUEUE_URL",
        "http://127.0.0.1:9324/000000000000/FetchQueue.fifo",
    );
    check(&[], "fetcher", "LINK_TABLE", "LinkTable");
    check(&[], "fetcher", "RESOURCE_TABLE", "ResourceTable");
    check(&[], "token", "ATTEMPTS_PER_USER_PER_HOUR", "10");
    check(&[("OwnerCheck", "off")], "fetcher", "OWNER_CHECK", "off");
}

#[test]
fn routes_know_whether_they_need_a_token() {
    let system = deployed(&[]);
    let route = |method: &str, path: &str, authorized| Route {
        method: method.to_owned(),
        path: path.to_owned(),
        authorized,
    };
    assert!(
        function(&system, "token")
            .routes
            .contains(&route("POST", "/token", true))
    );
    assert!(
        function(&system, "webhook")
            .routes
            .contains(&route("POST", "/webhook", false))
    );
    let callback = &function(&system, "callback").routes;
    assert!(callback.contains(&route("GET", "/callback/{session}/{outcome}", false)));
    assert!(callback.contains(&route("POST", "/callback", true)));
    assert!(callback.contains(&route("POST", "/connection-reports", false)));
}

#[test]
fn the_queue_calls_the_fetcher_with_partial_failures() {
    let mapping = function(&deployed(&[("FetcherConcurrency", "7")]), "fetcher")
        .mapping
        .clone()
        .unwrap();
    assert_eq!(
        mapping.queue_arn,
        "arn:aws:sqs:sa-east-1:000000000000:FetchQueue.fifo"
    );
    assert_eq!(
        (
            mapping.batch_size,
            mapping.max_concurrency,
            mapping.partial_failures
        ),
        (1, 7, true)
    );
}

#[test]
fn storage_is_what_an_account_would_create() {
    let storage = deployed(&[]).storage;
    let [dead_letters, changes, queue] = storage.queues.as_slice() else {
        panic!("{:?}", storage.queues)
    };
    assert_eq!(changes.name, "ChangeDeadLetterQueue");
    assert_eq!(dead_letters.name, "FetchDeadLetterQueue.fifo");
    assert_eq!(queue.attributes["VisibilityTimeout"], "360");
    assert_eq!(queue.attributes["FifoQueue"], "true");
    let redrive: Value = serde_json::from_str(&queue.attributes["RedrivePolicy"]).unwrap();
    assert_eq!(
        redrive["deadLetterTargetArn"],
        "arn:aws:sqs:sa-east-1:000000000000:FetchDeadLetterQueue.fifo"
    );
    assert_eq!(redrive["maxReceiveCount"], 250);

    let table = storage
        .tables
        .iter()
        .find(|table| table.name == "LinkTable")
        .unwrap();
    assert_eq!(
        table.key,
        KeySchema {
            hash: "link_id".to_owned(),
            range: Some("record".to_owned())
        }
    );
    assert_eq!(table.attributes["due_at"], "N");
    assert_eq!(table.time_to_live.as_deref(), Some("expires_at"));
    let indexes: Vec<(&str, &str)> = table
        .indexes
        .iter()
        .map(|index| (index.name.as_str(), index.projection.as_str()))
        .collect();
    assert_eq!(
        indexes,
        [("by_external_id", "KEYS_ONLY"), ("by_due", "KEYS_ONLY")]
    );

    let secret = |name: &str| storage.secrets.iter().find(|secret| secret.name == name);
    assert!(secret("BelvoSecret").unwrap().generated.is_none());
    assert_eq!(
        secret("SessionSecret")
            .unwrap()
            .generated
            .as_ref()
            .unwrap()
            .password_length,
        64
    );
    let key = secret("ExternalIdSecret").unwrap().generated.as_ref();
    assert_eq!(key.unwrap().password_length, 64);
}

#[test]
fn the_api_knows_its_issuer_and_its_origins() {
    let api = deployed(&[("AllowedOrigins", "http://a, http://b")]).api;
    assert_eq!(api.issuer, "http://127.0.0.1:1");
    assert_eq!(api.audience, ["belvo-backend"]);
    let cors = api.cors.unwrap();
    assert_eq!(cors.allow_origins, ["http://a", "http://b"]);
    assert_eq!(cors.max_age, Some(600));
}

/// The parameters of a production stack.
const PRODUCTION: [(&str, &str); 7] = [
    ("BelvoEnvironment", "production"),
    ("CompanyName", "Ipê"),
    ("TermsAndConditionsUrl", "https://ipe.example.com/termos"),
    ("CompanyIconUrl", "https://ipe.example.com/icon.svg"),
    ("CompanyLogoUrl", "https://ipe.example.com/logo.svg"),
    ("ReturnUrls", "https://ipe.example.com/connected"),
    ("AlarmEmail", "night@ipe.example.com"),
];

#[test]
fn rules_between_parameters_are_enforced() {
    #[track_caller]
    fn check(pairs: &[(&str, &str)], expected: Result<(), &str>) {
        let template = Template::parse(DEPLOYED, &parameters(pairs)).unwrap();
        let storage = template.storage(&account());
        let actual = storage.map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(actual, expected.map_err(str::to_owned));
    }
    check(&PRODUCTION, Ok(()));
    for (index, (name, _)) in PRODUCTION.iter().enumerate().skip(1) {
        let template = Template::parse(DEPLOYED, &parameters(&PRODUCTION[..index])).unwrap();
        let error = template.storage(&account()).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("Rules.ProductionIsYours: {name} ")),
            "{error}"
        );
    }
    check(
        &[("DomainName", "openfinance.example.com")],
        Err("Rules.CustomDomainHasCertificate: DomainName needs CertificateArn."),
    );
    let without_owners = ("FetchResources", "ACCOUNTS,TRANSACTIONS");
    let refused =
        "Rules.OwnersAreFetched: FetchResources must contain OWNERS unless OwnerCheck is off.";
    check(&[without_owners], Err(refused));
    check(&[without_owners, ("OwnerCheck", "warn")], Err(refused));
    check(&[without_owners, ("OwnerCheck", "off")], Ok(()));
    check(&[("FetchResources", "ACCOUNTS, OWNERS")], Ok(()));
}

#[test]
fn the_rules_of_a_parameters_declaration_are_enforced() {
    #[track_caller]
    fn check(name: &str, value: &str, expected: &str) {
        let error = Template::parse(DEPLOYED, &parameters(&[(name, value)])).unwrap_err();
        assert_eq!(error.to_string(), format!("Parameters.{name}: {expected}"));
    }
    check("Nonsense", "1", "the template has no such parameter");
    check(
        "OwnerCheck",
        "maybe",
        r#""maybe" is not one of its AllowedValues"#,
    );
    check(
        "StaleIn",
        "366d",
        r#""366d" does not match its AllowedPattern"#,
    );
    check(
        "AllowedOrigins",
        "https://a.example, *",
        r#""https://a.example, *" does not match its AllowedPattern"#,
    );
    check("FetcherConcurrency", "1", "1 is out of bounds");
    check("FetcherConcurrency", "many", r#""many" is not a number"#);
    check("JwtAudience", "", r#"the length of "" is out of bounds"#);
}

#[test]
fn unsupported_properties_are_errors_that_name_their_place() {
    #[track_caller]
    fn check(resource: &str, expected: &str) {
        let api = "
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Users
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: { issuer: http://issuer, audience: [api] }
";
        let text = format!("Resources:{api}\n{resource}");
        let template = Template::parse(&text, &BTreeMap::new()).unwrap();
        let error = template.system(&account()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let function = |properties: &str| {
        format!(
            "  F:\n    Type: AWS::Serverless::Function\n    Properties: {{ CodeUri: f/, {properties} }}"
        )
    };
    check(
        "  Bucket: { Type: AWS::S3::Bucket }",
        "Resources.Bucket.Type: AWS::S3::Bucket is not understood",
    );
    check(
        &function("Layers: []"),
        "Resources.F.Properties.Layers: unknown field `Layers`",
    );
    check(
        &function("Timeout: soon"),
        "Resources.F.Properties.Timeout: \"soon\" is not a whole number",
    );
    check(
        &function("Events: { Bus: { Type: EventBridgeRule } }"),
        "Resources.F.Properties.Events.Bus",
    );
    check(
        &function(
            "Events: { Get: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: /, Auth: { Authorizer: Other } } } }",
        ),
        "Resources.F.Properties.Events.Get.Auth.Authorizer: there is no authorizer Other",
    );
    check(
        &function("Environment: { Variables: { QUEUE: !Ref Missing } }"),
        "Resources.F.Properties.Environment.Variables.QUEUE: Missing is neither a parameter nor a resource",
    );
    check(
        &function("Environment: { Variables: { X: !If [Nowhere, a, b] } }"),
        "Resources.F.Properties.Environment.Variables.X: there is no condition Nowhere",
    );
    check(
        "  Q: { Type: AWS::SQS::Queue, Properties: { QueueName: q } }",
        "Resources.Q.Properties",
    );
}

#[test]
fn intrinsic_functions_are_evaluated_as_in_an_account() {
    let text = r#"
Globals:
  Function:
    Timeout: 9
    Environment: { Variables: { COMMON: all, FLAG: overridden } }
Parameters:
  Stage: { Type: String, Default: live }
Conditions:
  Live: !Equals [!Ref Stage, live]
  NotLive: !Not [!Condition Live]
  Both: !And [!Condition Live, !Condition NotLive]
  Either: !Or [!Condition Live, !Condition NotLive]
Mappings:
  Stages: { live: { Url: https://live.example.com } }
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: { issuer: http://issuer, audience: [api] }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/f
      Environment:
        Variables:
          SUB: !Sub "${Stage}-${AWS::Region}-${Table.Arn}-${!literal}"
          MAP: !FindInMap [Stages, !Ref Stage, Url]
          JOIN: !Join ["/", [a, !Ref Stage]]
          IF: !If [NotLive, no, yes-it-is]
          BOTH: !If [Both, "1", "0"]
          EITHER: !If [Either, "1", "0"]
          NOTHING: !Ref AWS::NoValue
          NUMBER: 7
          FLAG: true
"#;
    let system = Template::parse(text, &BTreeMap::new())
        .unwrap()
        .system(&account())
        .unwrap();
    let variables = &function(&system, "f").variables;
    let expected = texts(&[
        (
            "SUB",
            "live-sa-east-1-arn:aws:dynamodb:sa-east-1:000000000000:table/Table-${literal}",
        ),
        ("MAP", "https://live.example.com"),
        ("JOIN", "a/live"),
        ("IF", "yes-it-is"),
        ("BOTH", "0"),
        ("EITHER", "1"),
        ("NUMBER", "7"),
        ("FLAG", "true"),
        ("COMMON", "all"),
    ]);
    assert_eq!(variables, &expected);
    assert_eq!(
        (
            function(&system, "f").timeout,
            function(&system, "f").memory
        ),
        (9, 128)
    );
}
