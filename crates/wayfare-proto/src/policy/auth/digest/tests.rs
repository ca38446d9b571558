//! The examples of the standard, and another program's opinion.

use super::*;

fn challenge(text: &str) -> Challenge {
    Challenge::read(&challenge::Challenge::parse(text.as_bytes())[0]).unwrap()
}

fn prove(text: &str, user: (&str, &str), line: &Line<'_>, cnonce: &str) -> String {
    let mut session = Session::new(challenge(text), Credentials::new(user.0, user.1));
    let value = session.prove(line, cnonce).unwrap();
    assert!(value.is_sensitive());
    String::from_utf8(value.as_bytes().to_vec()).unwrap()
}

fn get(target: &str) -> Line<'_> {
    Line { method: "GET", target, body: Some(b"") }
}

const MUFASA: (&str, &str) = ("Mufasa", "Circle of Life");
const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
const NONCE: &str = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
    nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
    opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

#[test]
fn the_examples_of_rfc_7616_come_out() {
    let proofs = [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ];
    for (name, proof) in proofs {
        let asked = format!("Digest {NONCE}, algorithm={name}");
        let said = prove(&asked, MUFASA, &get("/dir/index.html"), CNONCE);
        assert!(said.contains(&format!("response=\"{proof}\"")), "{said}");
        assert!(said.contains(&format!("algorithm={name}, qop=auth, nc=00000001")), "{said}");
    }
}

#[test]
fn the_example_with_a_hidden_user_comes_out() {
    // RFC 7616 §3.9.2, whose printed hashes are those of another function: erratum 4897.
    let asked = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
        nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
        opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8, userhash=true";
    let user = ("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
    let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
    let said = prove(asked, user, &get("/doe.json"), cnonce);
    assert!(said.contains("3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"));
    assert!(said.contains("userhash=true"), "{said}");
    let user = "username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\"";
    assert!(said.contains(user), "{said}");
}

#[test]
fn the_example_of_rfc_2069_style_has_no_count() {
    // RFC 2617 §3.5 without its qop.
    let asked = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
    let said = prove(asked, ("Mufasa", "CircleOfLife"), &get("/dir/index.html"), "x");
    assert!(said.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{said}");
    assert!(!said.contains("nc=") && !said.contains("cnonce") && !said.contains("algorithm"));
}

#[test]
fn counts_go_up_and_begin_anew_with_a_new_nonce() {
    let asked = challenge("Digest realm=a, nonce=one, qop=auth");
    let mut session = Session::new(asked, Credentials::new("u", "p"));
    let mut said = |info: &[u8]| {
        session.handle_info(info);
        let value = session.prove(&get("/"), "c").unwrap();
        let text = value.to_str().unwrap().to_owned();
        let part = |name: &str| text.split(name).nth(1).unwrap().split([',', '"']).next();
        format!("{} {}", part("nonce=\"").unwrap(), part("nc=").unwrap())
    };
    assert_eq!(said(b""), "one 00000001");
    assert_eq!(said(b"qop=auth, rspauth=\"x\""), "one 00000002");
    assert_eq!(said(b"nextnonce=\"two\", qop=auth"), "two 00000001");
    assert_eq!(said(b"nextnonce=\"two\""), "two 00000002");
    assert_eq!(said(b"nextnonce=\"\""), "two 00000003");
    assert_eq!(said(b"nextnonce="), "two 00000004");
}

#[test]
fn a_proof_of_the_body_needs_its_bytes() {
    let asked = challenge("Digest realm=a, nonce=n, qop=auth-int");
    assert!(asked.covers_body());
    let mut session = Session::new(asked, Credentials::new("u", "p"));
    let line = |body| Line { method: "PUT", target: "/", body };
    let one = session.prove(&line(Some(b"one")), "c").unwrap();
    assert!(session.prove(&line(None), "c").is_none());
    let mut other = session.clone();
    other.count = 0;
    assert_ne!(one, other.prove(&line(Some(b"two")), "c").unwrap());
}

#[test]
fn odd_names_are_said_as_the_standard_has_it_or_not_at_all() {
    let plain = "Digest realm=\"a \\\"b\\\"\", nonce=n, qop=auth";
    let said = prove(plain, ("o\"h\\m", "p"), &get("/"), "c");
    assert!(said.contains(r#"username="o\"h\\m", realm="a \"b\"""#), "{said}");
    let wide = format!("{plain}, charset=utf-8");
    let said = prove(&wide, ("\u{fc}", "p"), &get("/"), "c");
    assert!(said.starts_with("Digest username*=UTF-8''%C3%BC, "), "{said}");
    let mut broken = Session::new(challenge(plain), Credentials::new("a\r\nb", "p"));
    assert!(broken.prove(&get("/"), "c").is_none());
}

#[test]
fn what_cannot_be_answered_is_not_read() {
    let table = [
        "Digest nonce=n",
        "Digest realm=a",
        "Digest realm=a, nonce=\"\"",
        "Digest realm=a, realm=b, nonce=n",
        "Digest realm=a, nonce=n, nonce=m",
        "Digest realm=a, nonce=n, algorithm=SHA-1",
        "Digest realm=a, nonce=n, qop=future",
        "Digest realm=a, nonce=n, qop=auth, qop=auth-int",
    ];
    for text in table {
        let read = challenge::Challenge::parse(text.as_bytes());
        assert_eq!(Challenge::read(&read[0]), None, "{text}");
    }
    let long = format!("Digest realm=a, nonce={}", "n".repeat(65_536));
    assert_eq!(Challenge::read(&challenge::Challenge::parse(long.as_bytes())[0]), None);
}

#[test]
fn another_program_makes_the_same_proofs() {
    // Its auth-int puts the body itself where RFC 7616 §3.4.3 has the body's hash.
    for name in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256"] {
        let asked = format!(
            "Digest realm=\"r\", nonce=\"n0nce\", opaque=\"o\", algorithm={name}, qop=\"auth\""
        );
        let mut oracle = http_auth::PasswordClient::try_from(asked.as_str()).unwrap();
        let params = http_auth::PasswordParams {
            username: "ada",
            password: "s3cret",
            uri: "/a?b=c",
            method: "POST",
            body: None,
        };
        let theirs = oracle.respond(&params).unwrap();
        let line = Line { method: "POST", target: "/a?b=c", body: None };
        let ours = prove(&asked, ("ada", "s3cret"), &line, &part(&theirs, "cnonce"));
        assert_eq!(part(&ours, "response"), part(&theirs, "response"), "{name}");
    }
}

#[test]
fn a_proof_of_the_body_has_its_hash_in_it() {
    let asked = "Digest realm=r, nonce=n, qop=auth-int";
    let line = Line { method: "PUT", target: "/x", body: Some(b"body") };
    let said = prove(asked, ("u", "p"), &line, "c");
    let hex = |text: &str| Algorithm::Md5.hex(text.as_bytes()).to_string();
    let covered = hex(&format!("PUT:/x:{}", hex("body")));
    let whole = hex(&format!("{}:n:00000001:c:auth-int:{covered}", hex("u:r:p")));
    assert_eq!(part(&said, "response"), whole);
}

fn part(text: &str, name: &str) -> String {
    let found = text.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
    found.split('"').next().unwrap_or_default().to_owned()
}
