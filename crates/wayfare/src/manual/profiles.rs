//! Profiles: what a program remembers from one run to the next (feature `profile`, on by default).
//!
//! A [`Profile`](crate::Profile) is a directory that only the user may read, with one SQLite database:
//! cookies that have a date of expiry, hosts that want TLS only, exceptions for certificates. With one,
//! [`Hsts`](crate::options::Hsts) is on unless switched off. Passwords, tokens, and what serves as well as
//! those, are never written.
//!
//! ```no_run
//! use wayfare::{Manager, Profile};
//! let manager = Manager::builder().profile(Profile::new("/home/ada/.local/share/app")).build();
//! manager.forget("example.org");
//! ```
//!
//! * **Reading** costs what is needed: the database is opened with the first request, and of a site only
//!   what belongs to it is read, when it is first gone to.
//! * **Writing** happens on a thread of its own, a tenth of a second after the fact and many changes at
//!   once. [`Manager::save`](crate::Manager::save) waits for it, and the last clone of a manager writes
//!   what is left when it goes. What was written is there however the process ends, `kill -9` included; a
//!   power cut may take the last moments and leaves the rest whole.
//! * **Several processes** may use one profile. What one of them changes, the others see with the first
//!   request a second later. Of two that set the same cookie, the later one wins.
//! * **Private**: [`Profile::private`](crate::Profile::private) reads one and leaves no trace in it.
//! * **Trouble**: a disk that is full or read-only, a network file system (where processes cannot share
//!   a database safely), a damaged database or one of a later version: one event (`StoreFailed`) says so,
//!   and the manager goes on in memory. Nothing that is there is deleted or replaced.
//! * **Tables** have a version, and older ones are brought up to date when they are opened.
//!
//! [`Manager::forget`](crate::Manager::forget) removes a site's traces. At a terminal `--profile DIR` is an
//! option of every command, `--private` with it; `wayfare cookies`, `wayfare hsts` and `wayfare forget`
//! look at it and change it.
