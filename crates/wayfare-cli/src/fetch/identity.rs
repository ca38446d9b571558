//! Who the requests of a command say to be.

use wayfare::Request;
use wayfare::delegate::Credentials;
use wayfare::options::{Auth, Netrc, Scheme, Schemes};

use super::Stop;
use crate::arguments::identity::Identity;
use crate::{exit, output};

/// Who is asking, found out once for all requests of a command.
#[derive(Clone, Debug, Default)]
pub(super) enum Who {
    /// Whoever has this token.
    Bearer(String),
    #[default]
    Nobody,
    /// Somebody, who is named when a server asks.
    User(Credentials),
    /// Somebody, who is named unasked.
    UserUnasked(Credentials),
}

impl Who {
    /// Who the options name; a missing password is asked for on the terminal.
    pub(super) fn of(options: &Identity) -> Result<Self, Stop> {
        if let Some(token) = &options.oauth2_bearer {
            return Ok(Self::Bearer(token.clone()));
        }
        let Some(named) = &options.user else { return Ok(Self::Nobody) };
        let credentials = match named.split_once(':') {
            Some((user, password)) => Credentials::new(user, password),
            None => Credentials::new(named, password_of(named)?),
        };
        Ok(match schemes(options).single() {
            Some(Scheme::Basic) => Self::UserUnasked(credentials),
            _ => Self::User(credentials),
        })
    }

    /// The request as this somebody makes it.
    pub(super) fn ask(&self, request: Request) -> Request {
        match self {
            Self::Bearer(token) => request.bearer_auth(token),
            Self::Nobody => request,
            Self::User(credentials) => request.credentials(credentials.clone()),
            Self::UserUnasked(known) => request.basic_auth(known.user(), known.password()),
        }
    }
}

/// How a manager says who is asking.
pub(super) fn auth(options: &Identity) -> Auth {
    let netrc = match &options.netrc_file {
        Some(file) => Netrc::File(file.clone()),
        None if options.netrc => Netrc::Home,
        None => Netrc::Off,
    };
    Auth { schemes: schemes(options), netrc, ..Auth::default() }
}

fn schemes(options: &Identity) -> Schemes {
    let one = [
        (options.basic, Scheme::Basic),
        (options.digest, Scheme::Digest),
        (options.ntlm, Scheme::Ntlm),
    ];
    match one.into_iter().find(|(is_asked_for, _)| *is_asked_for) {
        Some((_, scheme)) => Schemes::only(scheme),
        None => options.auth.unwrap_or_default(),
    }
}

fn password_of(user: &str) -> Result<String, Stop> {
    let prompt = output::visible(&format!("Password for {user}: "));
    rpassword::prompt_password(prompt).map_err(|why| Stop {
        code: exit::USAGE,
        why: format!("there is nobody to ask for the password of -u {user} ({why}); -u USER:PASSWORD names it"),
    })
}
