//! Time zones: names of the IANA database, the clock on the wall of each, and the zone of an address.
//!
//! The database is part of the program: no file of the machine is read, so every process decides alike.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::tz::{AmbiguousOffset, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::domain::model::address::Address;
use crate::domain::model::day::Day;
use crate::domain::model::scalars::Invalid;
use crate::domain::model::time::Timestamp;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The name of a zone of the IANA database, such as `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(String);

impl TimeZone {
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The clock on the wall. A name that a later version of the database has dropped reads as UTC.
    pub fn clock(&self) -> Clock {
        Clock(DATABASE.get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC))
    }

    /// The zone of a country, or the one of its capital where it has several; None: no such country.
    pub fn of_country(country: &str) -> Option<Self> {
        COUNTRIES.get(country).map(|it| Self((*it).to_owned()))
    }

    /// The zone of an address: its country's, or that of its state, province or postal code where a country has
    /// several and writes them into its addresses. A state that lies in two zones counts with the larger part of its
    /// people, and addresses of Russia, Indonesia and Kazakhstan with the capital. None: no such country.
    pub fn of_address(address: &Address) -> Option<Self> {
        let Address { area, postal_code, country, .. } = address;
        let area = area.trim().to_uppercase();
        let by_area = AREAS.get(format!("{country}-{area}").as_str());
        let by_code = POSTAL_CODES
            .iter()
            .find(|(of, prefix, _)| of == country && postal_code.trim().starts_with(prefix))
            .map(|(_, _, zone)| zone);
        by_area.or(by_code).map(|it| Self((*it).to_owned())).or_else(|| Self::of_country(country))
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TimeZone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = DATABASE.get(text).ok().filter(|it| !it.is_unknown());
        let name = known.as_ref().and_then(|it| it.iana_name());
        name.map(|it| Self(it.to_owned()))
            .ok_or_else(|| Invalid::new("must be a time zone of the IANA database, such as Europe/Berlin"))
    }
}

/// The clock on the wall of one zone.
#[derive(Debug, Clone)]
pub struct Clock(jiff::tz::TimeZone);

const DAY_MICROS: i64 = 86_400_000_000;

const MINUTE_MICROS: i64 = 60_000_000;

impl Clock {
    /// What the clock shows, as microseconds since its own 1970-01-01T00:00.
    fn shown(&self, at: Timestamp) -> i64 {
        let offset = self.0.to_offset(jiff_timestamp(at.unix_micros()));
        at.unix_micros().saturating_add(i64::from(offset.seconds()) * 1_000_000)
    }

    pub fn day_of(&self, at: Timestamp) -> Day {
        Day::from_number(self.shown(at).div_euclid(DAY_MICROS))
    }

    /// Minutes after midnight, 0 to 1,439.
    pub fn minutes_of(&self, at: Timestamp) -> i32 {
        let of_day = self.shown(at).rem_euclid(DAY_MICROS) / MINUTE_MICROS;
        i32::try_from(of_day).expect("a day has 1,440 minutes")
    }

    /// The instant at which the clock shows this time of this day, 0 to 1,440 minutes after midnight. A time that the
    /// clock skips is the moment of the jump; of a time that it shows twice, the first counts. So a later time is never
    /// an earlier instant.
    pub fn at(&self, day: Day, minutes: i32) -> Timestamp {
        let (day, minutes) = if minutes >= 1_440 { (day.plus(1), minutes - 1_440) } else { (day, minutes) };
        let shown = i64::from(day.number()) * DAY_MICROS + i64::from(minutes) * MINUTE_MICROS;
        let date = day.date();
        let civil = jiff::civil::DateTime::new(
            i16::try_from(date.year()).unwrap_or(9_999),
            i8::try_from(u8::from(date.month())).unwrap_or(1),
            i8::try_from(date.day()).unwrap_or(1),
            i8::try_from(minutes / 60).unwrap_or(0),
            i8::try_from(minutes % 60).unwrap_or(0),
            0,
            0,
        );
        let ambiguous = civil.map(|it| self.0.to_ambiguous_timestamp(it).offset());
        let seconds = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * 1_000_000;
        let micros = match ambiguous {
            Ok(AmbiguousOffset::Unambiguous { offset }) => shown - seconds(offset),
            Ok(AmbiguousOffset::Fold { before, after: _ }) => shown - seconds(before),
            Ok(AmbiguousOffset::Gap { before, after }) => {
                let earlier = jiff_timestamp(shown - seconds(after));
                let jump = self.0.following(earlier).next().map(|it| it.timestamp().as_microsecond());
                jump.unwrap_or(shown - seconds(before))
            }
            Err(_) => shown,
        };
        Timestamp::from_unix_micros(micros.clamp(Timestamp::MIN.unix_micros(), Timestamp::MAX.unix_micros()))
    }

    /// For people: `Tuesday, 1 December 2026, 16:00`.
    pub fn words(&self, at: Timestamp) -> String {
        let minutes = self.minutes_of(at);
        format!("{}, {:02}:{:02}", self.day_of(at).words(), minutes / 60, minutes % 60)
    }

    /// The zone's short name at that instant, such as `CET`, or its distance from UTC where it has none.
    pub fn abbreviation(&self, at: Timestamp) -> String {
        self.0.to_offset_info(jiff_timestamp(at.unix_micros())).abbreviation().to_owned()
    }

    /// How far it is from UTC: `UTC+8`, `UTC-3:30`, `UTC`.
    pub fn distance(&self, at: Timestamp) -> String {
        let minutes = self.0.to_offset(jiff_timestamp(at.unix_micros())).seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        match (minutes.abs() / 60, minutes.abs() % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
        }
    }
}

/// The instant, or the last one on this side that jiff can say: its years end some hours before ours.
fn jiff_timestamp(micros: i64) -> jiff::Timestamp {
    let (min, max) = (jiff::Timestamp::MIN.as_microsecond(), jiff::Timestamp::MAX.as_microsecond());
    jiff::Timestamp::from_microsecond(micros.clamp(min + 1, max)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// From the `zone.tab` of the IANA database, which is in the public domain; capitals by hand. Bouvet Island and the
/// McDonald Islands have no inhabitants and no zone.
const COUNTRY_ZONES: &str = "\
    AD Europe/Andorra AE Asia/Dubai AF Asia/Kabul AG America/Antigua AI America/Anguilla \
    AL Europe/Tirane AM Asia/Yerevan AO Africa/Luanda AQ Antarctica/McMurdo \
    AR America/Argentina/Buenos_Aires AS Pacific/Pago_Pago AT Europe/Vienna AU Australia/Sydney \
    AW America/Aruba AX Europe/Mariehamn AZ Asia/Baku BA Europe/Sarajevo BB America/Barbados \
    BD Asia/Dhaka BE Europe/Brussels BF Africa/Ouagadougou BG Europe/Sofia BH Asia/Bahrain \
    BI Africa/Bujumbura BJ Africa/Porto-Novo BL America/St_Barthelemy BM Atlantic/Bermuda BN Asia/Brunei \
    BO America/La_Paz BQ America/Kralendijk BR America/Sao_Paulo BS America/Nassau BT Asia/Thimphu \
    BW Africa/Gaborone BY Europe/Minsk BZ America/Belize CA America/Toronto CC Indian/Cocos \
    CD Africa/Kinshasa CF Africa/Bangui CG Africa/Brazzaville CH Europe/Zurich CI Africa/Abidjan \
    CK Pacific/Rarotonga CL America/Santiago CM Africa/Douala CN Asia/Shanghai CO America/Bogota \
    CR America/Costa_Rica CU America/Havana CV Atlantic/Cape_Verde CW America/Curacao \
    CX Indian/Christmas CY Asia/Nicosia CZ Europe/Prague DE Europe/Berlin DJ Africa/Djibouti \
    DK Europe/Copenhagen DM America/Dominica DO America/Santo_Domingo DZ Africa/Algiers \
    EC America/Guayaquil EE Europe/Tallinn EG Africa/Cairo EH Africa/El_Aaiun ER Africa/Asmara \
    ES Europe/Madrid ET Africa/Addis_Ababa FI Europe/Helsinki FJ Pacific/Fiji FK Atlantic/Stanley \
    FM Pacific/Pohnpei FO Atlantic/Faroe FR Europe/Paris GA Africa/Libreville GB Europe/London \
    GD America/Grenada GE Asia/Tbilisi GF America/Cayenne GG Europe/Guernsey GH Africa/Accra \
    GI Europe/Gibraltar GL America/Nuuk GM Africa/Banjul GN Africa/Conakry GP America/Guadeloupe \
    GQ Africa/Malabo GR Europe/Athens GS Atlantic/South_Georgia GT America/Guatemala GU Pacific/Guam \
    GW Africa/Bissau GY America/Guyana HK Asia/Hong_Kong HN America/Tegucigalpa HR Europe/Zagreb \
    HT America/Port-au-Prince HU Europe/Budapest ID Asia/Jakarta IE Europe/Dublin IL Asia/Jerusalem \
    IM Europe/Isle_of_Man IN Asia/Kolkata IO Indian/Chagos IQ Asia/Baghdad IR Asia/Tehran \
    IS Atlantic/Reykjavik IT Europe/Rome JE Europe/Jersey JM America/Jamaica JO Asia/Amman JP Asia/Tokyo \
    KE Africa/Nairobi KG Asia/Bishkek KH Asia/Phnom_Penh KI Pacific/Tarawa KM Indian/Comoro \
    KN America/St_Kitts KP Asia/Pyongyang KR Asia/Seoul KW Asia/Kuwait KY America/Cayman KZ Asia/Almaty \
    LA Asia/Vientiane LB Asia/Beirut LC America/St_Lucia LI Europe/Vaduz LK Asia/Colombo \
    LR Africa/Monrovia LS Africa/Maseru LT Europe/Vilnius LU Europe/Luxembourg LV Europe/Riga \
    LY Africa/Tripoli MA Africa/Casablanca MC Europe/Monaco MD Europe/Chisinau ME Europe/Podgorica \
    MF America/Marigot MG Indian/Antananarivo MH Pacific/Majuro MK Europe/Skopje ML Africa/Bamako \
    MM Asia/Yangon MN Asia/Ulaanbaatar MO Asia/Macau MP Pacific/Saipan MQ America/Martinique \
    MR Africa/Nouakchott MS America/Montserrat MT Europe/Malta MU Indian/Mauritius MV Indian/Maldives \
    MW Africa/Blantyre MX America/Mexico_City MY Asia/Kuala_Lumpur MZ Africa/Maputo NA Africa/Windhoek \
    NC Pacific/Noumea NE Africa/Niamey NF Pacific/Norfolk NG Africa/Lagos NI America/Managua \
    NL Europe/Amsterdam NO Europe/Oslo NP Asia/Kathmandu NR Pacific/Nauru NU Pacific/Niue \
    NZ Pacific/Auckland OM Asia/Muscat PA America/Panama PE America/Lima PF Pacific/Tahiti \
    PG Pacific/Port_Moresby PH Asia/Manila PK Asia/Karachi PL Europe/Warsaw PM America/Miquelon \
    PN Pacific/Pitcairn PR America/Puerto_Rico PS Asia/Hebron PT Europe/Lisbon PW Pacific/Palau \
    PY America/Asuncion QA Asia/Qatar RE Indian/Reunion RO Europe/Bucharest RS Europe/Belgrade \
    RU Europe/Moscow RW Africa/Kigali SA Asia/Riyadh SB Pacific/Guadalcanal SC Indian/Mahe \
    SD Africa/Khartoum SE Europe/Stockholm SG Asia/Singapore SH Atlantic/St_Helena SI Europe/Ljubljana \
    SJ Arctic/Longyearbyen SK Europe/Bratislava SL Africa/Freetown SM Europe/San_Marino SN Africa/Dakar \
    SO Africa/Mogadishu SR America/Paramaribo SS Africa/Juba ST Africa/Sao_Tome SV America/El_Salvador \
    SX America/Lower_Princes SY Asia/Damascus SZ Africa/Mbabane TC America/Grand_Turk TD Africa/Ndjamena \
    TF Indian/Kerguelen TG Africa/Lome TH Asia/Bangkok TJ Asia/Dushanbe TK Pacific/Fakaofo TL Asia/Dili \
    TM Asia/Ashgabat TN Africa/Tunis TO Pacific/Tongatapu TR Europe/Istanbul TT America/Port_of_Spain \
    TV Pacific/Funafuti TW Asia/Taipei TZ Africa/Dar_es_Salaam UA Europe/Kyiv UG Africa/Kampala \
    UM Pacific/Midway US America/New_York UY America/Montevideo UZ Asia/Tashkent VA Europe/Vatican \
    VC America/St_Vincent VE America/Caracas VG America/Tortola VI America/St_Thomas VN Asia/Ho_Chi_Minh \
    VU Pacific/Efate WF Pacific/Wallis WS Pacific/Apia XK Europe/Belgrade YE Asia/Aden YT Indian/Mayotte \
    ZA Africa/Johannesburg ZM Africa/Lusaka ZW Africa/Harare";

static COUNTRIES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| pairs(COUNTRY_ZONES));

/// States and provinces whose clock is not the capital's.
const AREA_ZONES: &str = "\
    US-AL America/Chicago US-AR America/Chicago US-IA America/Chicago US-IL America/Chicago \
    US-KS America/Chicago US-LA America/Chicago US-MN America/Chicago US-MO America/Chicago \
    US-MS America/Chicago US-ND America/Chicago US-NE America/Chicago US-OK America/Chicago \
    US-SD America/Chicago US-TN America/Chicago US-TX America/Chicago US-WI America/Chicago \
    US-CO America/Denver US-ID America/Boise US-MT America/Denver US-NM America/Denver \
    US-UT America/Denver US-WY America/Denver US-AZ America/Phoenix \
    US-CA America/Los_Angeles US-NV America/Los_Angeles US-OR America/Los_Angeles \
    US-WA America/Los_Angeles US-AK America/Anchorage US-HI Pacific/Honolulu \
    US-PR America/Puerto_Rico US-VI America/St_Thomas US-GU Pacific/Guam US-AS Pacific/Pago_Pago \
    US-MP Pacific/Saipan CA-NL America/St_Johns CA-NS America/Halifax CA-NB America/Moncton \
    CA-PE America/Halifax CA-MB America/Winnipeg CA-SK America/Regina CA-AB America/Edmonton \
    CA-BC America/Vancouver CA-YT America/Whitehorse CA-NT America/Edmonton CA-NU America/Iqaluit \
    AU-VIC Australia/Melbourne AU-QLD Australia/Brisbane AU-SA Australia/Adelaide \
    AU-WA Australia/Perth AU-TAS Australia/Hobart AU-NT Australia/Darwin \
    BR-AC America/Rio_Branco BR-AM America/Manaus BR-RR America/Boa_Vista \
    BR-RO America/Porto_Velho BR-MT America/Cuiaba BR-MS America/Campo_Grande \
    MX-BC America/Tijuana MX-BCN America/Tijuana MX-BCS America/Mazatlan MX-SON America/Hermosillo \
    MX-SIN America/Mazatlan MX-NAY America/Mazatlan MX-CHH America/Chihuahua MX-ROO America/Cancun";

static AREAS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| pairs(AREA_ZONES));

/// Islands that postal codes tell from the mainland.
const POSTAL_CODES: [(&str, &str, &str); 8] = [
    ("ES", "35", "Atlantic/Canary"),
    ("ES", "38", "Atlantic/Canary"),
    ("PT", "90", "Atlantic/Madeira"),
    ("PT", "91", "Atlantic/Madeira"),
    ("PT", "92", "Atlantic/Madeira"),
    ("PT", "93", "Atlantic/Madeira"),
    ("PT", "94", "Atlantic/Madeira"),
    ("PT", "95", "Atlantic/Azores"),
];

fn pairs(text: &'static str) -> HashMap<&'static str, &'static str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.chunks_exact(2).map(|it| (it[0], it[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        Timestamp::from_date_time(at.expect("an instant"))
    }

    fn clock(zone: &str) -> Clock {
        zone.parse::<TimeZone>().expect("a zone").clock()
    }

    fn day(year: i32, month: u8, day: u8) -> Day {
        Day::of(year, month, day).expect("a date")
    }

    #[test]
    fn a_zone_is_a_name_of_the_database_in_its_own_spelling() {
        assert_eq!("europe/berlin".parse::<TimeZone>().expect("a zone").as_str(), "Europe/Berlin");
        assert_eq!("UTC".parse::<TimeZone>(), Ok(TimeZone::utc()));
        for wrong in ["", "Berlin", "CET-1CEST", "+02:00", "Europe/../Europe/Berlin", "\0", "Etc/Unknown"] {
            assert!(wrong.parse::<TimeZone>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_zone_of_the_tables_is_known_and_every_country_has_one() {
        let of_codes = POSTAL_CODES.iter().map(|it| it.2);
        for zone in COUNTRIES.values().chain(AREAS.values()).copied().chain(of_codes) {
            assert!(zone.parse::<TimeZone>().is_ok(), "{zone}");
        }
        let missing =
            rust_iso3166::ALL.iter().map(|it| it.alpha2).filter(|it| TimeZone::of_country(it).is_none());
        assert_eq!(missing.collect::<Vec<_>>(), ["BV", "HM"]);
        assert_eq!(TimeZone::of_country("XK").expect("Kosovo").as_str(), "Europe/Belgrade");
    }

    #[test]
    fn an_address_has_the_zone_of_its_state_or_islands() {
        let zone = |country: &str, area: &str, postal_code: &str| {
            let address = Address {
                recipient: String::new(),
                organization: String::new(),
                lines: Vec::new(),
                city: String::new(),
                area: area.to_owned(),
                postal_code: postal_code.to_owned(),
                country: country.to_owned(),
            };
            TimeZone::of_address(&address).map(|it| it.to_string())
        };
        assert_eq!(zone("MY", "", "50450").as_deref(), Some("Asia/Kuala_Lumpur"));
        assert_eq!(zone("US", "NY", "10118").as_deref(), Some("America/New_York"));
        assert_eq!(zone("US", " ca ", "94105").as_deref(), Some("America/Los_Angeles"));
        assert_eq!(zone("ES", "", "35001").as_deref(), Some("Atlantic/Canary"));
        assert_eq!(zone("ES", "", "28001").as_deref(), Some("Europe/Madrid"));
        assert_eq!(zone("AU", "", "").as_deref(), Some("Australia/Sydney"));
        assert_eq!(zone("ZZ", "", ""), None);
    }

    #[test]
    fn a_time_that_the_clock_skips_is_the_moment_of_the_jump() {
        let berlin = clock("Europe/Berlin");
        let spring = day(2026, 3, 29);
        assert_eq!(berlin.at(spring, 119), at("2026-03-29T00:59:00Z"));
        for minutes in [120, 150, 180] {
            assert_eq!(berlin.at(spring, minutes), at("2026-03-29T01:00:00Z"), "{minutes}");
        }
        assert_eq!(berlin.at(spring, 181), at("2026-03-29T01:01:00Z"));
    }

    #[test]
    fn of_a_time_that_the_clock_shows_twice_the_first_counts() {
        let berlin = clock("Europe/Berlin");
        let autumn = day(2026, 10, 25);
        assert_eq!(berlin.at(autumn, 150), at("2026-10-25T00:30:00Z"));
        assert_eq!(berlin.at(autumn, 180), at("2026-10-25T02:00:00Z"));
        let twice = [at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")];
        assert!(twice.iter().all(|it| berlin.minutes_of(*it) == 150 && berlin.day_of(*it) == autumn));
    }

    #[test]
    fn a_day_that_a_zone_left_out_has_no_instant_of_its_own() {
        let apia = clock("Pacific/Apia");
        let skipped = day(2011, 12, 30);
        assert_eq!(apia.at(skipped, 540), apia.at(skipped, 1_020));
        assert_eq!(apia.day_of(apia.at(skipped, 540)), day(2011, 12, 31));
    }

    #[test]
    fn the_first_and_the_last_instants_have_a_day_everywhere() {
        for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"] {
            let clock = clock(zone);
            for at in [Timestamp::MIN, Timestamp::MAX] {
                let day = clock.day_of(at);
                assert!((Timestamp::MIN..=Timestamp::MAX).contains(&clock.at(day, 0)), "{zone} {day}");
                assert!((Timestamp::MIN..=Timestamp::MAX).contains(&clock.at(day.plus(9), 1_440)));
                assert!(!clock.words(at).is_empty());
            }
        }
    }

    #[test]
    fn a_time_is_said_as_the_clock_on_the_wall_shows_it() {
        let kuala_lumpur = clock("Asia/Kuala_Lumpur");
        assert_eq!(kuala_lumpur.words(at("2026-12-04T17:30:00Z")), "Saturday, 5 December 2026, 01:30");
        assert_eq!(clock("Europe/Berlin").abbreviation(at("2026-12-04T17:30:00Z")), "CET");
    }
}
