//! Faults of access, origins, limits, and the access log.

use super::{Fault, NOTHING, fault};

pub const FAULTS: &[Fault] = &[
    fault(
        "only the open routes are open",
        "Properties: { ApiId: !Ref Api, Method: GET, Path: /links }",
        "Properties: { ApiId: !Ref Api, Method: GET, Path: /links, Auth: { Authorizer: NONE } }",
    ),
    fault(
        "only the open routes are open",
        "        DefaultAuthorizer: AppUsers\n",
        NOTHING,
    ),
    fault(
        "only the open routes are open",
        "Path: /webhook\n            Auth: { Authorizer: NONE }\n",
        "Path: /webhook\n",
    ),
    fault(
        "tokens are meant for this API",
        "audience: [!Ref JwtAudience]",
        "audience: []",
    ),
    fault(
        "tokens are meant for this API",
        "            AuthorizationScopes: [!If [ScopeRequired, !Ref JwtScope, !Ref AWS::NoValue]]\n",
        NOTHING,
    ),
    fault(
        "only named pages may call",
        "AllowOrigins: !Ref AllowedOrigins",
        "AllowOrigins: [\"*\"]",
    ),
    fault(
        "only named pages may call",
        "AllowHeaders: [authorization, content-type, if-none-match]",
        "AllowHeaders: [\"*\"]",
    ),
    fault(
        "only named pages may call",
        "    AllowedPattern: ^https?://[^*/]+$   # holds for each of them\n",
        NOTHING,
    ),
    fault(
        "routes have limits that fit them",
        "      DefaultRouteSettings: { ThrottlingBurstLimit: 100, ThrottlingRateLimit: 50 }\n",
        NOTHING,
    ),
    fault(
        "routes have limits that fit them",
        "        POST /webhook: { ThrottlingBurstLimit: 600, ThrottlingRateLimit: 300 }\n",
        "        POST /webhooks: { ThrottlingBurstLimit: 600, ThrottlingRateLimit: 300 }\n",
    ),
    fault(
        "routes have limits that fit them",
        "        DELETE /me: { ThrottlingBurstLimit: 10, ThrottlingRateLimit: 5 }\n",
        NOTHING,
    ),
    fault(
        "the access log names no user",
        r#""status":"$context.status""#,
        r#""status":"$context.status","path":"$context.path""#,
    ),
    fault(
        "the access log names no user",
        r#""routeKey":"$context.routeKey""#,
        r#""routeKey":"$context.routeKey","query":"$context.requestOverride.querystring.link""#,
    ),
    fault(
        "the custom domain is reached over current TLS",
        "SecurityPolicy: TLS_1_2",
        "SecurityPolicy: TLS_1_0",
    ),
];
