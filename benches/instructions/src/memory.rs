//! What a manager remembers before anything is counted.

use std::path::PathBuf;
use std::time::Duration;

use wayfare::hsts::Reach;
use wayfare::options::{CookieLimits, Cookies, Dns, Hsts};
use wayfare::{Builder, Manager, Profile};

/// What a manager remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Nothing.
    Empty,
    /// 3,000 cookies over 500 sites, none of them the server's.
    Jar,
    /// The same, and six of them go with each request.
    JarSent,
    /// 100,000 cookies taken in from a file.
    LargeJar,
    /// 100,000 cookies and 100,000 strict hosts in a profile, none of them the server's.
    LargeProfile,
    /// Nothing, and the server is asked for by its address.
    Plain,
    /// Nothing, in a profile.
    Profile,
    /// 3,000 cookies over 500 sites in a profile, six of which go with each request.
    ProfileSent,
    /// 100,000 hosts that want TLS only, none of them the server.
    StrictHosts,
}

impl Memory {
    /// A manager that remembers this.
    pub fn manager(self, configure: impl FnOnce(Builder) -> Builder) -> Manager {
        let builder = configure(self.builder());
        match self.profile() {
            // Filled by another process beforehand, as the last run of a program did.
            Some(directory) => builder.profile(Profile::new(directory)).build(),
            None => {
                let manager = builder.build();
                self.fill(&manager);
                manager
            }
        }
    }

    /// Where its profile is, if it has one.
    pub fn profile(self) -> Option<PathBuf> {
        let name = match self {
            Self::LargeProfile => "large",
            Self::Profile => "empty",
            Self::ProfileSent => "sent",
            _ => return None,
        };
        let place = std::env::var_os(PLACE).expect("the place of the profiles");
        Some(PathBuf::from(place).join(name))
    }

    /// Fills its profile, and waits until that is written.
    pub fn fill_profile(self) {
        let profile = Profile::new(self.profile().expect("a profile"));
        let manager = self.builder().profile(profile.clone()).build();
        self.fill(&manager);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(profile.flush()).expect("a written profile");
        drop((manager, profile));
        let again = Manager::builder().profile(Profile::new(self.profile().expect("a profile")));
        let manager = again.build().blocking();
        let kept = manager.cookies().list().expect("cookies").len();
        let strict = manager.strict_transport_security_hosts().list().expect("hosts").len();
        let expected = match self {
            Self::LargeProfile => (100_000, 100_000),
            Self::ProfileSent => (3_000, 0),
            _ => (0, 0),
        };
        assert_eq!((kept, strict), expected, "what is in the profile");
    }

    fn builder(self) -> Builder {
        let limits = CookieLimits { all: 100_000, ..CookieLimits::default() };
        let hsts = if self == Self::StrictHosts { Hsts::On } else { Hsts::Automatic };
        let dns = Dns { pins: vec![("*".to_owned(), [127, 0, 0, 1].into())], ..Dns::default() };
        let cookies = Cookies { limits, ..Cookies::default() };
        Manager::builder().dns(dns).hsts(hsts).cookies(cookies)
    }

    fn fill(self, manager: &Manager) {
        let (sites, each, own) = match self {
            Self::Jar => (500, 6, "near.test"),
            Self::JarSent | Self::ProfileSent => (500, 6, "far.test"),
            Self::LargeJar | Self::LargeProfile => (20_000, 5, "near.test"),
            Self::Empty | Self::Plain | Self::Profile | Self::StrictHosts => (0, 0, ""),
        };
        let mut file = String::new();
        for site in 0..sites {
            let site = if site == 7 { own.to_owned() } else { format!("site-{site}.test") };
            for cookie in 0..each {
                file += &format!(
                    ".{site}\tTRUE\t/\tFALSE\t4000000000\tname-{cookie}\tvalue-{cookie}\n"
                );
            }
        }
        let imported = manager.blocking().cookies().import_netscape(file).expect("cookies");
        assert_eq!(imported.kept, sites * each);
        if matches!(self, Self::LargeProfile | Self::StrictHosts) {
            let hosts = manager.blocking().strict_transport_security_hosts();
            for host in 0..100_000 {
                let year = Duration::from_secs(31_536_000);
                hosts
                    .add(&format!("www.site-{host}.test"), year, Reach::Subdomains)
                    .expect("a host");
            }
        }
    }
}

/// The variable of the environment that says where the profiles are.
pub const PLACE: &str = "INSTRUCTIONS_PROFILES";
