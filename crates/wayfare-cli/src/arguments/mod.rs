//! The command line: one struct per subcommand, which help, completions and man pages come from.

pub(crate) mod data;
pub(crate) mod identity;
mod mistakes;
pub(crate) mod transfer;
pub(crate) mod trust;
pub(crate) mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, FromArgMatches, Parser, Subcommand};
use http::Method;
use wayfare::dns::{NameServer, RecordType};

use crate::exit;
use data::Data;
use transfer::{Patience, Transfer};
use trust::Trust;

/// Talks to servers: downloads, uploads, and says clearly what went wrong.
#[derive(Debug, Parser)]
#[command(name = "wayfare", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = exit::TABLE)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    memory: Memory,
}

/// What is remembered from one command to the next.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What is remembered")]
pub(crate) struct Memory {
    /// Keep what is remembered in this directory: cookies with a date of expiry, hosts that want TLS
    /// only, and the exceptions for certificates that applications made [default: nothing is kept].
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) profile: Option<PathBuf>,
    /// With --profile: read it, and leave no trace there.
    #[arg(long, global = true)]
    pub(crate) private: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(Box<Get>),
    Head(Box<Head>),
    Post(Box<Send>),
    Put(Box<Send>),
    Patch(Box<Send>),
    Delete(Box<Send>),
    Request(Box<AnyMethod>),
    Cert(Box<Cert>),
    Dns(Box<Dns>),
    Cookies(Cookies),
    Hsts(Hsts),
    Forget(Forget),
    Interfaces(Interfaces),
    Proxy(Proxy),
    Serve(Serve),
    Drive(Drive),
    Demo(Demo),
    Completions(Completions),
    Man(Man),
}

