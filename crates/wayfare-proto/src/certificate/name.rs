//! Distinguished names: who holds a certificate, and who vouches for it (RFC 5280 §4.1.2.4).

use std::fmt;

use x509_cert::der::asn1::{
    BmpString, Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef,
};
use x509_cert::der::{Tag, Tagged};
use x509_cert::name::Name;

use super::hex;

/// The parts of a distinguished name, in their order.
///
/// Printed as OpenSSL does: `C = DE, O = Example, CN = example.org`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    parts: Vec<Part>,
}

/// One attribute of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// The short name of the attribute (`CN`, `O`), or its object identifier in dots.
    pub attribute: String,
    /// The value in text; what is no text is hexadecimal after a `#`.
    pub value: String,
}

impl DistinguishedName {
    pub(super) fn of(name: &Name) -> Self {
        let parts = name.iter().map(|part| Part {
            attribute: attribute_name(&part.oid.to_string()),
            value: value_of(part.value.tag(), part.value.value()),
        });
        Self { parts: parts.collect() }
    }

    /// All attributes, in their order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The values of one attribute, by short name or object identifier.
    pub fn values<'a>(&'a self, attribute: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted = self.parts.iter().filter(move |part| part.attribute == attribute);
        wanted.map(|part| part.value.as_str())
    }

    /// The common name, if there is one.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.values("CN").next()
    }

    /// The name by which people know the holder: the common name, else the organization or its
    /// unit, else everything.
    #[must_use]
    pub fn display_name(&self) -> String {
        let known = ["CN", "O", "OU"]
            .into_iter()
            .find_map(|attribute| self.parts.iter().find(|part| part.attribute == attribute));
        known.map_or_else(|| self.to_string(), |part| part.value.clone())
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.parts.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            // A server chooses these: nothing of them may act on a terminal or look like a part.
            let shown: String = part
                .value
                .chars()
                .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
                .collect();
            let shown = shown.replace('\\', "\\\\").replace('"', "\\\"");
            let quote = if shown.contains([',', '+', '=', ';', '<', '>']) { "\"" } else { "" };
            write!(f, "{comma}{} = {quote}{shown}{quote}", part.attribute)?;
        }
        Ok(())
    }
}

fn value_of(tag: Tag, bytes: &[u8]) -> String {
    let text = match tag {
        Tag::Utf8String => Utf8StringRef::new(bytes).ok().map(|s| s.as_str().to_owned()),
        Tag::PrintableString => PrintableStringRef::new(bytes).ok().map(|s| s.as_str().to_owned()),
        Tag::Ia5String => Ia5StringRef::new(bytes).ok().map(|s| s.as_str().to_owned()),
        Tag::TeletexString => TeletexStringRef::new(bytes).ok().map(|s| s.as_str().to_owned()),
        Tag::BmpString => BmpString::from_ucs2(bytes).ok().map(|s| s.to_string()),
        _ => None,
    };
    text.unwrap_or_else(|| format!("#{}", hex(bytes)))
}

/// The short names of RFC 4514 §3 and those that OpenSSL adds.
fn attribute_name(oid: &str) -> String {
    let name = match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.42" => "GN",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "1.3.6.1.4.1.311.60.2.1.1" => "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2" => "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3" => "jurisdictionC",
        other => other,
    };
    name.to_owned()
}
