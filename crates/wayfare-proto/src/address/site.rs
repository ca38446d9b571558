//! Sites: the part of a host's name that one owner registered, by the public suffixes
//! (publicsuffix.org).

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use psl::Psl;
use url::Host;

/// The suffixes under which names are registered by different owners, private ones such as
/// `github.io` among them.
///
/// ```
/// # use wayfare_proto::address::site::PublicSuffixes;
/// let suffixes = PublicSuffixes::default();
/// assert_eq!(suffixes.registrable("www.example.co.uk"), Some("example.co.uk"));
/// assert!(suffixes.is_public_suffix("co.uk."));
/// ```
#[derive(Clone, Debug, Default)]
pub struct PublicSuffixes {
    /// Those of a list of one's own; else those that were known when this was built.
    own: Option<Arc<HashMap<Box<str>, Rule>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The name is one label longer than a suffix.
    Exception,
    /// The name is a suffix.
    Suffix,
    /// The name is a suffix, and so is every name one label longer.
    SuffixAndWildcard,
    /// Every name one label longer is a suffix.
    Wildcard,
}

/// A line of a list that is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRule {
    /// Which line, the first being 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

impl fmt::Display for BadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, text) = (self.line, self.text.escape_debug());
        write!(f, "line {line} of the public suffixes, \"{text}\", is no rule")
    }
}

impl std::error::Error for BadRule {}

impl PublicSuffixes {
    /// Reads a list in the form of publicsuffix.org: a rule a line, `//` before comments, `*.` for
    /// any label and `!` for an exception. It replaces the known suffixes; a name that no rule is
    /// about has its last label as its suffix.
    ///
    /// # Errors
    /// [`BadRule`] for the first line that is none.
    pub fn parse(list: &str) -> Result<Self, BadRule> {
        let mut rules = HashMap::new();
        for (at, line) in list.lines().enumerate() {
            let text = line.split_whitespace().next().unwrap_or_default();
            if text.is_empty() || line.trim_start().starts_with("//") {
                continue;
            }
            let (rule, name) = match (text.strip_prefix('!'), text.strip_prefix("*.")) {
                (Some(name), _) => (Rule::Exception, name),
                (None, Some(name)) => (Rule::Wildcard, name),
                (None, None) => (Rule::Suffix, text),
            };
            let bad = || BadRule { line: at + 1, text: text.to_owned() };
            let ascii = match Host::parse(name) {
                Ok(Host::Domain(ascii)) if !name.contains('%') && has_labels(&ascii) => ascii,
                _ => return Err(bad()),
            };
            add(&mut rules, &ascii, rule);
            add(&mut rules, &name.to_lowercase(), rule);
        }
        Ok(Self { own: Some(Arc::new(rules)) })
    }

    /// The part of a host that one owner registered: its suffix and one label more. Nothing for
    /// an IP address, a suffix itself, and what has an empty label.
    ///
    /// The host is in lower case, and is looked up in the form it has, with or without `xn--`; a
    /// dot at its end is not part of the answer.
    #[must_use]
    pub fn registrable<'a>(&self, host: &'a str) -> Option<&'a str> {
        let name = without_dot(host);
        if is_address(name) || !has_labels(name) {
            return None;
        }
        let before = name.len().checked_sub(self.suffix_length(name) + 1)?;
        let start = name[..before].rfind('.').map_or(0, |dot| dot + 1);
        Some(&name[start..])
    }

    /// True if different owners register names under this one; a dot at its end changes nothing.
    #[must_use]
    pub fn is_public_suffix(&self, host: &str) -> bool {
        let name = without_dot(host);
        !is_address(name) && has_labels(name) && self.suffix_length(name) == name.len()
    }

    /// The site of a host: the part that one owner registered, or all of it where there is no
    /// such part. An IP address is a site of its own.
    #[must_use]
    pub fn site<'a>(&self, host: &'a str) -> &'a str {
        self.registrable(host).unwrap_or_else(|| without_dot(host))
    }

    /// How long the suffix at the end of `name` is, in bytes.
    fn suffix_length(&self, name: &str) -> usize {
        let Some(own) = &self.own else {
            let labels = name.as_bytes().rsplit(|&byte| byte == b'.');
            return psl::List.find(labels).len.min(name.len());
        };
        let parent = |name: &str| name.find('.').map(|dot| dot + 1);
        let mut rest = name;
        // The longest rule comes first, and decides.
        loop {
            match own.get(rest) {
                Some(Rule::Exception) => return parent(rest).map_or(0, |at| rest.len() - at),
                Some(Rule::Suffix | Rule::SuffixAndWildcard) => return rest.len(),
                _ => {}
            }
            let Some(at) = parent(rest) else { return rest.len() };
            if matches!(own.get(&rest[at..]), Some(Rule::Wildcard | Rule::SuffixAndWildcard)) {
                return rest.len();
            }
            rest = &rest[at..];
        }
    }
}

/// True for an IP address as the host of a URL has it: dotted decimals, or in brackets.
#[must_use]
pub fn is_address(host: &str) -> bool {
    // Most names end in a letter, and no address does.
    let may_be = host.ends_with(|last: char| last == ']' || last.is_ascii_digit());
    may_be && (host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok())
}

