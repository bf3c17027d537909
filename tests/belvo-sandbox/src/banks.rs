//! Invented banks, named in Belvo's way.

/// A bank that a user can choose in the widget.
#[derive(Debug, PartialEq, Eq)]
pub struct Bank {
    /// Belvo's name of the institution.
    pub name: &'static str,
    /// The name the widget shows.
    pub display_name: &'static str,
    /// The bank's own CNPJ, which owners carry in `companies_id`.
    pub cnpj: &'static str,
    /// Its code in the national clearing system.
    pub clearing_code: &'static str,
    /// Whether it serves companies.
    pub business: bool,
}

/// The bank of the sandbox's people, unless a user chooses another.
pub const MOCK_BANK: &Bank = &Bank {
    name: "ofmockbank_br_retail",
    display_name: "OF Mockbank",
    cnpj: "70281645000206",
    clearing_code: "901",
    business: false,
};

/// The bank of the sandbox's companies.
pub const BUSINESS_BANK: &Bank = &Bank {
    name: "ofbancoprimavera_br_business",
    display_name: "Banco Primavera Empresas",
    cnpj: "36048192000153",
    clearing_code: "902",
    business: true,
};

pub const BANKS: [&Bank; 5] = [
    MOCK_BANK,
    &Bank {
        name: "ofbancoprimavera_br_retail",
        display_name: "Banco Primavera",
        cnpj: "36048192000153",
        clearing_code: "902",
        business: false,
    },
    &Bank {
        name: "ofcooperativaserrana_br_retail",
        display_name: "Cooperativa Serrana",
        cnpj: "81520364000102",
        clearing_code: "903",
        business: false,
    },
    &Bank {
        name: "ofcontaviva_br_retail",
        display_name: "Conta Viva",
        cnpj: "92461735000130",
        clearing_code: "904",
        business: false,
    },
    BUSINESS_BANK,
];

impl Bank {
    pub fn find(name: &str) -> Option<&'static Bank> {
        BANKS.into_iter().find(|bank| bank.name == name)
    }

    /// The address of its logo. No image is served there.
    pub fn logo(&self) -> String {
        format!("https://bancos.example.com/{}.svg", self.name)
    }
}
