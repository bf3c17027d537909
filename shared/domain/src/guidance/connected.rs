//! With a link: its data.

use super::{Action, Advice};

pub(super) const ADVICE: &[Advice] = &[
    Advice {
        codes: &["operational_limits_reached", "limit_reached"],
        action: Action::WaitUntil,
        cause_pt: "O Open Finance limita quantas consultas podem ser feitas por mês para cada CPF \
                   ou CNPJ.",
        cause_en: "Open Finance limits how many queries a month can be made for each CPF or CNPJ.",
        text_pt: "O limite mensal de consultas deste CPF ou CNPJ foi atingido. Os dados voltam a \
                  atualizar no próximo mês, sem que você precise fazer nada.",
        text_en: "The monthly limit of queries for this CPF or CNPJ has been reached. Your data \
                  will update again next month; there is nothing you need to do.",
    },
    Advice {
        codes: &["consent_without_accounts"],
        action: Action::Reconnect,
        cause_pt: "As contas incluídas nesta autorização foram encerradas ou retiradas dela.",
        cause_en: "The accounts in this authorization were closed or taken out of it.",
        text_pt: "Não há mais contas nesta autorização. Conecte o banco novamente e escolha as \
                  contas que quer compartilhar.",
        text_en: "There are no accounts left in this authorization. Connect the bank again and \
                  choose the accounts you want to share.",
    },
    Advice {
        codes: &["invalid_link", "invalid_credentials", "expired_credentials"],
        action: Action::Reconnect,
        cause_pt: "O banco deixou de aceitar esta conexão.",
        cause_en: "The bank has stopped accepting this connection.",
        text_pt: "A conexão com este banco parou de funcionar. Conecte o banco novamente.",
        text_en: "The connection to this bank has stopped working. Connect the bank again.",
    },
    Advice {
        codes: &["token_required"],
        action: Action::Reconnect,
        cause_pt: "O banco pede que você se identifique outra vez.",
        cause_en: "The bank asks you to identify yourself once more.",
        text_pt: "O banco precisa de uma nova confirmação sua. Conecte o banco novamente.",
        text_en: "The bank needs a new confirmation from you. Connect the bank again.",
    },
    Advice {
        codes: &["unconfirmed_link"],
        action: Action::Reconnect,
        cause_pt: "A conexão foi iniciada, mas não chegou ao fim.",
        cause_en: "The connection was begun but never completed.",
        text_pt: "A conexão com este banco não foi concluída. Conecte o banco novamente.",
        text_en: "The connection to this bank was not completed. Connect the bank again.",
    },
    Advice {
        codes: &["not_found", "does_not_exist", "link_gone", "link_deleted"],
        action: Action::Reconnect,
        cause_pt: "A conexão foi removida ou ficou muito tempo sem atualizar.",
        cause_en: "The connection was removed, or went without an update for too long.",
        text_pt: "Esta conexão não existe mais. Para voltar a receber seus dados, conecte o \
                  banco novamente.",
        text_en: "This connection no longer exists. To receive your data again, connect the bank \
                  once more.",
    },
    Advice {
        codes: &["unavailable_data"],
        action: Action::Wait,
        cause_pt: "O banco respondeu sem enviar os dados.",
        cause_en: "The bank answered without sending the data.",
        text_pt: "O banco ainda não enviou estes dados. Vamos pedir de novo mais tarde.",
        text_en: "The bank has not sent this data yet. We will ask again later.",
    },
    Advice {
        codes: &["unsupported_operation"],
        action: Action::None,
        cause_pt: "Nem todo banco compartilha todos os tipos de dados.",
        cause_en: "Not every bank shares every kind of data.",
        text_pt: "Este banco não oferece estas informações.",
        text_en: "This bank does not offer this information.",
    },
    Advice {
        codes: &["link_refreshed"],
        action: Action::Wait,
        cause_pt: "Os dados deste banco foram atualizados há poucos minutos.",
        cause_en: "This bank's data was updated a few minutes ago.",
        text_pt: "Acabamos de atualizar este banco. Aguarde alguns minutos para pedir outra \
                  atualização.",
        text_en: "We have just updated this bank. Wait a few minutes before asking for another \
                  update.",
    },
    Advice {
        codes: &["request_timeout"],
        action: Action::Wait,
        cause_pt: "O banco demorou demais para responder.",
        cause_en: "The bank took too long to answer.",
        text_pt: "O banco está demorando para enviar seus dados. Vamos continuar tentando.",
        text_en: "The bank is slow to send your data. We will keep trying.",
    },
];