fn add(rules: &mut HashMap<Box<str>, Rule>, name: &str, rule: Rule) {
    let both = |known: Rule| match (known, rule) {
        (Rule::Suffix, Rule::Wildcard) | (Rule::Wildcard, Rule::Suffix) => Rule::SuffixAndWildcard,
        (Rule::SuffixAndWildcard, Rule::Suffix | Rule::Wildcard) => Rule::SuffixAndWildcard,
        _ => rule,
    };
    rules.entry(name.into()).and_modify(|known| *known = both(*known)).or_insert(rule);
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn has_labels(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_cut = bytes.first().is_none_or(|&byte| byte == b'.') || bytes.last() == Some(&b'.');
    !is_cut && !bytes.windows(2).any(|pair| pair == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the table that publicsuffix.org offers for tests.
    const TABLE: &[(&str, Option<&str>)] = &[
        ("com", None),
        ("example.com", Some("example.com")),
        ("b.example.com", Some("example.com")),
        ("a.b.example.com", Some("example.com")),
        (".com", None),
        (".example.com", None),
        ("example", None),
        ("example.example", Some("example.example")),
        ("a.b.example.example", Some("example.example")),
        ("biz", None),
        ("domain.biz", Some("domain.biz")),
        ("uk.com", None),
        ("b.example.uk.com", Some("example.uk.com")),
        ("c.mm", None),
        ("b.c.mm", Some("b.c.mm")),
        ("a.b.c.mm", Some("b.c.mm")),
        ("jp", None),
        ("test.ac.jp", Some("test.ac.jp")),
        ("kyoto.jp", None),
        ("b.ide.kyoto.jp", Some("b.ide.kyoto.jp")),
        ("c.kobe.jp", None),
        ("a.b.c.kobe.jp", Some("b.c.kobe.jp")),
        ("city.kobe.jp", Some("city.kobe.jp")),
        ("www.city.kobe.jp", Some("city.kobe.jp")),
        ("ck", None),
        ("test.ck", None),
        ("b.test.ck", Some("b.test.ck")),
        ("www.ck", Some("www.ck")),
        ("www.www.ck", Some("www.ck")),
        ("k12.ak.us", None),
        ("www.test.k12.ak.us", Some("test.k12.ak.us")),
        ("食狮.com.cn", Some("食狮.com.cn")),
        ("www.食狮.公司.cn", Some("食狮.公司.cn")),
        ("公司.cn", None),
        ("xn--85x722f.com.cn", Some("xn--85x722f.com.cn")),
        ("www.xn--85x722f.xn--55qx5d.cn", Some("xn--85x722f.xn--55qx5d.cn")),
        ("xn--55qx5d.cn", None),
        ("xn--fiqs8s", None),
        ("a.github.io", Some("a.github.io")),
        ("github.io", None),
        ("localhost", None),
        ("", None),
        (".", None),
        ("a..com", None),
        ("example.com.", Some("example.com")),
        ("co.uk.", None),
        ("example.com..", None),
        ("127.0.0.1", None),
        ("[::1]", None),
    ];

    #[test]
    fn the_known_list_answers_as_its_table_says() {
        let suffixes = PublicSuffixes::default();
        for (host, expected) in TABLE {
            assert_eq!(suffixes.registrable(host), *expected, "{host}");
        }
    }

    #[test]
    fn a_list_of_ones_own_answers_in_the_same_way() {
        let list = "// some of them\ncom\nuk.com\nbiz // more\n*.mm\njp\nac.jp\nkyoto.jp\n\
                    ide.kyoto.jp\n*.kobe.jp\n!city.kobe.jp\n*.ck\n!www.ck\nus\nk12.ak.us\n\
                    \ncom.cn\n公司.cn\ngithub.io\nuk\nco.uk\n中国\n";
        let suffixes = PublicSuffixes::parse(list).unwrap();
        for (host, expected) in TABLE {
            assert_eq!(suffixes.registrable(host), *expected, "{host}");
        }
        let only = PublicSuffixes::parse("corp.test").unwrap();
        assert!(only.is_public_suffix("corp.test") && !only.is_public_suffix("co.uk"));
    }

    #[test]
    fn what_is_no_rule_is_named_with_its_line() {
        for bad in ["a..b", "[::1]", "%63om", "*.", "!", "a b\n1.2.3.4", "."] {
            assert!(PublicSuffixes::parse(bad).is_err(), "{bad}");
        }
        let why = PublicSuffixes::parse("com\na..b").unwrap_err();
        assert_eq!(why.to_string(), "line 2 of the public suffixes, \"a..b\", is no rule");
    }

    #[test]
    fn an_address_or_a_suffix_is_a_site_of_its_own() {
        let suffixes = PublicSuffixes::default();
        for (host, site) in [
            ("www.example.co.uk", "example.co.uk"),
            ("www.example.co.uk.", "example.co.uk"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("localhost", "localhost"),
            ("co.uk", "co.uk"),
        ] {
            assert_eq!(suffixes.site(host), site);
        }
        assert!(is_address("127.0.0.1") && is_address("[::1]") && !is_address("a1.test1"));
    }
}
