//! What becomes of a consent once it has been given.

use super::{Action, Advice};

pub(super) const ADVICE: &[Advice] = &[
    Advice {
        codes: &[
            "consent_expired",
            "openfinance_consent_expired",
            "CONSENT_MAX_DATE_REACHED",
        ],
        action: Action::RenewConsent,
        cause_pt: "O prazo da autorização que você deu ao banco terminou.",
        cause_en: "The period for which you authorized the bank has ended.",
        text_pt: "Sua autorização venceu. Renove para continuar recebendo seus dados.",
        text_en: "Your authorization has expired. Renew it to keep your data up to date.",
    },
    Advice {
        codes: &["consent_expiring", "openfinance_consent_about_to_expire"],
        action: Action::RenewConsent,
        cause_pt: "O prazo da autorização que você deu ao banco está no fim.",
        cause_en: "The period for which you authorized the bank is about to end.",
        text_pt: "Sua autorização está perto de vencer. Renove agora para não ficar sem \
                  atualização.",
        text_en: "Your authorization expires soon. Renew it now so that updates do not stop.",
    },
    Advice {
        codes: &["openfinance_consent_expiration_changed"],
        action: Action::None,
        cause_pt: "O prazo da autorização foi alterado no portal ou no banco.",
        cause_en: "The period of the authorization was changed in the portal or at the bank.",
        text_pt: "A data de validade da sua autorização mudou. Não precisa fazer nada.",
        text_en: "The expiry date of your authorization has changed. There is nothing to do.",
    },
    Advice {
        codes: &["consent_rejected"],
        action: Action::Reconnect,
        cause_pt: "A autorização foi recusada ou cancelada no banco.",
        cause_en: "The authorization was declined or cancelled at the bank.",
        text_pt: "Este banco não está mais autorizado a enviar seus dados. Para voltar a \
                  recebê-los, conecte o banco novamente.",
        text_en: "This bank is no longer authorized to send your data. To receive it again, \
                  connect the bank once more.",
    },
    Advice {
        codes: &["CUSTOMER_MANUALLY_REVOKED"],
        action: Action::Reconnect,
        cause_pt: "Você cancelou a autorização, no banco ou no portal.",
        cause_en: "You cancelled the authorization, at the bank or in the portal.",
        text_pt: "A autorização foi cancelada e os dados não atualizam mais. Se quiser voltar, \
                  conecte o banco novamente.",
        text_en: "The authorization was cancelled and the data no longer updates. To resume, \
                  connect the bank again.",
    },
    Advice {
        codes: &["consent_pending"],
        action: Action::ConfirmAtBank,
        cause_pt: "O banco ainda espera a confirmação, sua ou de quem também responde pela conta.",
        cause_en: "The bank is still waiting for confirmation, from you or from whoever shares \
                   responsibility for the account.",
        text_pt: "Falta confirmar a autorização. Abra o aplicativo do banco e confirme o \
                  compartilhamento.",
        text_en: "The authorization is still to be confirmed. Open the bank's app and confirm \
                  the sharing.",
    },
    Advice {
        codes: &[
            "consent_unavailable_resources",
            "openfinance_consent_with_temporarily_unavailable_resources",
        ],
        action: Action::Wait,
        cause_pt: "O banco deixou parte dos dados indisponível por um tempo.",
        cause_en: "The bank has made part of the data unavailable for a while.",
        text_pt: "Parte dos seus dados está indisponível no banco. Eles voltam a aparecer assim \
                  que o banco liberar.",
        text_en: "Part of your data is unavailable at the bank. It will be back as soon as the \
                  bank releases it.",
    },
    Advice {
        codes: &[
            "consent_unrecoverable_resources",
            "openfinance_consent_with_unrecoverable_resources",
        ],
        action: Action::Reconnect,
        cause_pt: "Uma conta ou um produto desta autorização deixou de existir ou de ser \
                   compartilhado.",
        cause_en: "An account or product in this authorization no longer exists or is no longer \
                   shared.",
        text_pt: "Parte dos dados deste banco não virá mais por esta autorização. Se a conta \
                  ainda existe, conecte o banco novamente.",
        text_en: "Part of this bank's data will no longer come with this authorization. If the \
                  account still exists, connect the bank again.",
    },
];
