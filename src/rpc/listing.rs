//! The common part of list requests: the page, its token, the filter and the order. Which fields there are, and what
//! they may be compared with, stands in `src/store/query/resources.rs`.

use prost::Message;
use tonic::{Extensions, Response, Status};

use crate::domain::Problems;
use crate::pb::Permission;
use crate::rpc::access::data_reads::shows_nothing_yet;
use crate::rpc::api::{Api, Reply};
use crate::rpc::identity::{permitted, response_bytes};
use crate::settings::Limits;
use crate::store::{Compare, Cursor, Direction, Listing, Operand, Term};

/// How long a filter may be, in bytes, and how many comparisons it may have.
const FILTER_MAX: usize = 1_000;

const TERMS_MAX: usize = 10;

/// How many values `IN` may have.
const VALUES_MAX: usize = 20;

/// The four fields that all list requests share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) page_size: i32,
    pub(crate) page_token: String,
    pub(crate) filter: String,
    pub(crate) order_by: String,
}

/// Declares the readers of list requests that have these fields and no others.
macro_rules! list_requests {
    ($($name:ident: $request:ident,)+) => { $(
        pub(crate) fn $name(
            request: $crate::pb::$request,
            limits: &$crate::settings::Limits,
            bad: &mut $crate::domain::Problems,
        ) -> Option<$crate::store::Listing> {
            let $crate::pb::$request { page_size, page_token, filter, order_by } = request;
            let wanted = $crate::rpc::listing::Wanted { page_size, page_token, filter, order_by };
            Some($crate::rpc::listing::listing(wanted, limits, bad))
        }
    )+ };
}
pub(crate) use list_requests;

pub(crate) fn listing(wanted: Wanted, limits: &Limits, bad: &mut Problems) -> Listing {
    let Wanted { page_size, page_token, filter, order_by } = wanted;
    let mut note = |field, why: String| bad.add(field, why);
    let filter = terms(&filter).map_err(|it| note("filter", it)).unwrap_or_default();
    let order_by = order(&order_by).map_err(|it| note("order_by", it)).unwrap_or_default();
    let after = cursor(&page_token).map_err(|it| note("page_token", it)).unwrap_or_default();
    let size = size(page_size, limits).map_err(|it| note("page_size", it)).unwrap_or_default();
    Listing { filter, order_by, size, after }
}

/// Every label, among the fields that a list is searched by.
pub(crate) const ANY_LABEL: &str = "labels.KEY";

/// Refuses a caller that may not read personal data a list by such fields: which rows are found would tell it what answers
/// leave out.
pub(crate) fn may_search(
    listing: &Listing,
    personal: &[&str],
    extensions: &Extensions,
) -> Result<(), Status> {
    may_filter(&listing.filter, personal, extensions)?;
    match &listing.order_by {
        Some((field, _)) if is_personal(field, personal) => {
            permitted(extensions, Permission::ReadPersonalData)
        }
        Some(_) | None => Ok(()),
    }
}

/// The same for a filter without a list.
pub(crate) fn may_filter(filter: &[Term], personal: &[&str], extensions: &Extensions) -> Result<(), Status> {
    match filter.iter().any(|it| is_personal(&it.field, personal)) {
        true => permitted(extensions, Permission::ReadPersonalData),
        false => Ok(()),
    }
}

fn is_personal(field: &str, personal: &[&str]) -> bool {
    personal.contains(&field) || (personal.contains(&ANY_LABEL) && field.starts_with("labels."))
}

impl Api {
    /// One page of a list. A page that is too large to be sent is looked up again with fewer rows, down to one; its token
    /// then leads to the first row that was left out.
    pub(crate) async fn page<M, F>(&self, listing: Listing, find: impl Fn(Listing) -> F) -> Reply<M>
    where
        M: Message,
        F: Future<Output = Result<M, Status>>,
    {
        let most = response_bytes(&self.limits);
        let mut listing = listing;
        loop {
            shows_nothing_yet();
            let page = find(listing.clone()).await?;
            let bytes = page.encoded_len();
            if bytes <= most || listing.size <= 1 {
                return Ok(Response::new(page));
            }
            listing.size = fewer(listing.size, bytes, most);
        }
    }
}

