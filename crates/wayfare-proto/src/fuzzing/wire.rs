//! Harnesses for the small formats: `data:` URLs and the names in multipart bodies.

use crate::syntax::media_type::MediaType;
use crate::wire::data_url::DataUrl;
use crate::wire::multipart::{Boundary, Multipart, MultipartKind, PartHead};
use crate::wire::netlink;

/// Reads the bytes as what follows `data:`.
pub fn data_url(data: &[u8]) {
    let url = format!("data:{}", String::from_utf8_lossy(data));
    if let Ok(read) = DataUrl::parse(&url) {
        assert!(MediaType::parse(read.media_type.as_bytes()).is_some(), "{}", read.media_type);
        assert!(read.body.len() <= url.len(), "the content is longer than the URL");
    }
}

/// Writes the head of a form part whose names are the bytes before and after the first NUL.
pub fn multipart_name(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, file_name) = text.split_once('\0').unwrap_or((&text, ""));
    let Ok(boundary) = Boundary::from_text("b") else {
        return;
    };
    let multipart = Multipart::new(MultipartKind::FormData, boundary);
    let head = multipart.part_head(&PartHead::form(name, Some(file_name)));
    let field = head
        .strip_prefix(b"--b\r\nContent-Disposition: form-data; name=\"")
        .and_then(|rest| rest.strip_suffix(b"\"\r\n\r\n"));
    let Some(field) = field else { panic!("the frame is broken: {}", head.escape_ascii()) };
    assert!(field.iter().all(|&byte| byte >= b' ' && byte != 0x7f || byte == b'\t'));
    assert_eq!(field.iter().filter(|&&byte| byte == b'"').count(), 2);
}

/// Reads the bytes as a piece of the kernel's lists; the first four are the sequence.
pub fn netlink(data: &[u8]) {
    let Some((sequence, datagram)) = data.split_first_chunk() else { return };
    let mut found = Vec::new();
    let _ = netlink::handle(datagram, u32::from_ne_bytes(*sequence), &mut found);
    for interface in found {
        assert!(!interface.name.is_empty());
        for address in interface.addresses {
            let ip = address.address.ip();
            // A mapped address is an IPv4 one, which a wider IPv6 network does not contain.
            let is_mapped = ip.is_ipv6() && ip.to_canonical().is_ipv4();
            let contains = address.subnet().map(|net| net.contains(ip));
            assert_eq!(contains, Some(!is_mapped || address.prefix >= 96));
        }
    }
}
