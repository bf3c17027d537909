//! The kinds of transaction on a Brazilian statement.

#[derive(Debug)]
pub struct Movement {
    /// The description; `{}` is replaced by a name.
    pub description: &'static str,
    /// Belvo's category.
    pub category: &'static str,
    /// Belvo's subcategory.
    pub subcategory: &'static str,
    /// The Open Finance code of the operation.
    pub operation: &'static str,
    /// Whether it is a credit.
    pub inflow: bool,
    /// In cents.
    pub low: i64,
    /// In cents.
    pub high: i64,
    /// The merchant category code of a card purchase.
    pub mcc: Option<i64>,
}

/// The monthly salary, on the fifth.
#[rustfmt::skip] // a table
pub const SALARY: Movement = inflow("SALARIO FOLHA PAGTO", "Income & Payments", "Salary", "FOLHA_PAGAMENTO", 280_000, 1_150_000);

#[rustfmt::skip] // a table
pub const CHECKING: [Movement; 14] = [
    outflow("PIX ENVIADO {}", "Transfers", "Other", "PIX", 500, 85_000),
    inflow("PIX RECEBIDO {}", "Transfers", "Other", "PIX", 500, 120_000),
    outflow("PIX QR CODE PADARIA AURORA", "Food & Groceries", "Bakery & Coffee", "PIX", 450, 4_200),
    outflow("PAGTO BOLETO CONDOMINIO", "Home & Life", "Other", "BOLETO", 38_000, 98_000),
    outflow("PAGTO BOLETO ENERGIA LUZ DO VALE", "Bills & Utilities", "Electricity & Energy", "BOLETO", 8_000, 42_000),
    outflow("PAGTO BOLETO AGUAS CLARAS", "Bills & Utilities", "Water", "BOLETO", 5_000, 18_000),
    outflow("DEB AUTOMATICO TELEFONIA VOZ", "Bills & Utilities", "Telecommunications", "CONVENIO_ARRECADACAO", 4_990, 15_990),
    outflow("TED ENVIADA {}", "Transfers", "Other", "TED", 20_000, 400_000),
    inflow("TED RECEBIDA {}", "Transfers", "Other", "TED", 20_000, 400_000),
    outflow("SAQUE CAIXA ELETRONICO", "Withdrawal & ATM", "Other", "SAQUE", 2_000, 60_000),
    outflow("TARIFA PACOTE SERVICOS", "Fees & Charges", "Bank Fees", "TARIFA_SERVICOS_AVULSOS", 990, 4_500),
    outflow("COMPRA DEBITO MERCADO BOM PRECO", "Food & Groceries", "Groceries", "CARTAO", 2_500, 62_000),
    outflow("COMPRA DEBITO FARMACIA SANTA CURA", "Home & Life", "Pharmacies", "CARTAO", 1_200, 23_000),
    inflow("ESTORNO COMPRA DEBITO", "Fees & Charges", "Refund", "CARTAO", 1_000, 30_000),
];

#[rustfmt::skip] // a table
pub const BUSINESS: [Movement; 8] = [
    inflow("PIX RECEBIDO CLIENTE {}", "Income & Payments", "Other", "PIX", 1_500, 950_000),
    inflow("LIQUIDACAO COBRANCA BOLETO", "Income & Payments", "Other", "BOLETO", 15_000, 2_400_000),
    inflow("RECEBIMENTO VENDAS CARTAO", "Income & Payments", "Other", "CARTAO", 20_000, 1_800_000),
    outflow("PAGTO FORNECEDOR BOLETO", "Bills & Utilities", "Other", "BOLETO", 12_000, 1_600_000),
    outflow("FOLHA DE PAGAMENTO {}", "Income & Payments", "Salary", "FOLHA_PAGAMENTO", 180_000, 700_000),
    outflow("PAGTO DARF SIMPLES NACIONAL", "Taxes", "Government Fees", "CONVENIO_ARRECADACAO", 30_000, 900_000),
    outflow("TED ENVIADA {}", "Transfers", "Other", "TED", 20_000, 2_000_000),
    outflow("TARIFA COBRANCA BOLETO", "Fees & Charges", "Bank Fees", "TARIFA_SERVICOS_AVULSOS", 190, 1_200),
];

#[rustfmt::skip] // a table
pub const SAVINGS: [Movement; 3] = [
    inflow("RENDIMENTO POUPANCA", "Income & Payments", "Interest", "RENDIMENTO_APLIC_FINANCEIRA", 3, 4_200),
    inflow("TRANSF PROGRAMADA", "Investments & Savings", "Savings", "TRANSFERENCIA_MESMA_INSTITUICAO", 5_000, 80_000),
    outflow("RESGATE POUPANCA", "Investments & Savings", "Savings", "TRANSFERENCIA_MESMA_INSTITUICAO", 5_000, 150_000),
];

#[rustfmt::skip] // a table
pub const CARD: [Movement; 10] = [
    purchase("MERCADO BOM PRECO", "Food & Groceries", "Groceries", 2_500, 88_000, 5411),
    purchase("FARMACIA SANTA CURA", "Home & Life", "Pharmacies", 1_100, 31_000, 5912),
    purchase("POSTO ESTRADA REAL", "Transport & Travel", "Gas", 6_000, 38_000, 5541),
    purchase("CORRIDAJA*VIAGEM", "Transport & Travel", "Taxis & Rideshares", 790, 9_800, 4121),
    purchase("CINEFLUXO ASSINATURA", "Online Platforms & Leisure", "Movie & Audio", 1_990, 5_590, 4899),
    purchase("RESTAURANTE SABOR MINEIRO", "Food & Groceries", "Restaurants", 2_200, 32_000, 5812),
    purchase("LOJA TUDOAQUI PARC", "Personal Shopping", "E-commerce", 4_500, 240_000, 5999),
    purchase("LIVRARIA DO LARGO", "Personal Shopping", "Books & News", 1_900, 22_000, 5942),
    purchase("ACADEMIA CORPO LEVE", "Home & Life", "Gyms & Fitness", 7_990, 18_990, 7997),
    Movement { inflow: true, ..purchase("ESTORNO LOJA TUDOAQUI", "Fees & Charges", "Refund", 1_000, 40_000, 5999) },
];

const fn outflow(
    description: &'static str,
    category: &'static str,
    subcategory: &'static str,
    operation: &'static str,
    low: i64,
    high: i64,
) -> Movement {
    Movement {
        description,
        category,
        subcategory,
        operation,
        inflow: false,
        low,
        high,
        mcc: None,
    }
}

const fn inflow(
    description: &'static str,
    category: &'static str,
    subcategory: &'static str,
    operation: &'static str,
    low: i64,
    high: i64,
) -> Movement {
    Movement {
        inflow: true,
        ..outflow(description, category, subcategory, operation, low, high)
    }
}

const fn purchase(
    description: &'static str,
    category: &'static str,
    subcategory: &'static str,
    low: i64,
    high: i64,
    mcc: i64,
) -> Movement {
    Movement {
        mcc: Some(mcc),
        ..outflow(description, category, subcategory, "OUTROS", low, high)
    }
}
