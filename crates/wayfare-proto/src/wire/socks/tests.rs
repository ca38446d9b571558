//! Whole talks as tables, each over every split of what the proxy says.

use bytes::BytesMut;

use super::address::Endpoint;
use super::failure::{Failure, Refusal};
use super::version4::{Names, Socks4};
use super::version5::Socks5;
use super::{Accepting, Command, Version, datagram};
use crate::address::target::Target;
use crate::syntax::credentials::Credentials;
use crate::wire::dialogue::{Dialogue, Step};

/// What came of a talk, and what was left over.
type Ended = (Result<Option<String>, Failure>, Vec<u8>, Vec<u8>);

fn talk<D: Dialogue<Outcome = Endpoint, Failure = Failure>>(
    mut dialogue: D,
    pieces: &[&[u8]],
) -> Ended {
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut ended = Ok(None);
    for piece in [&b""[..]].iter().chain(pieces) {
        input.extend_from_slice(piece);
        if matches!(ended, Ok(None)) {
            ended = match dialogue.advance(&mut input, &mut output) {
                Ok(Step::Done(endpoint)) => Ok(Some(endpoint.to_string())),
                Ok(Step::More) => Ok(None),
                Err(failure) => Err(failure),
            };
        }
    }
    let left = if ended.is_err() { Vec::new() } else { input.to_vec() };
    (ended, output.to_vec(), left)
}

