//! Our own codes: states of an attempt, a link or an erasure that no code of Belvo stands for.
//! (Those that mean the same as one of Belvo's are beside it.)

use super::{Action, Advice};

pub(super) const ADVICE: &[Advice] = &[
    Advice {
        codes: &["ok"],
        action: Action::None,
        cause_pt: "",
        cause_en: "",
        text_pt: "Está tudo certo com esta conexão.",
        text_en: "Everything is fine with this connection.",
    },
    Advice {
        codes: &["exit"],
        action: Action::TryAgain,
        cause_pt: "",
        cause_en: "",
        text_pt: "Você saiu antes de concluir. Quer continuar? É só começar de novo.",
        text_en: "You left before the end. Would you like to go on? Just start again.",
    },
    Advice {
        codes: &["loading"],
        action: Action::Wait,
        cause_pt: "Na primeira vez o banco envia meses de movimentação, e isso pode demorar.",
        cause_en: "The first time, the bank sends months of activity, and that can take a while.",
        text_pt: "Seus dados estão a caminho. Você não precisa esperar aqui.",
        text_en: "Your data is on its way. There is no need to wait here.",
    },
    Advice {
        codes: &["refreshing"],
        action: Action::Wait,
        cause_pt: "",
        cause_en: "",
        text_pt: "Estamos atualizando seus dados. Em alguns minutos as novidades aparecem.",
        text_en: "We are updating your data. What is new will show up in a few minutes.",
    },
    Advice {
        codes: &["no_answer"],
        action: Action::Wait,
        cause_pt: "O serviço de conexão não respondeu.",
        cause_en: "The connection service did not respond.",
        text_pt: "A atualização está demorando mais que o normal. Vamos continuar tentando.",
        text_en: "The update is taking longer than usual. We will keep trying.",
    },
    Advice {
        codes: &["awaiting_owner"],
        action: Action::Wait,
        cause_pt: "Antes de mostrar qualquer dado, conferimos no banco de quem é a conta.",
        cause_en: "Before we show any data, we check with the bank whose account it is.",
        text_pt: "Estamos confirmando o titular da conta. Isso pode levar alguns minutos.",
        text_en: "We are confirming who holds the account. This can take a few minutes.",
    },
    Advice {
        codes: &["awaiting_proof"],
        action: Action::Prove,
        cause_pt: "Falta o aplicativo confirmar que foi você quem fez esta conexão.",
        cause_en: "The app has yet to confirm that it was you who made this connection.",
        text_pt: "Falta só um passo: volte ao aplicativo para confirmar a conexão.",
        text_en: "There is one step left: go back to the app to confirm the connection.",
    },
    Advice {
        codes: &["owner_mismatch"],
        action: Action::CheckDetails,
        cause_pt: "O titular informado pelo banco não é o do CPF ou CNPJ desta conexão.",
        cause_en: "The holder the bank names is not that of the CPF or CNPJ of this connection.",
        text_pt: "Esta conta está em nome de outro titular e, por segurança, não mostramos os \
                  dados dela. Confira o CPF ou CNPJ e conecte uma conta sua.",
        text_en: "This account belongs to somebody else, so for safety we do not show its data. \
                  Check the CPF or CNPJ and connect an account of yours.",
    },
    Advice {
        codes: &["replaced"],
        action: Action::None,
        cause_pt: "Uma conexão mais recente com este banco traz os mesmos dados.",
        cause_en: "A newer connection to this bank brings the same data.",
        text_pt: "Outra conexão sua com este banco tomou o lugar desta. Não precisa fazer nada.",
        text_en: "Another connection of yours to this bank has taken the place of this one. There \
                  is nothing to do.",
    },
    Advice {
        codes: &["already_connected"],
        action: Action::RenewConsent,
        cause_pt: "Conectar de novo cria outra autorização e gasta o limite mensal de consultas.",
        cause_en: "Connecting it again creates another authorization and uses up the monthly limit \
                   of queries.",
        text_pt: "Você já conectou este banco. Se a autorização estiver vencendo, renove em vez \
                  de conectar de novo.",
        text_en: "You have connected this bank already. If the authorization is about to expire, \
                  renew it instead of connecting again.",
    },
    // Belvo says both that deleting a link ends the consent and that the user still has to.
    Advice {
        codes: &["erased"],
        action: Action::None,
        cause_pt: "",
        cause_en: "",
        text_pt: "O pedido de exclusão foi registrado e seus dados já não aparecem aqui. A \
                  autorização no banco pode continuar ativa: confira no portal de consentimentos \
                  e, se ela ainda estiver lá, cancele.",
        text_en: "Your request to erase is recorded and your data is no longer shown here. The \
                  authorization at the bank may still be active: check the consent portal and, \
                  if it is still there, cancel it.",
    },
];
