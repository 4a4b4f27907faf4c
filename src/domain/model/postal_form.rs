//! How each country writes a postal address: which parts it needs, what its postal codes look like, in which order its
//! lines stand. "Valid" means well-formed by that, not deliverable.
//!
//! The forms come from Google's libaddressinput: see `assets/postal/README.md`.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use crate::domain::model::address::Address;
use crate::domain::model::written::plain_code;

static FORMS: LazyLock<BTreeMap<&str, PostalForm>> =
    LazyLock::new(|| read(include_str!("../../../assets/postal/forms.tsv")));

/// The form of a country that is not listed.
const ANY: &str = "ZZ";

/// Countries that have no code in ISO 3166, by the code that everybody uses for them.
const BESIDE_ISO: [(&str, &str); 1] = [("XK", "Kosovo")];

/// The form of a country's addresses.
#[derive(Debug)]
pub(in crate::domain) struct PostalForm {
    /// Letters as in the format.
    required: &'static str,
    pattern: &'static str,
    codes: OnceLock<Regex>,
    /// A postal code as it is written; empty: none is known.
    pub example: &'static str,
    prefix: &'static str,
    format: &'static str,
    latin: &'static str,
}

impl PostalForm {
    pub(in crate::domain) fn of(country: &str) -> &'static Self {
        let listed = FORMS.get(country).filter(|_| country != ANY);
        listed.unwrap_or_else(|| FORMS.get(ANY).expect("the file has a form for any country"))
    }

    pub(in crate::domain) fn needs_city(&self) -> bool {
        self.required.contains('C')
    }

    pub(in crate::domain) fn needs_province(&self) -> bool {
        self.required.contains('S')
    }

    pub(in crate::domain) fn needs_postal_code(&self) -> bool {
        self.required.contains('Z')
    }

    /// Whether a postal code is one of the country, however it is grouped. Where nothing is known of its codes, any is.
    pub(in crate::domain) fn has(&self, postal_code: &str) -> bool {
        self.pattern.is_empty() || self.fits(&compact(postal_code))
    }

    fn fits(&self, code: &str) -> bool {
        let regex = || Regex::new(&format!("^(?:{})$", self.pattern)).expect("a test reads every pattern");
        self.codes.get_or_init(regex).is_match(code)
    }

    /// The lines of an address: `%N` is the recipient, `%O` the organization, `%A` the street lines, `%D` the district,
    /// `%C` the city, `%S` the state or province, `%Z` the postal code, `%X` the sorting code, `%n` a new line; everything
    /// else stands as it is. In some countries an address in Latin letters is written in another order than one in the
    /// country's own script.
    pub(in crate::domain) fn format(&self, address: &Address) -> &'static str {
        if self.latin.is_empty() || is_in_own_script(address) { self.format } else { self.latin }
    }
}

impl Address {
    /// The address as it is kept: a postal code in capitals and ASCII digits, without the country's mark before it (`D-10115`
    /// in Germany is 10115). A postal code that is none of its country stays as it was written.
    #[must_use]
    pub fn normalised(self) -> Self {
        let postal_code = postal_code(&self.country, &self.postal_code).unwrap_or(self.postal_code);
        Self { postal_code, ..self }
    }
}

fn postal_code(country: &str, written: &str) -> Option<String> {
    let form = PostalForm::of(country);
    let code = plain_code(written).to_uppercase();
    if form.pattern.is_empty() || form.fits(&compact(&code)) {
        return (!form.pattern.is_empty()).then_some(code);
    }
    let iso = rust_iso3166::from_alpha2(country).map_or("", |it| it.alpha3);
    let without = |mark: &&str| {
        let rest = code.strip_prefix(*mark)?.trim_start_matches(['-', ' ']);
        form.fits(&compact(rest)).then(|| rest.to_owned())
    };
    [form.prefix, iso, country].iter().filter(|it| !it.is_empty()).find_map(without)
}

/// Without blanks and dashes, in upper case and ASCII digits: how postal codes are compared.
pub(in crate::domain) fn compact(code: &str) -> String {
    let code = plain_code(code);
    code.chars().filter(|it| !matches!(it, ' ' | '-')).flat_map(char::to_uppercase).collect()
}

/// The name of a country.
pub(in crate::domain) fn country_name(code: &str) -> Option<&'static str> {
    let beside = BESIDE_ISO.iter().find(|it| it.0 == code).map(|it| it.1);
    beside.or_else(|| rust_iso3166::from_alpha2(code).map(|it| it.name))
}