/// The same end, however the bytes are cut.
fn over_every_split<D>(make: impl Fn() -> D, said: &[u8]) -> Ended
where
    D: Dialogue<Outcome = Endpoint, Failure = Failure>,
{
    let whole = talk(make(), &[said]);
    for at in 0..=said.len() {
        assert_eq!(talk(make(), &[&said[..at], &said[at..]]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = said.chunks(1).collect();
    assert_eq!(talk(make(), &bytes), whole, "byte by byte");
    whole
}

fn five(target: &Target, login: bool) -> Socks5 {
    let credentials = login.then(|| Credentials::new("ada", "pw"));
    Socks5::new(Command::Connect, target, credentials.as_ref()).unwrap()
}

#[test]
fn socks5_says_yes_to_every_kind_of_address() {
    let table: [(&str, &[u8], &[u8], &str); 3] = [
        ("192.0.2.1", b"\x01\xc0\0\x02\x01", b"\x01\x7f\0\0\x01\x04\x38", "127.0.0.1:1080"),
        (
            "[2001:db8::1]",
            b"\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
            b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x04\x38",
            "[::1]:1080",
        ),
        ("a.test", b"\x03\x06a.test", b"\x03\x04gate\x04\x38", "gate:1080"),
    ];
    for (host, asked, bound, shown) in table {
        let said = [b"\x05\0\x05\0\0", bound, b"rest"].concat();
        let (ended, output, left) =
            over_every_split(|| five(&Target::new(host, 443), false), &said);
        assert_eq!(ended, Ok(Some(shown.to_owned())));
        assert_eq!(output, [b"\x05\x01\0\x05\x01\0", asked, b"\x01\xbb"].concat());
        assert_eq!(left, b"rest");
    }
}

#[test]
fn socks5_logs_in_only_when_asked_to() {
    let target = Target::new("a.test", 80);
    let open = b"\x05\0\x05\0\0\x01\0\0\0\0\0\0";
    let (ended, output, _) = over_every_split(|| five(&target, true), open);
    assert_eq!(ended, Ok(Some("0.0.0.0:0".to_owned())));
    assert_eq!(output, b"\x05\x02\0\x02\x05\x01\0\x03\x06a.test\0\x50");
    let closed = b"\x05\x02\x01\0\x05\0\0\x01\0\0\0\0\0\0";
    let (ended, output, _) = over_every_split(|| five(&target, true), closed);
    assert!(ended.is_ok());
    assert_eq!(output, b"\x05\x02\0\x02\x01\x03ada\x02pw\x05\x01\0\x03\x06a.test\0\x50");
}

#[test]
fn socks5_failures_have_their_names() {
    let refused = |refusal| Failure::Refused(refusal);
    let table: [(&[u8], Failure); 16] = [
        (b"\x05\xff", Failure::CredentialsNeeded),
        (b"\x05\x01", Failure::UnofferedMethod(1)),
        (b"\x04\0", Failure::BadVersion { expected: 5, got: 4 }),
        (b"HTTP/1.1 400", Failure::BadVersion { expected: 5, got: b'H' }),
        (b"\x05\x02\x05\0", Failure::BadVersion { expected: 1, got: 5 }),
        (b"\x05\x02\x01\x01", Failure::CredentialsRefused),
        (b"\x05\0\x05\x01", refused(Refusal::General)),
        (b"\x05\0\x05\x02", refused(Refusal::NotAllowed)),
        (b"\x05\0\x05\x03", refused(Refusal::NetworkUnreachable)),
        (b"\x05\0\x05\x04", refused(Refusal::HostUnreachable)),
        (b"\x05\0\x05\x05", refused(Refusal::ConnectionRefused)),
        (b"\x05\0\x05\x06", refused(Refusal::TimeToLive)),
        (b"\x05\0\x05\x07", refused(Refusal::UnknownCommand)),
        (b"\x05\0\x05\x08", refused(Refusal::UnknownAddressKind)),
        (b"\x05\0\x05\0\0\x03\0\0\0", Failure::BadAddress(3)),
        (b"\x05\0\x05\0\0\x09\0\0\0", Failure::BadAddress(9)),
    ];
    for (said, failure) in table {
        let (ended, ..) = over_every_split(|| five(&Target::new("a.test", 1), true), said);
        assert_eq!(ended, Err(failure));
    }
}

#[test]
fn a_cut_answer_is_never_an_end() {
    let said = b"\x05\x02\x01\0\x05\0\0\x03\x04gate\x04\x38";
    for at in 0..said.len() {
        let mut dialogue = five(&Target::new("a.test", 1), true);
        let (mut input, mut output) = (BytesMut::from(&said[..at]), BytesMut::new());
        assert_eq!(dialogue.advance(&mut input, &mut output), Ok(Step::More), "{at}");
        assert_eq!(dialogue.handle_end(&input), Failure::Closed);
    }
}

#[test]
fn names_and_credentials_that_do_not_fit_are_refused_before_a_byte_is_sent() {
    for length in [0, 256, 60_000] {
        let target = Target::new(&"a".repeat(length), 80);
        let unfit = Failure::NameUnfit { length };
        assert_eq!(Socks5::new(Command::Connect, &target, None).unwrap_err(), unfit);
        let four = Socks4::new(Command::Connect, &target, Names::Sent, None);
        assert_eq!(four.unwrap_err(), unfit);
        assert_eq!(datagram::write_header(&mut BytesMut::new(), &target), Err(unfit));
    }
    let target = Target::new("a.test", 80);
    let long = Credentials::new("u", "p".repeat(256));
    let made = Socks5::new(Command::Connect, &target, Some(&long));
    assert_eq!(made.unwrap_err(), Failure::CredentialsUnfit);
    let nul = Credentials::new("u\0v", "");
    let made = Socks4::new(Command::Connect, &target, Names::Sent, Some(&nul));
    assert_eq!(made.unwrap_err(), Failure::CredentialsUnfit);
}

#[test]
fn socks4_asks_in_one_message() {
    let four = |host: &str, names| {
        let user = Credentials::new("ada", "ignored");
        Socks4::new(Command::Connect, &Target::new(host, 80), names, Some(&user))
    };
    let said = b"\0\x5a\x04\x38\x7f\0\0\x01rest";
    let by_ip = || four("192.0.2.1", Names::LookedUp).unwrap();
    let (ended, output, left) = over_every_split(by_ip, said);
    assert_eq!(ended, Ok(Some("127.0.0.1:1080".to_owned())));
    assert_eq!(output, b"\x04\x01\0\x50\xc0\0\x02\x01ada\0");
    assert_eq!(left, b"rest");
    let by_name = || four("a.test", Names::Sent).unwrap();
    let (_, output, _) = over_every_split(by_name, said);
    assert_eq!(output, b"\x04\x01\0\x50\0\0\0\x01ada\0a.test\0");
    assert_eq!(four("a.test", Names::LookedUp).unwrap_err(), Failure::CannotName);
    assert_eq!(four("::1", Names::Sent).unwrap_err(), Failure::CannotName);
}

#[test]
fn socks4_failures_have_their_names() {
    let table: [(&[u8], Failure); 5] = [
        (b"\0\x5b", Failure::Refused(Refusal::Rejected)),
        (b"\0\x5c", Failure::Refused(Refusal::IdentUnreachable)),
        (b"\0\x5d", Failure::Refused(Refusal::IdentMismatch)),
        (b"\0\x01", Failure::Refused(Refusal::Other(1))),
        (b"\x05\0", Failure::BadVersion { expected: 0, got: 5 }),
    ];
    for (said, failure) in table {
        let target = Target::new("192.0.2.1", 1);
        let make = || Socks4::new(Command::Connect, &target, Names::LookedUp, None).unwrap();
        assert_eq!(over_every_split(make, said).0, Err(failure));
    }
}

#[test]
fn a_bind_is_answered_twice() {
    let target = Target::new("192.0.2.1", 21);
    let said = b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x04\x38\x05\0\0\x01\xc0\0\x02\x01\0\x15x";
    let make = || Socks5::new(Command::Bind, &target, None).unwrap();
    let (ended, output, left) = over_every_split(make, said);
    assert_eq!(ended, Ok(Some("127.0.0.1:1080".to_owned())));
    assert_eq!(output[4..6], *b"\x02\0");
    let (ended, _, left) = over_every_split(|| Accepting(Version::Five), &left);
    assert_eq!((ended, left), (Ok(Some("192.0.2.1:21".to_owned())), b"x".to_vec()));
    let (ended, ..) = over_every_split(|| Accepting(Version::Four), b"\0\x5a\0\x15\xc0\0\x02\x01");
    assert_eq!(ended, Ok(Some("192.0.2.1:21".to_owned())));
}

#[test]
fn a_datagram_carries_its_other_end() {
    for host in ["192.0.2.1", "2001:db8::1", "a.test"] {
        let mut out = BytesMut::new();
        datagram::write_header(&mut out, &Target::new(host, 53)).unwrap();
        out.extend_from_slice(b"data");
        let (from, data) = datagram::read(&out).unwrap();
        assert_eq!(from.to_string(), Target::new(host, 53).to_string());
        assert_eq!(data, b"data");
        for at in 0..out.len() - 4 {
            assert_eq!(datagram::read(&out[..at]), Err(Failure::Closed), "{host} {at}");
        }
        out[2] = 1;
        assert_eq!(datagram::read(&out), Err(Failure::Fragment));
    }
    assert_eq!(datagram::read(b"\0\0\0\x07abc"), Err(Failure::BadAddress(7)));
}
