//! Between Belvo and us: nothing a user did or could mend, so all of it reads alike.

use super::{Action, Advice};

pub(super) const ADVICE: &[Advice] = &[
    // What we asked for was wrong.
    Advice {
        codes: &[
            "required",
            "blank",
            "null",
            "invalid",
            "invalid_choice",
            "not_a_list",
            "validation_error",
            "parse_error",
            "method_not_allowed",
            "invalid_period",
            "invalid_fetch_resources",
            "invalid_credentials_storage",
        ],
        action: Action::ContactSupport,
        cause_pt: "Houve um erro no nosso sistema. Você não fez nada de errado.",
        cause_en: "There was an error in our system. You did nothing wrong.",
        text_pt: "Algo deu errado do nosso lado e já estamos verificando. Se precisar, fale com o \
                  nosso suporte.",
        text_en: "Something went wrong on our side and we are already looking into it. If you \
                  need help, contact our support.",
    },
    // We are not allowed what we asked for.
    Advice {
        codes: &[
            "authentication_failed",
            "access_to_production_denied",
            "access_to_resource_denied",
            "permission_denied",
            "quota_limit_reached",
        ],
        action: Action::ContactSupport,
        cause_pt: "É uma questão nossa com o serviço de conexão. Você não fez nada de errado.",
        cause_en: "It is a matter between us and the connection service. You did nothing wrong.",
        text_pt: "A conexão com bancos está indisponível e já estamos verificando. Se precisar, \
                  fale com o nosso suporte.",
        text_en: "Connecting banks is unavailable and we are already looking into it. If you \
                  need help, contact our support.",
    },
];