fn is_in_own_script(address: &Address) -> bool {
    let Address { recipient: _, organization: _, lines, city, area, postal_code: _, country: _ } = address;
    let mut letters = lines.iter().chain([city, area]).flat_map(|it| it.chars());
    // Thai, and what comes of Hangul, Kana and Han: the scripts of the countries that know two orders.
    letters.any(|it| matches!(it, '\u{E00}'..='\u{E7F}' | '\u{1100}'..='\u{11FF}' | '\u{2E80}'..))
}

fn read(text: &'static str) -> BTreeMap<&'static str, PostalForm> {
    let rows = text.lines().filter(|it| !it.starts_with('#'));
    let form = |row: &'static str| {
        let fields: Vec<&str> = row.split('\t').collect();
        let [country, required, pattern, example, prefix, format, latin] = fields[..] else {
            unreachable!("a test reads every row, and {row} is none");
        };
        (country, PostalForm { required, pattern, codes: OnceLock::new(), example, prefix, format, latin })
    };
    rows.map(form).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_every_example_fits_its_pattern() {
        assert_eq!(FORMS.len(), 253);
        for (country, form) in FORMS.iter() {
            assert!(form.required.chars().all(|it| "ACSZ".contains(it)), "{country}");
            assert!(form.format.contains("%A"), "{country}");
            assert_eq!(form.pattern.is_empty(), form.example.is_empty(), "{country}");
            assert!(form.has(form.example), "{country} {}", form.example);
        }
        for country in rust_iso3166::ALL {
            assert!(FORMS.contains_key(country.alpha2), "{}", country.alpha2);
        }
    }

    #[test]
    fn postal_codes_are_read_as_people_write_them() {
        for (country, code) in [
            ("GB", "SW1A 1AA"),
            ("GB", "m11ae"),
            ("CA", "k1a-0b1"),
            ("US", "10001-1234"),
            ("PL", "00950"),
            ("NL", "1012ab"),
            ("LV", "LV-1010"),
            ("IE", "D02 X285"),
            ("IE", "D6W XY00"),
            ("JP", "100-0001"),
            ("MT", "VLT 1117"),
            ("AO", "whatever"),
            ("PT", "1000-001"),
            ("AR", "C1070AAM"),
            ("AR", "1010"),
            ("KY", "KY1-1002"),
            ("XK", "10000"),
            ("EG", "١١٥١١"),
        ] {
            assert!(PostalForm::of(country).has(code), "{country} {code}");
        }
        for (country, code) in [
            ("GB", "12345"),
            ("US", "1000"),
            ("DE", "1O115"),
            ("IE", "X"),
            ("KW", "1"),
            ("CA", "99999"),
            ("LV", "LT-1010"),
            ("NL", "1012 SS"),
        ] {
            assert!(!PostalForm::of(country).has(code), "{country} {code}");
        }
    }

    #[test]
    fn a_mark_of_the_country_before_a_postal_code_is_dropped_where_it_is_the_destinations() {
        for (country, written, kept) in [
            ("DE", "D-10115", "10115"),
            ("DE", "D 10115", "10115"),
            ("DE", "DE-10115", "10115"),
            ("FI", "FIN-00100", "00100"),
            ("FI", "FI-00100", "00100"),
            ("AT", "A-1010", "1010"),
            ("FR", "F-75001", "75001"),
            ("SE", "S-958 22", "958 22"),
            ("SE", "SE-411 38", "411 38"),
            ("IT", "I-00184", "00184"),
            ("NO", "N-0150", "0150"),
            ("BE", "B-1180", "1180"),
            ("LU", "L-1234", "1234"),
            ("CH", "ch 8001", "8001"),
            ("LI", "FL-9490", "9490"),
            ("JP", "〒１０５－００１１", "105-0011"),
            ("LV", "lv-1010", "LV-1010"),
            ("AR", "B1636", "B1636"),
            ("GB", "sw1a 1aa", "SW1A 1AA"),
            // Another country's mark, and what is no postal code at all.
            ("AT", "D-1010", "D-1010"),
            ("DE", "d-1011", "d-1011"),
            ("AO", "a b", "a b"),
        ] {
            let address = Address {
                recipient: String::new(),
                organization: String::new(),
                lines: Vec::new(),
                city: String::new(),
                area: String::new(),
                postal_code: written.to_owned(),
                country: country.to_owned(),
            };
            let address = address.normalised();
            assert_eq!(address.postal_code, kept, "{country} {written}");
            assert_eq!(address.clone().normalised(), address);
        }
    }

    #[test]
    fn kosovo_is_a_country() {
        assert_eq!(country_name("XK"), Some("Kosovo"));
        assert_eq!(country_name("DE"), Some("Germany"));
        assert_eq!(country_name("ZZ"), None);
    }
}
