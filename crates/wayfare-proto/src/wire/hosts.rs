//! The hosts file: addresses and their names (hosts(5)).

use std::net::IpAddr;

/// The names of an address, in their order, without repetitions.
///
/// ```
/// let text = "127.0.0.1 localhost local # this machine";
/// let names = wayfare_proto::wire::hosts::names_of(text, [127, 0, 0, 1].into());
/// assert_eq!(names, ["localhost", "local"]);
/// ```
#[must_use]
pub fn names_of(text: &str, address: IpAddr) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        if words.next().and_then(|word| word.parse().ok()) != Some(address) {
            continue;
        }
        for name in words {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_other_addresses_and_damaged_lines_are_passed_over() {
        let text = "# 10.0.0.1 a\n10.0.0.1\tb  c #d\n10.0.0.2 e\nnonsense f\n\n10.0.0.1 B g\n::1 h";
        assert_eq!(names_of(text, [10, 0, 0, 1].into()), ["b", "c", "g"]);
        assert_eq!(names_of(text, "::1".parse().unwrap()), ["h"]);
        assert!(names_of(text, [10, 0, 0, 3].into()).is_empty());
    }
}
