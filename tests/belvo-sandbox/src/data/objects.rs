//! Changes of owners, accounts, bills, investments and their movements.
//!
//! A field set by a test keeps its value: a later collection updates the account's other fields.
//! Rows that embed a vanished account or investment stay, and keep its last state.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    data::{
        LinkData, Profile, Stored, accounts, bills,
        changes::{Changes, Touched, Wanted, read},
        investments, owners,
        rows::{Rows, Said},
    },
    json::{Fields, Money, Put},
    people,
    random::Seed,
    resources::Resource,
};

/// A transaction stores the position of its account in one byte.
const MOST_ACCOUNTS: usize = 255;

impl LinkData {
    /// Changes the rows of a kind at this time.
    ///
    /// # Errors
    /// Which row or field is wrong. Nothing has changed then.
    pub fn change_objects(
        &mut self,
        resource: Resource,
        changes: Changes,
        now: Timestamp,
    ) -> Result<Touched, String> {
        let before = self
            .rows(resource)
            .ok_or("transactions are changed by /changes")?;
        let seed = self.profile.seed.child("objects").at(self.changes_made);
        let seed = seed.child(resource.lower());
        let mut rows = before.clone();
        let mut touched = Touched::default();
        for (id, said) in self.updates(resource, before, changes.update, seed)? {
            before.find(id).ok_or_else(|| unknown(resource, id))?;
            rows.say(id, said);
            touched.updated.push(id);
        }
        touched.deleted = match changes.delete {
            Wanted::These(ids) => ids,
            Wanted::Count(count) => some(before, &touched, seed.child("delete"), count),
        };
        for id in &touched.deleted {
            before.find(*id).ok_or_else(|| unknown(resource, *id))?;
            rows.remove(*id);
        }
        let wishes = match changes.add {
            Wanted::These(list) => list,
            Wanted::Count(count) => (0..count).map(|_| Fields::new()).collect(),
        };
        for (number, fields) in (0_u64..).zip(wishes) {
            let (row, said) = self.another(resource, seed.at(number), fields, now)?;
            touched.added.push(row.id);
            rows.add(row, said)?;
        }
        if resource == Resource::Accounts
            && before.all().len() + touched.added.len() > MOST_ACCOUNTS
        {
            return Err(format!("at most {MOST_ACCOUNTS} accounts"));
        }
        if let Some(place) = self.rows_mut(resource) {
            *place = rows;
        }
        self.changes_made += 1;
        self.dress();
        Ok(touched)
    }

    fn updates(
        &self,
        resource: Resource,
        rows: &Rows,
        wanted: Wanted<Fields>,
        seed: Seed,
    ) -> Result<Vec<(Uuid, Said)>, String> {
        match wanted {
            Wanted::Count(count) => {
                let ids = some(rows, &Touched::default(), seed.child("update"), count);
                let update = |id: Uuid| {
                    let said = Said {
                        fields: believable(resource, seed.at(id.as_u128() as u64)),
                        parent: None,
                    };
                    (id, said)
                };
                Ok(ids.into_iter().map(update).collect())
            }
            Wanted::These(list) => {
                let update = |mut fields: Fields| {
                    let id = read(&fields, "id")?.ok_or("update: each row needs its id")?;
                    fields.remove("id");
                    Ok((id, self.said(resource, fields)?))
                };
                list.into_iter().map(update).collect()
            }
        }
    }

    /// A new row with the fields the test has set.
    fn another(
        &self,
        resource: Resource,
        seed: Seed,
        fields: Fields,
        now: Timestamp,
    ) -> Result<(Stored, Said), String> {
        let id = read::<Uuid>(&fields, "id")?;
        let said = self.said(resource, fields)?;
        let profile = Profile {
            seed,
            created_at: now,
            collected_at: now,
            ..self.profile.clone()
        };
        let mut row = match resource {
            Resource::Owners => owners::owner(&another_person(profile)),
            Resource::Bills => bills::another(&profile, self.accounts.all().get(accounts::CARD)),
            Resource::Investments => investments::another(&profile),
            Resource::InvestmentTransactions => {
                let index = seed
                    .child("investment")
                    .below(self.investments.listed().len() as u64);
                let investment = said.parent.and_then(|id| self.investments.find(id));
                let investment = investment
                    .or_else(|| self.investments.listed().get(index as usize))
                    .ok_or("there is no investment that could move")?;
                investments::another_movement(&profile, investment)
            }
            Resource::Accounts | Resource::Transactions => accounts::another(&profile),
        };
        row.id = id.unwrap_or(row.id);
        Ok((row, said))
    }

    /// The fields the test has set, with an id in place of the account or investment.
    fn said(&self, resource: Resource, mut fields: Fields) -> Result<Said, String> {
        if fields.contains_key("created_at") {
            read::<Timestamp>(&fields, "created_at")?;
        }
        let (name, parents) = match resource {
            Resource::Bills => ("account", &self.accounts),
            Resource::InvestmentTransactions => ("investment", &self.investments),
            _ => {
                return Ok(Said {
                    fields,
                    parent: None,
                });
            }
        };
        // A test may give the object itself.
        let parent = read::<Uuid>(&fields, name).ok().flatten();
        if let Some(id) = parent {
            let there = parents.all().iter().any(|row| row.id == id);
            there
                .then(|| fields.remove(name))
                .ok_or_else(|| format!("{name} {id} is not of this link"))?;
        }
        Ok(Said { fields, parent })
    }
}

fn unknown(resource: Resource, id: Uuid) -> String {
    format!("no row {id} in {}", resource.lower())
}

/// A number of rows, chosen by the seed, without those that this change has already touched.
fn some(rows: &Rows, touched: &Touched, seed: Seed, count: u64) -> Vec<Uuid> {
    let changed: HashSet<Uuid> = touched.updated.iter().copied().collect();
    let ids = rows.listed().iter().map(|row| row.id);
    let mut ids: Vec<Uuid> = ids.filter(|id| !changed.contains(id)).collect();
    ids.sort_by_key(|id| {
        seed.at(id.as_u128() as u64)
            .at((id.as_u128() >> 64) as u64)
            .number()
    });
    ids.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    ids
}

/// A change that a bank might make by itself.
fn believable(resource: Resource, seed: Seed) -> Fields {
    let mut text = String::new();
    let name = match resource {
        Resource::Owners => {
            format!("titular{}@example.com", seed.digits(6)).put(&mut text);
            "email"
        }
        Resource::Accounts | Resource::Transactions => {
            format!("Conta {}", seed.digits(4)).put(&mut text);
            "name"
        }
        Resource::Bills => {
            Money(seed.between(1_000, 90_000)).put(&mut text);
            "minimum_amount"
        }
        Resource::Investments => {
            format!("Aplicação {}", seed.digits(4)).put(&mut text);
            "product_name"
        }
        Resource::InvestmentTransactions => {
            Money(seed.between(10_000, 800_000)).put(&mut text);
            "net_value"
        }
    };
    Fields::from([(name.into(), text)])
}

/// Another owner of the same accounts: always a person, even beside a company.
fn another_person(profile: Profile) -> Profile {
    let index = profile
        .seed
        .child("person")
        .below(people::PEOPLE.len() as u64) as usize;
    let person = people::PEOPLE
        .get(index)
        .copied()
        .unwrap_or(people::PEOPLE[0]);
    Profile {
        document: person.cpf.into(),
        name: person.name.into(),
        representative: None,
        ..profile
    }
}
