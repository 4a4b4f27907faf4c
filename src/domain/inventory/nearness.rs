//! How far a location is from an address, as far as country and postal code tell: nobody's coordinates are kept.

use crate::domain::model::location::Location;
use crate::domain::promise::offer::Addressed;

/// In another country than the address, or nobody knows where.
const ELSEWHERE: u32 = 1_000;

/// In the same country, and the postal codes have nothing in common.
const SAME_COUNTRY: u32 = 100;

/// A rank, not a length: the location's country goes before any other, and the more characters of the beginning its
/// postal code shares with the address's, the nearer it is. Of equally near locations the settings' priority decides.
pub(super) fn distance(location: &Location, to: &Addressed) -> u32 {
    if to.country.as_ref() != Some(&location.country) {
        return ELSEWHERE;
    }
    let own = location.address.as_ref().map_or("", |it| it.postal_code.as_str());
    let shared = significant(own).zip(significant(&to.postal_code)).take_while(|(one, other)| one == other);
    SAME_COUNTRY.saturating_sub(u32::try_from(shared.count()).unwrap_or(u32::MAX))
}

/// Letters and digits, whatever their case.
fn significant(code: &str) -> impl Iterator<Item = char> {
    code.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::model::address::Address;
    use crate::domain::model::time::Timestamp;

    fn at(country: &str, postal_code: &str) -> Location {
        let (code, region) = ("L1".parse().expect("a code"), "EUROPE".parse().expect("a code"));
        let mut location = Location::new(code, region, country, Timestamp::from_unix_micros(0));
        location.address = Some(Address {
            recipient: String::new(),
            organization: String::new(),
            lines: Vec::new(),
            city: String::new(),
            area: String::new(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
        });
        location
    }

    fn to(country: &str, postal_code: &str) -> Addressed {
        Addressed { country: Some(country.to_owned()), postal_code: postal_code.to_owned(), time_zone: None }
    }

    #[test]
    fn the_country_goes_first_and_then_what_postal_codes_share() {
        let leipzig = to("DE", "04109");
        assert!(distance(&at("DE", "04103"), &leipzig) < distance(&at("DE", "06108"), &leipzig));
        assert!(distance(&at("DE", "06108"), &leipzig) < distance(&at("DE", "80331"), &leipzig));
        assert!(distance(&at("DE", ""), &leipzig) < distance(&at("PL", "04109"), &leipzig));
        assert_eq!(distance(&at("GB", "sw1a 1aa"), &to("GB", "SW1A1AA")), SAME_COUNTRY - 7);
    }

    #[test]
    fn without_an_address_every_location_is_as_far_as_any_other() {
        let somewhere = Addressed { country: None, postal_code: String::new(), time_zone: None };
        assert_eq!(distance(&at("DE", "04103"), &somewhere), distance(&at("US", "10001"), &somewhere));
    }
}
