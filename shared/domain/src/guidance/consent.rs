//! What becomes of a consent once it has been given.

use super::{Action, Advice, Text};

pub(super) const ADVICE: &[Advice] = &[
    Advice {
        codes: &[
            "consent_expired",
            "openfinance_consent_expired",
            "CONSENT_MAX_DATE_REACHED",
        ],
        action: Action::RenewConsent,
        cause: Some(Text {
            pt: "O prazo da autorização que você deu ao banco terminou.",
            en: "The period for which you authorized the bank has ended.",
        }),
        text: Text {
            pt: "Sua autorização venceu. Renove para continuar recebendo seus dados.",
            en: "Your authorization has expired. Renew it to keep your data up to date.",
        },
    },
    Advice {
        codes: &["consent_expiring", "openfinance_consent_about_to_expire"],
        action: Action::RenewConsent,
        cause: Some(Text {
            pt: "O prazo da autorização que você deu ao banco está no fim.",
            en: "The period for which you authorized the bank is about to end.",
        }),
        text: Text {
            pt: "Sua autorização está perto de vencer. Renove agora para não ficar sem \
                 atualização.",
            en: "Your authorization expires soon. Renew it now so that updates do not stop.",
        },
    },
    Advice {
        codes: &["openfinance_consent_expiration_changed"],
        action: Action::None,
        cause: Some(Text {
            pt: "O prazo da autorização foi alterado no portal ou no banco.",
            en: "The period of the authorization was changed in the portal or at the bank.",
        }),
        text: Text {
            pt: "A data de validade da sua autorização mudou. Não precisa fazer nada.",
            en: "The expiry date of your authorization has changed. There is nothing to do.",
        },
    },
    Advice {
        codes: &["consent_rejected"],
        action: Action::Reconnect,
        cause: Some(Text {
            pt: "A autorização foi recusada ou cancelada no banco.",
            en: "The authorization was declined or cancelled at the bank.",
        }),
        text: Text {
            pt: "Este banco não está mais autorizado a enviar seus dados. Para voltar a \
                 recebê-los, conecte o banco novamente.",
            en: "This bank is no longer authorized to send your data. To receive it again, \
                 connect the bank once more.",
        },
    },
    Advice {
        codes: &["CUSTOMER_MANUALLY_REVOKED"],
        action: Action::Reconnect,
        cause: Some(Text {
            pt: "Você cancelou a autorização, no banco ou no portal.",
            en: "You cancelled the authorization, at the bank or in the portal.",
        }),
        text: Text {
            pt: "A autorização foi cancelada e os dados não atualizam mais. Se quiser voltar, \
                 conecte o banco novamente.",
            en: "The authorization was cancelled and the data no longer updates. To resume, \
                 connect the bank again.",
        },
    },
    Advice {
        codes: &["consent_pending"],
        action: Action::ConfirmAtBank,
        cause: Some(Text {
            pt: "O banco ainda espera a confirmação, sua ou de quem também responde pela conta.",
            en: "The bank is still waiting for confirmation, from you or from whoever shares \
                 responsibility for the account.",
        }),
        text: Text {
            pt: "Falta confirmar a autorização. Abra o aplicativo do banco e confirme o \
                 compartilhamento.",
            en: "The authorization is still to be confirmed. Open the bank's app and confirm \
                 the sharing.",
        },
    },
    Advice {
        codes: &[
            "consent_unavailable_resources",
            "openfinance_consent_with_temporarily_unavailable_resources",
        ],
        action: Action::Wait,
        cause: Some(Text {
            pt: "O banco deixou parte dos dados indisponível por um tempo.",
            en: "The bank has made part of the data unavailable for a while.",
        }),
        text: Text {
            pt: "Parte dos seus dados está indisponível no banco. Eles voltam a aparecer assim \
                 que o banco liberar.",
            en: "Part of your data is unavailable at the bank. It will be back as soon as the \
                 bank releases it.",
        },
    },
    Advice {
        codes: &[
            "consent_unrecoverable_resources",
            "openfinance_consent_with_unrecoverable_resources",
        ],
        action: Action::Reconnect,
        cause: Some(Text {
            pt: "Uma conta ou um produto desta autorização deixou de existir ou de ser \
                 compartilhado.",
            en: "An account or product in this authorization no longer exists or is no longer \
                 shared.",
        }),
        text: Text {
            pt: "Parte dos dados deste banco não virá mais por esta autorização. Se a conta \
                 ainda existe, conecte o banco novamente.",
            en: "Part of this bank's data will no longer come with this authorization. If the \
                 account still exists, connect the bank again.",
        },
    },
];
