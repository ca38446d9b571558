//! Tips for mistakes on the command line that clap cannot know the reason of.

use std::ffi::OsString;

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

/// A mistake with a better tip, if there is one.
pub(super) fn with_tip(mut mistake: Error, arguments: &[OsString]) -> Error {
    let text = |kind| match mistake.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let first = arguments.get(1).map(|first| first.to_string_lossy()).unwrap_or_default();
    let option = text(ContextKind::InvalidArg);
    let tip = match (mistake.kind(), text(ContextKind::InvalidSubcommand), option) {
        (clap::error::ErrorKind::InvalidSubcommand, Some(word), _) => for_word(&word),
        (clap::error::ErrorKind::UnknownArgument, _, Some(_)) if first.starts_with('-') => {
            Some("options come after the subcommand, as in `wayfare get -O URL`".to_owned())
        }
        (clap::error::ErrorKind::UnknownArgument, _, Some(option)) => for_option(&option),
        _ => None,
    };
    if let Some(tip) = tip {
        mistake.remove(ContextKind::SuggestedArg);
        mistake.remove(ContextKind::SuggestedSubcommand);
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        mistake.insert(ContextKind::Suggested, tip);
    }
    mistake
}

/// For a word where a subcommand should be.
fn for_word(word: &str) -> Option<String> {
    let is_host = word.contains('.') || word.starts_with("localhost") || word.contains(":/");
    let url = match word.contains(":/") {
        true => word.to_owned(),
        false => format!("https://{word}"),
    };
    is_host.then(|| format!("did you mean `wayfare get {url}`?"))
}

/// For an option of curl that is not here.
fn for_option(option: &str) -> Option<String> {
    let option = option.split(['=', ' ']).next().unwrap_or_default();
    if let Some((.., instead)) =
        INSTEAD.iter().find(|(short, long, _)| option == *short || option == *long)
    {
        return Some((*instead).to_owned());
    }
    let (short, long) = MISSING.iter().find(|(short, long)| option == *short || option == *long)?;
    Some(match short.is_empty() {
        true => format!("curl's {long} is not supported (yet)"),
        false => format!("curl's {short} ({long}) is not supported (yet)"),
    })
}

/// Options of curl for which there is something else.
const INSTEAD: &[(&str, &str, &str)] = &[
    ("-X", "--request", "`wayfare request -X METHOD` sends other methods"),
    ("-Z", "--parallel", "several URLs are transferred side by side anyway"),
    ("-F", "--form", "`wayfare post -F` sends forms"),
    ("-T", "--upload-file", "`wayfare put -T` sends files"),
    ("", "--data", "`wayfare post -d` sends data"),
    ("", "--data-raw", "`wayfare post --data-raw` sends data"),
    ("", "--data-binary", "`wayfare post --data-binary` sends data"),
    ("", "--json", "`wayfare post --json` sends JSON"),
    ("", "--output-dir", "--dir DIR names the directory to save into"),
    ("", "--create-dirs", "--dir DIR makes the directory if it is missing"),
    ("", "--doh-url", "--dns https://HOST/dns-query asks a name server over HTTPS"),
    ("", "--dns-servers", "--dns ADDRESS asks a name server"),
    ("", "--dns-interface", "--interface NAME binds lookups by --dns too"),
    ("-p", "--proxytunnel", "-x connect://HOST:PORT tunnels everything"),
    ("", "--socks4", "-x socks4://HOST:PORT goes through a SOCKS proxy"),
    ("", "--socks4a", "-x socks4a://HOST:PORT goes through a SOCKS proxy"),
    ("", "--socks5", "-x socks5://HOST:PORT goes through a SOCKS proxy"),
    ("", "--socks5-hostname", "-x socks5h://HOST:PORT goes through a SOCKS proxy"),
    ("", "--preproxy", "-x \"FIRST SECOND\" goes through both, in this order"),
    ("", "--proxy-cacert", "--cacert is for proxies, too"),
    ("", "--proxy-insecure", "-k is for proxies, too"),
    ("", "--hsts", "--hsts-list LIST names hosts to reach over TLS only"),
    ("", "--fail-with-body", "--no-fail delivers the body, and exits with 0"),
    ("", "--url", "URLs need no option"),
    ("-#", "--progress-bar", "there are bars on a terminal anyway"),
    ("", "--no-progress-meter", "-s says nothing but what is asked for"),
];

/// Options of curl for which there is nothing.
const MISSING: &[(&str, &str)] = &[
    ("-4", "--ipv4"),
    ("-6", "--ipv6"),
    ("-C", "--continue-at"),
    ("-D", "--dump-header"),
    ("-j", "--junk-session-cookies"),
    ("-K", "--config"),
    ("-N", "--no-buffer"),
    ("-R", "--remote-time"),
    ("-w", "--write-out"),
    ("-y", "--speed-time"),
    ("-Y", "--speed-limit"),
    ("-z", "--time-cond"),
    ("", "--capath"),
    ("", "--connect-to"),
    ("", "--http3"),
    ("", "--max-filesize"),
    ("", "--retry"),
    ("", "--retry-all-errors"),
    ("", "--retry-delay"),
    ("", "--retry-max-time"),
    ("", "--tlsv1.2"),
    ("", "--trace"),
    ("", "--trace-ascii"),
    ("", "--unix-socket"),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    #[test]
    fn what_is_called_missing_is_missing() {
        let cli = Cli::command();
        let get = cli.find_subcommand("get").expect("it is there");
        let all = INSTEAD.iter().map(|(short, long, _)| (short, long));
        for (short, long) in all.chain(MISSING.iter().map(|(short, long)| (short, long))) {
            let is_there = get.get_arguments().any(|option| {
                let own = option.get_short().map(|letter| format!("-{letter}"));
                own.as_deref() == Some(*short) || option.get_long() == long.strip_prefix("--")
            });
            assert!(!is_there, "{short} {long}");
        }
    }

    #[test]
    fn words_that_look_like_urls_are_taken_for_urls() {
        assert!(for_word("gte").is_none());
        assert!(
            for_word("example.org").is_some_and(|tip| tip.contains("get https://example.org`"))
        );
        assert!(for_word("http://a/").is_some_and(|tip| tip.contains("get http://a/`")));
    }
}