/// How many rows may fit if so many have so many bytes; fewer in any case, but one.
fn fewer(size: u64, bytes: usize, most: usize) -> u64 {
    let share = u128::from(size) * most as u128 / bytes.max(1) as u128;
    u64::try_from(share).unwrap_or(u64::MAX).min(size - 1).max(1)
}

/// The token of the next page: opaque to the caller.
pub(crate) fn page_token(next: Option<Cursor>) -> String {
    next.map(|it| it.0.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default()
}

fn cursor(token: &str) -> Result<Option<Cursor>, String> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes: Option<Vec<u8>> = token.as_bytes().chunks(2).map(byte_of).collect();
    bytes.map(|it| Some(Cursor(it))).ok_or_else(|| "is not the next_page_token of another page".to_owned())
}

/// The byte that two hexadecimal digits stand for.
fn byte_of(pair: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(pair).ok().filter(|it| it.len() == 2)?;
    // A sign would be read too.
    u8::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|it| it.is_ascii_hexdigit()))
}

fn size(asked: i32, limits: &Limits) -> Result<u64, String> {
    match u32::try_from(asked) {
        Ok(0) => Ok(u64::from(limits.page_size)),
        Ok(size) if size <= limits.page_size_max => Ok(u64::from(size)),
        _ => Err(format!("must be 1 to {}, or 0 for {}", limits.page_size_max, limits.page_size)),
    }
}

/// `create_time desc`.
fn order(text: &str) -> Result<Option<(String, Direction)>, String> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [field] | [field, "asc"] => Ok(Some((field.to_owned(), Direction::Ascending))),
        [field, "desc"] => Ok(Some((field.to_owned(), Direction::Descending))),
        _ => Err("must be one field, with ` desc` behind it for descending".to_owned()),
    }
}

/// What is wrong with a filter, and how many bytes of it are left where it is.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    why: String,
    left: usize,
}

fn wrong<T>(rest: &str, why: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { why: why.into(), left: rest.len() })
}

