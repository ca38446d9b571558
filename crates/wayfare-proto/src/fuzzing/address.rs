//! Harnesses for addresses, subnets and URLs: what is read is written so that it is read the same.

use std::net::IpAddr;

use url::Url;

use crate::address::ip::Address;
use crate::address::reading::UrlReader;
use crate::address::subnet::Subnet;

/// Reads the bytes as an address and as a subnet.
pub fn address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(read) = text.parse::<Address>() {
        assert_eq!(read.to_string().parse().as_ref(), Ok(&read));
        let _ = read.class();
    }
    if let Ok(strict) = text.parse::<IpAddr>() {
        assert_eq!(text.parse().as_ref(), Ok(&Address::from(strict)), "std reads it");
    }
    if let Ok(subnet) = text.parse::<Subnet>() {
        assert_eq!(subnet.to_string().parse().as_ref(), Ok(&subnet));
        assert!(subnet.contains(subnet.base()), "{subnet}");
    }
}

/// Reads the pieces between NULs as URLs, one after another: what was read before makes no difference.
pub fn url_reader(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut reader = UrlReader::default();
    for text in text.split('\0') {
        assert_eq!(reader.read(text), Url::parse(text), "{text:?}");
    }
}
