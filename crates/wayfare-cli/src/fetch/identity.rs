//! Who the requests of a command say to be.

use std::fmt;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use wayfare::event::What;
use wayfare::rules::auth::Asker;
use wayfare::rules::netrc::Netrc as Entries;
use wayfare::{Reply, Request};

use wayfare::delegate::Credentials;
use wayfare::options::{Auth, Netrc, Scheme, Schemes};

use super::Stop;
use crate::arguments::identity::Identity;
use crate::{ending, exit, output};

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
            Some(("", "")) if schemes(options).has(Scheme::Negotiate) => Credentials::ambient(),
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

/// How a manager says who is asking. A file that was named is looked at before anything is sent.
pub(super) fn auth(options: &Identity) -> Result<Auth, Stop> {
    if let Some(file) = &options.netrc_file {
        let unusable = |why: &dyn fmt::Display| Stop {
            code: exit::READ,
            why: format!("--netrc-file: {} cannot be used: {why}", file.display()),
        };
        let text = std::fs::read_to_string(file).map_err(|why| unusable(&why))?;
        Entries::parse(&text).map_err(|why| unusable(&why))?;
    }
    let netrc = match &options.netrc_file {
        Some(file) => Netrc::File(file.clone()),
        None if options.netrc => Netrc::Home,
        None => Netrc::Off,
    };
    let ambient = options.ambient.clone().unwrap_or_default();
    Ok(Auth { schemes: schemes(options), ambient, netrc, ..Auth::default() })
}

fn schemes(options: &Identity) -> Schemes {
    let one = [
        (options.basic, Scheme::Basic),
        (options.digest, Scheme::Digest),
        (options.negotiate, Scheme::Negotiate),
        (options.ntlm, Scheme::Ntlm),
    ];
    match one.into_iter().find(|(is_asked_for, _)| *is_asked_for) {
        Some((_, scheme)) => Schemes::only(scheme),
        None => options.auth.unwrap_or_default(),
    }
}

fn password_of(user: &str) -> Result<String, Stop> {
    let prompt = output::visible(&format!("Password for {user}: "));
    let farewell = format!("nobody said the password of -u {user}");
    let asked = ending::asking(&farewell, || rpassword::prompt_password(prompt));
    asked.map_err(|why| match why.kind() {
        ErrorKind::Interrupted => {
            Stop { code: ending::code(ending::INTERRUPT), why: farewell.clone() }
        }
        _ => Stop {
            code: exit::USAGE,
            why: format!(
                "there is nobody to ask for the password of -u {user} ({why}); \
                 -u USER:PASSWORD names it"
            ),
        },
    })
}

/// Why schemes could not be used that a server offered.
#[derive(Default)]
pub(super) struct PassedOver(Arc<Mutex<Option<String>>>);

impl PassedOver {
    /// The request, which tells when a scheme is passed over.
    pub(super) fn hear(&self, request: Request) -> Request {
        let told = self.0.clone();
        request.on_event(move |event| {
            if let What::SchemePassedOver { why, .. } = &event.what {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
            }
        })
    }

    fn why(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What may help where a server does not let somebody in.
pub(super) fn hint(reply: &Reply, options: &Identity, passed: &PassedOver) -> Option<String> {
    let challenges = Asker::Origin.challenges(reply.headers());
    let offered: Vec<_> =
        challenges.iter().filter_map(|one| Scheme::by_name(&one.scheme)).collect();
    let names = offered.iter().map(|scheme| scheme.name()).collect::<Vec<_>>().join(", ");
    let allowed = schemes(options);
    if offered.is_empty() {
        return Some("the server does not say how it wants to know who is asking".to_owned());
    }
    if !offered.iter().any(|scheme| allowed.has(*scheme)) {
        return Some(format!("the server takes {names}, which the options do not allow"));
    }
    if options.oauth2_bearer.is_some() {
        return Some("the server did not accept the token".to_owned());
    }
    if let Some(why) = passed.why() {
        let is_ambient = options.user.as_deref() == Some(":") || options.ambient.is_some();
        let help = if is_ambient { " (kinit gets a ticket, if there is none)" } else { "" };
        return Some(format!("{why}{help}"));
    }
    let takes = |scheme: Scheme| offered.contains(&scheme) && allowed.has(scheme);
    if options.user.is_none()
        && allowed.single() == Some(Scheme::Negotiate)
        && takes(Scheme::Negotiate)
    {
        return Some("-u : says who is logged in on this machine".to_owned());
    }
    let netrc = options.netrc || options.netrc_file.is_some();
    (options.user.is_none() && netrc).then(|| {
        "the server did not accept what the netrc file has for it, if it has anything".to_owned()
    })
}
