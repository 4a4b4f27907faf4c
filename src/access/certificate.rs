//! Clients' certificates: which names they have, and until when. That an authority has signed them was checked by the
//! handshake.

use std::collections::BTreeSet;

use x509_cert::Certificate as Parsed;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::domain::Timestamp;

/// The common name, of X.520.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A name in a message is cut off after so many characters.
const TOLD_MAX: usize = 100;

/// What a client's certificate says of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its alternative names that are URIs or names in DNS, these in small letters; its common name only if it has none of
    /// them (RFC 6125, section 6.4.4): anything may stand in a common name, and so what looks like another's URI.
    pub names: BTreeSet<String>,
    /// It is good before this moment.
    pub expires: Timestamp,
}

impl Certificate {
    /// None: it cannot be read, so it names nobody.
    pub fn read(der: &[u8]) -> Option<Self> {
        let Parsed { tbs_certificate, .. } = Parsed::from_der(der).ok()?;
        let mut names = BTreeSet::new();
        for found in tbs_certificate.filter::<SubjectAltName>() {
            let (_, SubjectAltName(alternatives)) = found.ok()?;
            names.extend(alternatives.iter().filter_map(alternative));
        }
        if names.is_empty() {
            let parts = tbs_certificate.subject.0.iter().flat_map(|it| it.0.iter());
            names.extend(parts.filter_map(common_name));
        }
        names.remove("");
        let seconds = tbs_certificate.validity.not_after.to_unix_duration().as_secs();
        let micros = i64::try_from(seconds).ok()?.checked_add(1)?.checked_mul(1_000_000)?;
        Some(Self { names, expires: Timestamp::from_unix_micros(micros) })
    }

    /// Its names for a message: short, and without what could break a line.
    pub fn told(&self) -> String {
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        let told = names.join(", ");
        told.chars()
            .take(TOLD_MAX)
            .map(|it| if it.is_ascii_graphic() || it == ' ' { it } else { '?' })
            .collect()
    }
}

fn common_name(part: &AttributeTypeAndValue) -> Option<String> {
    let is_text = matches!(part.value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    let text = (part.oid == COMMON_NAME && is_text).then(|| part.value.value())?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

fn alternative(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(it) => Some(it.as_str().to_ascii_lowercase()),
        GeneralName::UniformResourceIdentifier(it) => Some(it.as_str().to_owned()),
        GeneralName::OtherName(_)
        | GeneralName::Rfc822Name(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EdiPartyName(_)
        | GeneralName::IpAddress(_)
        | GeneralName::RegisteredId(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    fn read(file: &str) -> Certificate {
        let der = CertificateDer::from_pem_file(format!("tests/it/tls/{file}")).expect("a certificate");
        Certificate::read(&der).expect("it can be read")
    }

    #[test]
    fn a_certificate_says_its_names_and_its_end() {
        let client = read("client.pem");
        let names: Vec<_> = client.names.iter().map(String::as_str).collect();
        assert_eq!(names, ["spiffe://shop.example/checkout"], "the common name is not asked beside it");
        assert_eq!(client.expires.to_string(), "2120-01-01T00:00:01Z");
        assert_eq!(client.told(), "spiffe://shop.example/checkout");
        // An address is no name.
        let names = read("server.pem").names;
        assert_eq!(names, BTreeSet::from(["localhost".to_owned()]));
        let names = read("authority.pem").names;
        assert_eq!(
            names,
            BTreeSet::from(["An authority of the tests".to_owned()]),
            "without alternative names"
        );
    }

    #[test]
    fn what_is_no_certificate_names_nobody_and_a_message_stays_a_line() {
        assert_eq!(Certificate::read(b""), None);
        assert_eq!(Certificate::read(&[0x30, 0x80, 0, 0]), None);
        let names = BTreeSet::from(["a\nb".to_owned(), "x".repeat(200)]);
        let told = Certificate { names, expires: Timestamp::MIN }.told();
        assert!(told.starts_with("a?b, xxx") && told.len() == TOLD_MAX, "{told}");
    }
}
