//! The contract of the loan account.

use jiff::civil::Date;

use crate::{
    clock,
    data::Profile,
    json::{Decimal, Money, Null, Raw, object},
};

/// Belvo's `loan_data`, from amounts in cents and the number of paid installments out of 24.
pub fn loan_data(
    profile: &Profile,
    contract: &str,
    start: Date,
    [total, left, installment, paid]: [i64; 4],
    [tax_type, rate_type, period]: [&str; 3],
) -> Raw {
    object! {
        "collected_at": clock::micros(profile.collected_at),
        "loan_code": profile.seed.child("loan code").digits(26),
        "contract_amount": Money(total),
        "total_effective_cost": Raw("0.29".into()),
        // Belvo's schema has this misspelled key and requires it.
        "total_effectove_cost": Raw("0.29".into()),
        "loan_type": "CREDITO_PESSOAL_SEM_CONSIGNACAO",
        "outstanding_balance": Money(left),
        "interest_rates": [object! {
            "name": "Juros",
            "type": "MONTHLY",
            "value": Raw("1.89".into()),
            "interest_rate_data": object! {
                "tax_type": tax_type,
                "rate_type": rate_type,
                "type": period,
                "calculation_base": "21/252",
                "reference_index_type": "PRE_FIXED",
                "reference_index_subtype": Null,
                "reference_index_info": Null,
                "pre_fixed_rate": Decimal(18_900, 6),
                "post_fixed_rate": Decimal(0, 6),
                "additional_info": Null,
            },
        }],
        "fees": Vec::<Raw>::new(),
        "contracted_charges": [object! { "type": "LATE_PAYMENT_INTEREST_FEE", "info": Null, "rate": Raw("0.01".into()) }],
        "collaterals": Vec::<Raw>::new(),
        "balloon_payments": Vec::<Raw>::new(),
        "installments_contract_term_frequency": "MONTH",
        "installment_frequency": "MONTHLY",
        "installment_frequency_info": Null,
        "first_installment_due_date": clock::days_from(start, 30),
        "number_of_installments_total": 24_i64,
        "number_of_installments_outstanding": 24 - paid,
        "number_of_installments_paid": paid,
        "number_of_installments_past_due": 0_i64,
        "disbursement_dates": [start],
        "settlement_date": Null,
        "contract_start_date": start,
        "contract_end_date": clock::days_from(start, 24 * 30),
        "contract_remaining_frequency": "MONTH",
        "contract_remaining_total": 24 - paid,
        "amortization_schedule": "PRICE",
        "amortization_schedule_info": Null,
        "consignee_id": Null,
        "contract_number": contract,
        "monthly_payment": Money(installment),
        "principal": Money(total),
        "payment_day": "10",
        "outstanding_principal": Money(left),
        "credit_limit": Null,
        "last_period_balance": Null,
        "interest_rate": Null,
        "limit_day": Null,
        "cutting_day": Null,
        "cutting_date": Null,
        "last_payment_date": Null,
        "no_interest_payment": Null,
    }
}