/// Downloads what URLs name; several at once go in parallel.
///
/// The body goes to standard output unless -o, -O or -d says otherwise. A status of 400 or higher
/// is a failure (exit code 22) unless --no-fail is given. Letters mean what they mean to curl,
/// with one difference: here -d names a directory; data is sent by `wayfare post -d`.
#[derive(Debug, Args)]
#[command(after_help = exit::TABLE)]
pub(crate) struct Get {
    /// What to download.
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Save under the URL's name into this directory, which is made if missing [default: no].
    #[arg(short, long, value_name = "DIR", conflicts_with = "output", help_heading = OUTPUT)]
    pub(crate) dir: Option<PathBuf>,
    /// Ask for the head only and print it.
    #[arg(short = 'I', long = "head", help_heading = REQUEST)]
    pub(crate) head: bool,
    /// Put --data-urlencode into the URL's query; with `get` it always goes there.
    #[arg(short = 'G', long = "get", help_heading = REQUEST)]
    pub(crate) query: bool,
    /// Add to the URL's query, percent-encoded; repeatable.
    #[arg(long, value_name = "NAME=VALUE", help_heading = REQUEST)]
    pub(crate) data_urlencode: Vec<String>,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// Asks for the heads of what URLs name, and prints them.
#[derive(Debug, Args)]
pub(crate) struct Head {
    /// What to ask for.
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// Sends data, forms and files.
///
/// Letters mean what they mean to curl: -d is data here (for the directory to save into, which
/// is -d to `wayfare get`, there is --dir).
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Where to send it.
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Save answers under the URL's name into this directory, made if missing [default: no].
    #[arg(long, value_name = "DIR", conflicts_with = "output", help_heading = OUTPUT)]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: Data,
    /// Put the data into the URL's query and ask with GET.
    #[arg(short = 'G', long = "get", help_heading = REQUEST)]
    pub(crate) query: bool,
    /// Add a form part: name=value, name=@file, name=<file; each with ;type=… and ;filename=….
    #[arg(short = 'F', long = "form", value_name = "NAME=CONTENT", help_heading = REQUEST)]
    pub(crate) form: Vec<String>,
    /// Send this file as it is; `-` streams standard input.
    #[arg(short = 'T', long, value_name = "FILE", help_heading = REQUEST)]
    pub(crate) upload_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// Sends a request with any method.
#[derive(Debug, Args)]
pub(crate) struct AnyMethod {
    /// The method, which is case-sensitive.
    #[arg(short = 'X', long = "request", value_name = "METHOD", value_parser = values::method)]
    #[arg(default_value = "GET", help_heading = REQUEST)]
    pub(crate) method: Method,
    #[command(flatten)]
    pub(crate) sending: Send,
}

/// Shows a server's certificates: chain, names, validity, keys, pins, and all that is wrong.
///
/// The certificates are looked at whatever is wrong with them; the exit code says whether a request
/// with the same options would be sent: 0 if they are in order, or accepted by --exceptions, the profile
/// or -k; 60 if not.
#[derive(Debug, Args)]
pub(crate) struct Cert {
    /// Whom to ask: HOST, HOST:PORT or a URL [port default: 443].
    #[arg(value_name = "HOST[:PORT]")]
    pub(crate) server: String,
    /// Print each certificate as `openssl x509 -text` does.
    #[arg(long, conflicts_with_all = ["pem", "json"])]
    pub(crate) text: bool,
    /// Print the certificates in PEM, the server's own first.
    #[arg(long, conflicts_with = "json")]
    pub(crate) pem: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell what happens on the way, to standard error.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Use this address for a host, `*` for every host; HOST:PORT:IP is taken too; repeatable.
    #[arg(long, value_name = "HOST:IP", value_parser = values::pin)]
    pub(crate) resolve: Vec<(String, std::net::IpAddr)>,
    #[command(flatten)]
    pub(crate) patience: Patience,
    #[command(flatten)]
    pub(crate) proxy: transfer::ProxyOptions,
    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// Looks DNS records up: addresses, mail servers, texts, services, and what else there is.
///
/// An address is asked for its names. Names are completed as /etc/resolv.conf says, unless --server
/// is given; a final dot keeps a name as it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 6 no such name or record, 7 no server can be reached, 8 broken \
answer, 28 no server answered in time."
)]
pub(crate) struct Dns {
    /// The name, or an address.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What to ask for: A, AAAA, MX, TXT, SRV, HTTPS, …, ANY or TYPE99 [default: A].
    #[arg(value_name = "TYPE")]
    pub(crate) kind: Option<RecordType>,
    /// Ask this server: an address, udp://H:P, tcp://H, tls://H, https://H/dns-query; repeatable.
    #[arg(long, value_name = "SERVER")]
    pub(crate) server: Vec<NameServer>,
    /// Ask through this proxy, or chain of them; servers of udp are then asked over TCP
    /// [default: directly, whatever the environment says].
    #[arg(short = 'x', long, value_name = "URL", value_parser = values::way)]
    pub(crate) proxy: Option<wayfare::proxy::Chain>,
    /// Trust the authorities of this PEM file and nobody else [default: the system's].
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Take any certificate of name servers. Whoever sits on the path can read and change all.
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Tell whom is asked and how long it took, to standard error.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print JSON instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Shows and changes the cookies of a profile, or of a file that -b reads and -c writes.
///
/// The file has the form that Netscape began and curl, wget and browsers go on with; values are not
/// shown, except by `export`.
#[derive(Debug, Args)]
pub(crate) struct Cookies {
    /// The file, in the place of a profile.
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) cookie_jar: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: Option<CookieAction>,
}

impl Cookies {
    /// True if the file need not be there yet.
    pub(crate) fn imports(&self) -> bool {
        matches!(self.action, Some(CookieAction::Import { .. }))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum CookieAction {
    /// Print them to standard output, values included.
    Export {
        /// As JSON, with everything that is known of them, instead of in the form of the file.
        #[arg(long)]
        json: bool,
    },
    /// Take in those of another file, in either form.
    Import {
        /// The other file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print a line for each; this is the default.
    List,
    /// Remove those of a domain and of all names below it.
    Remove {
        /// The domain.
        #[arg(value_name = "DOMAIN")]
        domain: String,
        /// Only those of this name [default: all].
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// Shows and changes the hosts that a profile reaches over TLS only, and makes lists of such hosts.
#[derive(Debug, Args)]
pub(crate) struct Hsts {
    #[command(subcommand)]
    pub(crate) action: HstsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HstsAction {
    /// Add a host to the profile, or replace what is known of it.
    Add {
        /// The host.
        #[arg(value_name = "HOST")]
        host: String,
        /// For every name below it, too.
        #[arg(long)]
        include_subdomains: bool,
        /// For so many seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 31_536_000)]
        max_age: u64,
    },
    /// Print a line for each host of the profile.
    List,
    /// Forget what is known of a host; names above it keep theirs.
    Remove {
        /// The host.
        #[arg(value_name = "HOST")]
        host: String,
    },
    /// Make a list for --hsts-list out of a text.
    ///
    /// The text is Chromium's transport_security_state_static.json, or has a name a line, with a dot
    /// before it if the names below it count, and `#` before comments.
    Import {
        /// The text.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write the list to this file.
        #[arg(short, long, value_name = "LIST")]
        output: PathBuf,
    },
}

/// Forgets what a profile knows of a site: cookies, strictness, exceptions for certificates.
#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The registrable domain, or a name below it, which stands for that.
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
}

/// Lists the network interfaces of this machine with their addresses.
#[derive(Debug, Args)]
pub(crate) struct Interfaces {
    /// Print a JSON list instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Says which way a request for a URL would go, and which rule says so.
///
/// Nothing is sent. Each line is a way, in the order in which they would be tried: `direct`, or a
/// proxy (several parted by blanks are a chain). Neither shows a password.
#[derive(Debug, Args)]
pub(crate) struct Proxy {
    /// Where the request would go to.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) proxy: transfer::ProxyOptions,
    /// Print a JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the test servers: HTTP/1.1 and HTTP/2, plain and TLS, with endpoints for everything.
#[derive(Debug, Args)]
#[command(after_help = after_serve())]
pub(crate) struct Serve {
    /// Port for http [default: any free one].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Port for https [default: any free one].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) tls_port: u16,
    /// The address to listen on.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: std::net::IpAddr,
    /// Limit each connection, each way: bytes a second, with K, M or G [default: no limit].
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    pub(crate) rate: Option<u64>,
    /// Write the generated CA certificate to this file [default: one in the temporary directory].
    #[arg(long, value_name = "FILE")]
    pub(crate) authority: Option<PathBuf>,
    /// Print one line of JSON with the addresses instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// End when standard input ends, too.
    #[arg(long)]
    pub(crate) until_eof: bool,
}

/// Answers requests for transfers as JSON lines, for programs that test this stack.
///
/// One JSON object per line on standard input, one per line on standard output, in any order and
/// many at a time. {"id":1,"op":"hello","protocol":1} lists what can be asked.
#[derive(Debug, Args)]
#[command(after_help = crate::drive::HELP)]
pub(crate) struct Drive {}

/// Lives a day of an application in a few seconds, against its own servers, and checks all of it.
///
/// Exits with 1 if anything came out other than it should.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Plain text: no bars and no colours, as if this were no terminal.
    #[arg(long)]
    pub(crate) plain: bool,
}

/// Writes a completion script for a shell to standard output.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Writes the manual page to standard output, or all pages into a directory.
///
/// `wayfare man | man -l -` shows the page of the command as a whole; `wayfare man --dir DIR`
/// writes that of each subcommand, too.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write one page per subcommand into this directory [default: one page to standard output].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Reads the command line; ends the process on a mistake, and where help was asked for.
pub(crate) fn read() -> (Command, Memory) {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    read_get(&arguments).unwrap_or_else(|| match Cli::try_parse_from(&arguments) {
        Ok(cli) => (cli.command, cli.memory),
        Err(mistake) => mistakes::with_tip(mistake, &arguments).exit(),
    })
}

/// `get` alone is read without building the other subcommands, which takes longer than the
/// transfer of a small body from nearby. Mistakes and help are left to the whole definition.
fn read_get(arguments: &[OsString]) -> Option<(Command, Memory)> {
    if arguments.get(1)? != "get" {
        return None;
    }
    let command = Get::augment_args(clap::Command::new("get").disable_help_flag(true));
    let command = Memory::augment_args(command);
    let matches = command.try_get_matches_from(&arguments[1..]).ok()?;
    let memory = Memory::from_arg_matches(&matches).ok()?;
    Get::from_arg_matches(&matches).ok().map(|get| (Command::Get(Box::new(get)), memory))
}

fn after_serve() -> String {
    // In help texts `{n}` is a line break.
    wayfare_testkit::endpoints::HELP.replace("{n}", "{N}")
}

const OUTPUT: &str = "Output";
const REQUEST: &str = "Request";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_quick_way_reads_what_the_long_way_reads() {
        let line = [
            "wayfare",
            "get",
            "-sv",
            "-H",
            "A: b",
            "http://a.test/",
            "-m",
            "2.5",
            "--profile",
            "p",
        ];
        let line: Vec<OsString> = line.iter().map(OsString::from).collect();
        let quick = read_get(&line).expect("a sound line");
        let Cli { command, memory } = Cli::parse_from(&line);
        assert_eq!(format!("{quick:?}"), format!("{:?}", (command, memory)));
        assert!(read_get(&["wayfare".into(), "get".into(), "--help".into()]).is_none());
    }
}