/// `state = PENDING AND create_time >= "2026-01-31T00:00:00Z"`.
fn terms(text: &str) -> Result<Vec<Term>, String> {
    if text.len() > FILTER_MAX {
        return Err(format!("must be at most {FILTER_MAX} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }

    let place_of = |left: usize| text[..text.len() - left].chars().count() + 1;
    let mut rest = text.trim_start();
    let mut terms = Vec::new();
    while !rest.is_empty() {
        if terms.len() == TERMS_MAX {
            return Err(format!("must have at most {TERMS_MAX} comparisons"));
        }
        let read = if terms.is_empty() { term(rest) } else { further_term(rest) };
        let (mut term, left) =
            read.map_err(|Wrong { why, left }| format!("{why}, at character {}", place_of(left)))?;
        term.at = place_of(term.at);
        term.values.iter_mut().for_each(|it| it.at = place_of(it.at));
        terms.push(term);
        rest = left.trim_start();
    }
    Ok(terms)
}

/// A comparison behind an AND. The places in it are what is left of the filter there.
fn further_term(rest: &str) -> Result<(Term, &str), Wrong> {
    match rest.strip_prefix("AND").filter(|it| it.starts_with(char::is_whitespace)) {
        Some(after) => term(after.trim_start()),
        None => wrong(rest, not_joined(rest)),
    }
}

fn term(text: &str) -> Result<(Term, &str), Wrong> {
    // Keys of labels have a - too.
    let of_field = if text.starts_with("labels.") { "_.-" } else { "_." };
    let end =
        text.find(|it: char| !(it.is_ascii_alphanumeric() || of_field.contains(it))).unwrap_or(text.len());
    let (field, rest) = text.split_at(end);
    if field.is_empty() || field == "NOT" {
        return wrong(text, not_a_field(text));
    }

    let rest = rest.trim_start();
    let term = |compare, values| Term { field: field.to_owned(), compare, values, at: text.len() };
    if let Some(list) = list_after_in(rest) {
        let (values, rest) = values(list, field)?;
        return Ok((term(Compare::In, values), rest));
    }
    if let Some(rest) =
        rest.strip_prefix(":*").filter(|it| it.is_empty() || it.starts_with(char::is_whitespace))
    {
        return Ok((term(Compare::Has, Vec::new()), rest));
    }
    let signs = [
        ("!=", Compare::NotEqual),
        ("<=", Compare::LessOrEqual),
        (">=", Compare::GreaterOrEqual),
        ("=", Compare::Equal),
        ("<", Compare::Less),
        (">", Compare::Greater),
    ];
    let foreign = FOREIGN_SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
    if let Some((sign, instead)) = foreign {
        return wrong(rest, format!("use {instead} instead of {sign} after `{field}`"));
    }
    let found = signs.into_iter().find_map(|(sign, compare)| Some((compare, rest.strip_prefix(sign)?)));
    let Some((compare, rest)) = found else { return wrong(rest, not_compared(field, rest)) };
    let (value, rest) = value(rest.trim_start(), field, &[])?;
    Ok((term(compare, vec![value]), rest))
}

/// What is in the brackets of `IN (`.
fn list_after_in(text: &str) -> Option<&str> {
    let after = text.strip_prefix("IN").or_else(|| text.strip_prefix("in"))?;
    after.trim_start().strip_prefix('(')
}

/// `A, "B C")`.
fn values<'a>(list: &'a str, field: &str) -> Result<(Vec<Operand>, &'a str), Wrong> {
    let mut rest = list.trim_start();
    let mut values = Vec::new();
    loop {
        if values.len() == VALUES_MAX {
            return wrong(rest, format!("IN has at most {VALUES_MAX} values"));
        }
        let (value, left) = value(rest, field, &[',', ')'])?;
        values.push(value);
        let left = left.trim_start();
        match left.chars().next() {
            Some(',') => rest = left[1..].trim_start(),
            Some(')') => return Ok((values, &left[1..])),
            _ => return wrong(left, format!("expected , or ) between the values of `{field}`")),
        }
    }
}

/// Operators of other filter languages, and how they are written here.
const FOREIGN_SIGNS: [(&str, &str); 3] = [("==", "="), ("<>", "!="), (":", "=")];

/// The message for another word where AND was expected; it explains the joins of other filter languages.
fn not_joined(text: &str) -> String {
    match first_word(text).to_ascii_uppercase().as_str() {
        "OR" | "||" => {
            "OR is not supported: `IN (A, B)` takes several values of a field; else make one call for each side".to_owned()
        }
        "AND" | "&&" | "," | ";" if first_word(text) != "AND" => {
            format!("use AND instead of `{}` between comparisons", first_word(text))
        }
        _ if text.starts_with(['(', ')']) => NO_PARENTHESES.to_owned(),
        _ => format!("expected AND before `{}`", start_of(text)),
    }
}

fn not_a_field(text: &str) -> String {
    match text.chars().next() {
        Some('(' | ')') => NO_PARENTHESES.to_owned(),
        Some('N' | '-' | '!') => "NOT is not supported: compare with != instead".to_owned(),
        Some('"' | '\'') => format!("expected a field without quotes before `{}`", start_of(text)),
        _ => format!("expected a field before `{}`", start_of(text)),
    }
}

fn not_compared(field: &str, rest: &str) -> String {
    match first_word(rest).to_ascii_uppercase().as_str() {
        "LIKE" | "ILIKE" | "CONTAINS" | "~" | "=~" | "~=" => {
            format!("`{field}` cannot be searched by a part of it: compare the whole value with =")
        }
        "IN" => format!("expected the values of `{field}` in parentheses: {field} IN (A, B)"),
        "IS" => format!("IS is not supported: compare `{field}` with = or !=, where \"\" is an empty text"),
        _ => format!("expected = != < <= > >= or IN after `{field}`"),
    }
}

const NO_PARENTHESES: &str = "parentheses are not supported: join comparisons with AND";

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// A value up to the next blank or one of the ends, or in double quotes, where a backslash makes the next character an
/// ordinary one. Its place is what is left of the filter there.
fn value<'a>(text: &'a str, field: &str, ends: &[char]) -> Result<(Operand, &'a str), Wrong> {
    let operand = |it: String| Operand { text: it, at: text.len() };
    let Some(quoted) = text.strip_prefix('"') else {
        let is_end = |it: char| it.is_whitespace() || ends.contains(&it);
        let end = text.find(is_end).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return match value {
            "" => wrong(text, format!("expected a value for `{field}`")),
            value if value.starts_with('\'') => {
                wrong(text, format!("use double quotes instead of single ones around the value of `{field}`"))
            }
            value if value.starts_with('(') => wrong(text, NO_PARENTHESES),
            value if value.contains('"') => {
                wrong(text, format!("the value of `{field}` must be quoted as a whole"))
            }
            value => Ok((operand(value.to_owned()), rest)),
        };
    };

    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((operand(value), &quoted[index + 1..])),
            '\\' => value.extend(characters.next().map(|it| it.1)),
            other => value.push(other),
        }
    }
    wrong(text, format!("the value of `{field}` lacks its closing quote"))
}

