//! On the way to a link: in the widget, and at the bank.

use super::{Action, Advice};

pub(super) const ADVICE: &[Advice] = &[
    // `no_callback` is ours: at the bank's refusal the browser stays on Belvo's page, and nobody
    // sends us anything.
    Advice {
        codes: &["risk_analysis_denied", "no_callback"],
        action: Action::TryAgain,
        cause_pt: "Antes de autorizar, o banco verifica o aparelho e a rede, e algo nessa \
                   verificação não passou.",
        cause_en: "Before it authorizes, the bank checks your device and network, and something \
                   in that check did not pass.",
        text_pt: "O banco não liberou a conexão. Desligue a VPN, atualize o aplicativo do banco \
                  para a versão mais recente, confira o CPF ou CNPJ e tente de novo. Se for Itaú \
                  no computador, instale antes o Guardião 30 horas.",
        text_en: "The bank did not allow the connection. Turn off your VPN, update the bank's app \
                  to its newest version, check the CPF or CNPJ and try again. For Itaú on a \
                  computer, install Guardião 30 horas first.",
    },
    Advice {
        codes: &[
            "ACCESS_TOKEN_NOT_VALID",
            "session_expired",
            "session_expired_ob",
        ],
        action: Action::TryAgain,
        cause_pt: "Por segurança, cada sessão de conexão vale só por alguns minutos.",
        cause_en: "For your safety, each connection session lasts only a few minutes.",
        text_pt: "Sua sessão de conexão venceu. É só começar de novo.",
        text_en: "Your connection session has expired. Just start again.",
    },
    Advice {
        codes: &["institution_down", "institution_unavailable"],
        action: Action::ChooseAnotherBank,
        cause_pt: "Os sistemas do banco não estão respondendo.",
        cause_en: "The bank's systems are not responding.",
        text_pt: "Este banco está fora do ar no momento. Tente mais tarde ou escolha outro.",
        text_en: "This bank is down at the moment. Try later or choose another one.",
    },
    Advice {
        codes: &["institution_inactive", "institution_disabled"],
        action: Action::ChooseAnotherBank,
        cause_pt: "A conexão com este banco está temporariamente desativada.",
        cause_en: "The connection to this bank is temporarily switched off.",
        text_pt: "Este banco está fora do ar no momento, sem previsão de volta. Escolha outro ou \
                  tente mais tarde.",
        text_en: "This bank is unavailable at the moment, and we do not know for how long. \
                  Choose another one or try later.",
    },
    Advice {
        codes: &["login_error"],
        action: Action::CheckDetails,
        cause_pt: "Os dados informados não são iguais aos do cadastro no banco, ou o acesso à \
                   conta está bloqueado.",
        cause_en: "The details given differ from those the bank has, or access to the account is \
                   blocked.",
        text_pt: "Não conseguimos confirmar seus dados no banco. Confira o CPF ou CNPJ e tente \
                  de novo.",
        text_en: "We could not confirm your details with the bank. Check the CPF or CNPJ and try \
                  again.",
    },
    Advice {
        codes: &["too_many_sessions"],
        action: Action::TryAgain,
        cause_pt: "O banco aceita uma sessão por vez, e outra ainda está aberta.",
        cause_en: "The bank accepts one session at a time, and another is still open.",
        text_pt: "Há outra sessão aberta nesse banco. Encerre-a, aguarde dois minutos e tente de \
                  novo.",
        text_en: "Another session is open at this bank. Close it, wait two minutes and try again.",
    },
    Advice {
        codes: &["unexpected_error", "service_unavailable"],
        action: Action::TryAgain,
        cause_pt: "Foi uma falha passageira no serviço de conexão, não nos seus dados.",
        cause_en: "It was a passing failure of the connection service, not of your details.",
        text_pt: "Algo falhou do nosso lado. Tente de novo daqui a pouco.",
        text_en: "Something failed on our side. Try again in a little while.",
    },
    Advice {
        codes: &["duplicated"],
        action: Action::None,
        cause_pt: "Você já tinha autorizado este banco antes.",
        cause_en: "You had authorized this bank before.",
        text_pt: "Esta conta já está conectada. Não precisa conectar de novo.",
        text_en: "This account is connected already. There is no need to connect it again.",
    },
    Advice {
        codes: &["CONSENT_EXPIRED"],
        action: Action::TryAgain,
        cause_pt: "A autorização não foi confirmada no banco dentro do prazo.",
        cause_en: "The authorization was not confirmed at the bank in time.",
        text_pt: "O tempo para autorizar no banco acabou. Comece de novo e confirme no \
                  aplicativo do banco assim que ele pedir.",
        text_en: "The time to authorize at the bank ran out. Start again and confirm in the \
                  bank's app as soon as it asks.",
    },
    Advice {
        codes: &["CUSTOMER_MANUALLY_REJECTED"],
        action: Action::TryAgain,
        cause_pt: "O pedido foi recusado na tela do banco.",
        cause_en: "The request was declined on the bank's screen.",
        text_pt: "O compartilhamento não foi autorizado no banco. Se mudar de ideia, é só \
                  conectar de novo.",
        text_en: "Sharing was not authorized at the bank. If you change your mind, just connect \
                  again.",
    },
    Advice {
        codes: &["CONSENT_TECHNICAL_ISSUE"],
        action: Action::TryAgain,
        cause_pt: "O banco teve um problema técnico ao registrar a autorização.",
        cause_en: "The bank had a technical problem recording the authorization.",
        text_pt: "O banco não conseguiu concluir a autorização. Tente de novo daqui a pouco.",
        text_en: "The bank could not complete the authorization. Try again in a little while.",
    },
    // The network forbids calling this fraud, and we do not know more than the bank says.
    Advice {
        codes: &["INTERNAL_SECURITY_REASON"],
        action: Action::ContactBank,
        cause_pt: "Uma regra interna do banco não permitiu a autorização. Ele não informa qual.",
        cause_en: "An internal rule of the bank did not allow it. The bank does not say which.",
        text_pt: "O banco não concluiu a autorização. Fale com o atendimento do banco ou escolha \
                  outro.",
        text_en: "The bank did not complete the authorization. Contact the bank or choose \
                  another one.",
    },
    Advice {
        codes: &["activation_required", "activation_failed"],
        action: Action::ContactBank,
        cause_pt: "O acesso digital à conta não está ativo no banco.",
        cause_en: "Online access to the account is not active at the bank.",
        text_pt: "Falta ativar o acesso digital à sua conta. Ative-o no aplicativo ou no \
                  atendimento do banco e tente de novo.",
        text_en: "Online access to your account is still to be activated. Do it in the bank's \
                  app or with the bank's support, and try again.",
    },
];
