//! The options that hold data to send, in the order in which they were given.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// What -d and its relatives gave, in order.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) pieces: Vec<(Kind, String)>,
}

/// How a piece of data is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is, and `@file` without its line ends.
    Data,
    /// As it is, and `@file` as it is.
    Binary,
    /// As it is, `@` too.
    Raw,
    /// Percent-encoded.
    UrlEncoded,
    /// JSON, with the fields that say so.
    Json,
}

// Derived options would come in one list per kind, which loses the order among kinds.
impl Args for Data {
    fn augment_args(command: Command) -> Command {
        OPTIONS.iter().fold(command, |command, option| {
            let arg = Arg::new(option.name)
                .long(option.name)
                .value_name(option.value)
                .help(option.help)
                .help_heading("Request")
                .allow_hyphen_values(true)
                .conflicts_with_all(["form", "upload_file"])
                .action(ArgAction::Append);
            command.arg(if option.kind == Kind::Data { arg.short('d') } else { arg })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Data {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = Vec::new();
        for option in OPTIONS {
            let values = matches.get_many::<String>(option.name).unwrap_or_default();
            let places = matches.indices_of(option.name).unwrap_or_default();
            found.extend(places.zip(values).map(|(at, value)| (at, option.kind, value.clone())));
        }
        found.sort_by_key(|(at, ..)| *at);
        Ok(Self { pieces: found.into_iter().map(|(_, kind, value)| (kind, value)).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

struct Choice {
    kind: Kind,
    name: &'static str,
    value: &'static str,
    help: &'static str,
}

const OPTIONS: &[Choice] = &[
    Choice {
        kind: Kind::Data,
        name: "data",
        value: "DATA",
        help: "Send this, or @FILE without its line ends; several are joined with &",
    },
    Choice {
        kind: Kind::Raw,
        name: "data-raw",
        value: "DATA",
        help: "As -d, but @ has no meaning",
    },
    Choice {
        kind: Kind::Binary,
        name: "data-binary",
        value: "DATA",
        help: "As -d, but @FILE is sent as it is",
    },
    Choice {
        kind: Kind::UrlEncoded,
        name: "data-urlencode",
        value: "NAME=VALUE",
        help: "As -d, percent-encoded: VALUE, =VALUE, NAME=VALUE, @FILE or NAME@FILE",
    },
    Choice {
        kind: Kind::Json,
        name: "json",
        value: "JSON",
        help: "Send this, or @FILE, as application/json; several are put one after another",
    },
];