fn start_of(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(filter: &str) -> Vec<(String, Compare, String)> {
        let terms = terms(filter).expect("a filter");
        let value = |it: Vec<Operand>| it.into_iter().map(|it| it.text).collect::<Vec<_>>().join("|");
        terms.into_iter().map(|it| (it.field, it.compare, value(it.values))).collect()
    }

    fn term_of(field: &str, compare: Compare, value: &str) -> (String, Compare, String) {
        (field.to_owned(), compare, value.to_owned())
    }

    #[test]
    fn a_filter_is_comparisons_joined_with_and() {
        assert_eq!(read(""), []);
        assert_eq!(read("state = PENDING"), [term_of("state", Compare::Equal, "PENDING")]);
        assert_eq!(
            read(
                "  state!=CLOSED AND create_time>=2026-01-31T00:00:00Z  AND customer_email = \"a b\\\"c AND d\""
            ),
            [
                term_of("state", Compare::NotEqual, "CLOSED"),
                term_of("create_time", Compare::GreaterOrEqual, "2026-01-31T00:00:00Z"),
                term_of("customer_email", Compare::Equal, "a b\"c AND d"),
            ]
        );
        assert_eq!(
            read("number < 7 AND number > 3"),
            [term_of("number", Compare::Less, "7"), term_of("number", Compare::Greater, "3"),]
        );
        assert_eq!(read("reference = \"\""), [term_of("reference", Compare::Equal, "")]);
    }

    #[test]
    fn what_is_no_filter_is_refused_with_the_place() {
        let why = |filter: &str| terms(filter).expect_err("not a filter");
        assert_eq!(why("state"), "expected = != < <= > >= or IN after `state`, at character 6");
        assert_eq!(why("state ="), "expected a value for `state`, at character 8");
        assert_eq!(why("state = A AND"), "expected AND before `AND`, at character 11");
        assert_eq!(why("= A"), "expected a field before `= A`, at character 1");
        assert_eq!(why("state = \"A"), "the value of `state` lacks its closing quote, at character 9");
        assert_eq!(why("  état = A"), "expected a field before `état = A`, at character 3");
        assert_eq!(why("n = \"é\" AND état = A"), "expected a field before `état = A`, at character 13");
        assert_eq!(why("state = A\"B\""), "the value of `state` must be quoted as a whole, at character 9");
        assert!(terms(&"a = b AND ".repeat(10)).is_err());
        assert!(terms(&["a = b"; 11].join(" AND ")).is_err());
        assert!(terms(&format!("a = {}", "b".repeat(FILTER_MAX))).is_err());
    }

    #[test]
    fn what_other_languages_have_is_answered_with_what_to_write_instead() {
        let why = |filter: &str| {
            let refused = terms(filter).expect_err("not a filter");
            refused.rsplit_once(", at character ").expect("a place").0.to_owned()
        };
        assert_eq!(why("state == A"), "use = instead of == after `state`");
        assert_eq!(why("state <> A"), "use != instead of <> after `state`");
        assert_eq!(why("state:A"), "use = instead of : after `state`");
        for or in ["OR", "or", "||"] {
            let refused = why(&format!("state = A {or} state = B"));
            assert!(refused.starts_with("OR is not supported: `IN (A, B)` takes"), "{refused}");
        }
        assert_eq!(why("state = A and number = 1"), "use AND instead of `and` between comparisons");
        assert_eq!(why("state = A && number = 1"), "use AND instead of `&&` between comparisons");
        for grouped in ["(state = A)", "state = A AND (number = 1)", "state = (A)", "state = \"A\")"] {
            assert_eq!(why(grouped), "parentheses are not supported: join comparisons with AND");
        }
        for not in ["NOT state = A", "-state = A", "!state"] {
            assert_eq!(why(not), "NOT is not supported: compare with != instead");
        }
        let parts = "`name` cannot be searched by a part of it: compare the whole value with =";
        assert_eq!(why("name LIKE \"a%\""), parts);
        assert_eq!(why("name like a"), parts);
        assert_eq!(why("state IN A, B"), "expected the values of `state` in parentheses: state IN (A, B)");
        assert_eq!(
            why("name IS NULL"),
            "IS is not supported: compare `name` with = or !=, where \"\" is an empty text"
        );
        let quotes = "use double quotes instead of single ones around the value of `name`";
        assert_eq!(why("name = 'A B'"), quotes);
        assert_eq!(read("name = \"'t Hooft\""), [term_of("name", Compare::Equal, "'t Hooft")]);
        assert_eq!(read("name = O'Brien"), [term_of("name", Compare::Equal, "O'Brien")]);
    }

    #[test]
    fn a_label_is_a_field_of_its_key() {
        assert_eq!(read("labels.gift-wrap = yes"), [term_of("labels.gift-wrap", Compare::Equal, "yes")]);
        assert_eq!(
            read("labels.a.b-c:* AND state != A"),
            [term_of("labels.a.b-c", Compare::Has, ""), term_of("state", Compare::NotEqual, "A")]
        );
        assert!(terms("labels.a:b").is_err());
    }

    #[test]
    fn several_values_stand_in_parentheses() {
        assert_eq!(read("state IN (A, B)"), [term_of("state", Compare::In, "A|B")]);
        assert_eq!(
            read("state in(A,\"B, C)\" ) AND number = 1"),
            [term_of("state", Compare::In, "A|B, C)"), term_of("number", Compare::Equal, "1")]
        );
        let found = terms("a = é AND state IN (A, B)").expect("a filter");
        assert_eq!((found[1].at, found[1].values[0].at, found[1].values[1].at), (11, 21, 24));
        let why = |filter: &str| terms(filter).expect_err("not a filter");
        assert_eq!(why("state IN ()"), "expected a value for `state`, at character 11");
        assert_eq!(why("state IN (A"), "expected , or ) between the values of `state`, at character 12");
        assert_eq!(why("state IN (A B)"), "expected , or ) between the values of `state`, at character 13");
        assert_eq!(why("state IN (A,)"), "expected a value for `state`, at character 13");
        let many = format!("state IN ({})", ["A"; 21].join(","));
        assert!(why(&many).starts_with("IN has at most 20 values, at"));
    }

    #[test]
    fn an_order_is_one_field_with_a_direction() {
        assert_eq!(order(""), Ok(None));
        assert_eq!(order("number"), Ok(Some(("number".to_owned(), Direction::Ascending))));
        assert_eq!(order(" create_time  desc "), Ok(Some(("create_time".to_owned(), Direction::Descending))));
        assert!(order("a, b").is_err());
        assert!(order("a down").is_err());
    }

    #[test]
    fn every_bad_part_of_a_list_request_is_named() {
        let wanted = Wanted {
            page_size: -1,
            page_token: "zz".to_owned(),
            filter: "state".to_owned(),
            order_by: "a b c".to_owned(),
        };
        let mut bad = Problems::default();
        listing(wanted, &Limits::default(), &mut bad);
        let fields: Vec<&str> = bad.0.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["filter", "order_by", "page_token", "page_size"]);

        let mut bad = Problems::default();
        let found = listing(Wanted::default(), &Limits::default(), &mut bad);
        assert!(bad.0.is_empty());
        assert_eq!((found.size, found.after), (u64::from(Limits::default().page_size), None));
    }

    #[test]
    fn control_characters_are_refused() {
        assert!(terms("sku = \"A\0B\"").is_err());
    }

    proptest! {
        #[test]
        fn a_token_leads_back_to_its_cursor(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            let token = page_token(Some(Cursor(bytes.clone())));
            prop_assert_eq!(cursor(&token), Ok(Some(Cursor(bytes))));
        }

        #[test]
        fn no_text_breaks_the_parsers(text in ".{0,60}") {
            let _ = (terms(&text), order(&text), cursor(&text));
        }

        #[test]
        fn any_printable_value_can_be_quoted(value in "\\PC{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let read = terms(&format!("name = \"{quoted}\" AND state = A"));
            prop_assert_eq!(read.map(|it| it[0].values[0].text.clone()), Ok(value));
        }
    }
}
