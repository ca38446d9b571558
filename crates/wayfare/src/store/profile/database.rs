//! The database of a profile: its tables, and what is asked of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OpenFlags, Row, TransactionBehavior, params};
use wayfare_net::tls::exceptions::Exception;
use wayfare_proto::certificate::problem::ProblemKind;
use wayfare_proto::policy::cookie::{self, Cookie, CookieKey, Scope};
use wayfare_proto::policy::hsts::{self, StrictHost};
use wayfare_proto::syntax::set_cookie::SameSite;
use wayfare_proto::syntax::stamp::Stamp;
use wayfare_proto::syntax::strict_transport_security::Reach;

use super::super::{Below, Site};
use super::Access;

/// A change of what a profile keeps.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Cookie(cookie::Change),
    ExceptionAdded(Exception),
    ExceptionsRemoved(String),
    Forgot(Site),
    Host(hsts::Change),
}

/// Why a database cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It has no tables yet, and this program may not make them.
    Empty,
    /// It was made by a later version, which numbers its tables so.
    Newer(i64),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("it has no tables yet"),
            Self::Newer(version) => write!(
                f,
                "its tables are of version {version}, and this program knows {VERSION} at most"
            ),
            Self::Sqlite(error) => error.fmt(f),
        }
    }
}

/// An open database.
pub(super) struct Database {
    connection: Connection,
}

impl Database {
    /// Opens a database, and makes or brings its tables up to date if it may be written.
    pub(super) fn open(path: &Path, access: Access) -> Result<Self, Unusable> {
        let mut connection = match access {
            Access::ReadAndWrite => {
                connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?
            }
            Access::ReadOnly => connect_to_read(path)?,
        };
        connection.busy_timeout(PATIENCE)?;
        // The file may be anybody's work: nothing in it may do more than be read and written.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        if access == Access::ReadAndWrite {
            // Readers and a writer do not wait for each other, and what was committed outlives the
            // process however it ends; a power cut may take the last moments, never more.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        migrate(&mut connection, access)?;
        Ok(Self { connection })
    }

    /// Makes changes, all or none.
    pub(super) fn apply(&mut self, changes: &[Change]) -> rusqlite::Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in changes {
            match change {
                Change::Cookie(cookie::Change::Kept(cookie)) => put_cookie(&transaction, cookie)?,
                Change::Cookie(cookie::Change::Dropped(key)) => drop_cookie(&transaction, key)?,
                Change::Cookie(cookie::Change::Used(key, at)) => {
                    use_cookie(&transaction, key, *at)?;
                }
                Change::Host(hsts::Change::Kept(host)) => put_host(&transaction, host)?,
                Change::Host(hsts::Change::Dropped(host)) => {
                    let mut drop =
                        transaction.prepare_cached("DELETE FROM hosts WHERE name = ?1")?;
                    drop.execute([backwards(host)])?;
                }
                Change::ExceptionAdded(exception) => put_exception(&transaction, exception)?,
                Change::ExceptionsRemoved(host) => {
                    let mut drop =
                        transaction.prepare_cached("DELETE FROM exceptions WHERE name = ?1")?;
                    drop.execute([backwards(host)])?;
                }
                Change::Forgot(site) => forget(&transaction, site)?,
            }
        }
        transaction.commit()
    }

    /// The cookies of a site and every name below it, or all.
    pub(super) fn cookies(&self, site: Option<&str>) -> rusqlite::Result<Vec<Cookie>> {
        const COLUMNS: &str = "SELECT name, scope, path, cookie, partition, value, expiry, creation, \
             last_access, flags, same_site FROM cookies";
        self.of_site(COLUMNS, site, cookie_of)
    }

    /// The strict hosts of a site and every name below it, or all.
    pub(super) fn hosts(&self, site: Option<&str>) -> rusqlite::Result<Vec<StrictHost>> {
        self.of_site("SELECT name, expiry, reach FROM hosts", site, |row| {
            let reach = if row.get::<_, i64>(2)? == 1 { Reach::Subdomains } else { Reach::Host };
            let host = backwards(&row.get::<_, String>(0)?);
            Ok(StrictHost { host, expiry: Stamp::from_micros(row.get(1)?), reach })
        })
    }

    /// Every exception for a certificate.
    pub(super) fn exceptions(&self) -> rusqlite::Result<Vec<Exception>> {
        let columns = "SELECT name, certificate, problems FROM exceptions";
        let all = self.of_site(columns, None, |row| {
            let certificate: Option<[u8; 32]> = row.get::<_, Vec<u8>>(1)?.try_into().ok();
            let problems: Option<BTreeSet<_>> =
                row.get::<_, String>(2)?.split(',').map(ProblemKind::from_name).collect();
            let host = backwards(&row.get::<_, String>(0)?);
            // One that a later version wrote, of a problem not known here, accepts nothing.
            Ok(certificate.zip(problems).map(|(certificate, problems)| Exception {
                host,
                certificate,
                problems,
            }))
        })?;
        Ok(all.into_iter().flatten().collect())
    }

    /// A number that changes with every change that another process makes.
    pub(super) fn foreign_version(&self) -> rusqlite::Result<i64> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0))
    }

    /// Drops what has expired, and the cookies that were used longest ago above a limit.
    pub(super) fn tidy(&self, now: Stamp, most_cookies: u64) -> rusqlite::Result<()> {
        let now = now.micros();
        self.connection.execute("DELETE FROM cookies WHERE expiry <= ?1", [now])?;
        self.connection.execute("DELETE FROM hosts WHERE expiry <= ?1", [now])?;
        let limit = "DELETE FROM cookies WHERE (name, scope, path, cookie, partition) IN \
             (SELECT name, scope, path, cookie, partition FROM cookies \
              ORDER BY flags & 1 DESC, last_access DESC LIMIT -1 OFFSET ?1)";
        let most = i64::try_from(most_cookies).unwrap_or(i64::MAX);
        self.connection.execute(limit, [most])?;
        Ok(())
    }

    fn of_site<T>(
        &self,
        columns: &str,
        site: Option<&str>,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let Some(site) = site else {
            return collect(self.connection.prepare_cached(columns)?, &[], read);
        };
        let [first, last] = below(site);
        let text = format!("{columns} WHERE name = ?1 OR (name > ?2 AND name < ?3)");
        let bounds = [backwards(site).into(), first.into(), last.into()];
        collect(self.connection.prepare_cached(&text)?, &bounds, read)
    }
}

fn collect<T>(
    mut statement: CachedStatement<'_>,
    bounds: &[Value],
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let (mut rows, mut all) = (statement.query(rusqlite::params_from_iter(bounds))?, Vec::new());
    while let Some(row) = rows.next()? {
        // A row that somebody else has put there and that makes no sense is none; the others count.
        all.extend(read(row));
    }
    Ok(all)
}

/// One thread has it, so SQLite need not lock against others in this process.
fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// A connection that writes nothing. Reading, too, takes files beside the database, which only those
/// who may write tidy away; so this one may, where there were none, and writes nothing else.
fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let read_only = || connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).exists() {
        // Somebody else's, or what is left of somebody: it stays as it is.
        return read_only();
    }
    let tidy = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
        connection.pragma_update(None, "query_only", true)?;
        // Where no file can be made beside it, this fails, and the other way may not.
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
        Ok(connection)
    });
    tidy.or_else(|_| read_only())
}

/// Makes the tables, or brings those of an earlier version up to date.
fn migrate(connection: &mut Connection, access: Access) -> Result<(), Unusable> {
    let version = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
    };
    match version(connection)? {
        VERSION => return Ok(()),
        newer if newer > VERSION => return Err(Unusable::Newer(newer)),
        // An empty database that may not be written has nothing to be read either.
        _ if access == Access::ReadOnly => return Err(Unusable::Empty),
        _ => {}
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited.
    let from = version(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step)?;
    }
    if from < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

fn put_cookie(connection: &Connection, cookie: &Cookie) -> rusqlite::Result<()> {
    let text = "INSERT OR REPLACE INTO cookies VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)";
    connection.prepare_cached(text)?.execute(params![
        backwards(&cookie.domain),
        scope_number(cookie.scope),
        cookie.path,
        cookie.name,
        cookie.partition.as_deref().unwrap_or_default(),
        cookie.value,
        cookie.expiry.map(Stamp::micros),
        cookie.creation.micros(),
        cookie.last_access.micros(),
        i64::from(cookie.secure) | i64::from(cookie.http_only) << 1,
        match cookie.same_site {
            SameSite::Default => 0_i64,
            SameSite::Lax => 1,
            SameSite::None => 2,
            SameSite::Strict => 3,
        },
    ])?;
    Ok(())
}

/// Notes that a cookie was sent; never brings back one that others have dropped.
fn use_cookie(connection: &Connection, key: &CookieKey, at: Stamp) -> rusqlite::Result<()> {
    let text = "UPDATE cookies SET last_access = max(last_access, ?6) WHERE name = ?1 AND scope = ?2 \
                AND path = ?3 AND cookie = ?4 AND partition = ?5";
    connection.prepare_cached(text)?.execute(params![
        backwards(&key.domain),
        scope_number(key.scope),
        key.path,
        key.name,
        key.partition.as_deref().unwrap_or_default(),
        at.micros(),
    ])?;
    Ok(())
}

fn drop_cookie(connection: &Connection, key: &CookieKey) -> rusqlite::Result<()> {
    let text = "DELETE FROM cookies WHERE name = ?1 AND scope = ?2 AND path = ?3 AND cookie = ?4 \
                AND partition = ?5";
    connection.prepare_cached(text)?.execute(params![
        backwards(&key.domain),
        scope_number(key.scope),
        key.path,
        key.name,
        key.partition.as_deref().unwrap_or_default(),
    ])?;
    Ok(())
}

fn cookie_of(row: &Row<'_>) -> rusqlite::Result<Cookie> {
    let domain = backwards(&row.get::<_, String>(0)?);
    let mut cookie = Cookie::new(&row.get::<_, Vec<u8>>(3)?, &row.get::<_, Vec<u8>>(5)?, &domain);
    cookie.scope = if row.get::<_, i64>(1)? == 1 { Scope::Domain } else { Scope::Host };
    cookie.path = row.get(2)?;
    cookie.partition = Some(row.get::<_, String>(4)?).filter(|partition| !partition.is_empty());
    cookie.expiry = row.get::<_, Option<i64>>(6)?.map(Stamp::from_micros);
    cookie.creation = Stamp::from_micros(row.get(7)?);
    cookie.last_access = Stamp::from_micros(row.get(8)?);
    let flags: i64 = row.get(9)?;
    (cookie.secure, cookie.http_only) = (flags & 1 != 0, flags & 2 != 0);
    cookie.same_site = match row.get::<_, i64>(10)? {
        0 => SameSite::Default,
        2 => SameSite::None,
        3 => SameSite::Strict,
        // What a later version may have added goes to fewer places, not to more.
        _ => SameSite::Lax,
    };
    Ok(cookie)
}

fn put_host(connection: &Connection, host: &StrictHost) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO hosts VALUES (?1, ?2, ?3)")?;
    let reach = i64::from(host.reach == Reach::Subdomains);
    put.execute(params![backwards(&host.host), host.expiry.micros(), reach])?;
    Ok(())
}

fn put_exception(connection: &Connection, exception: &Exception) -> rusqlite::Result<()> {
    let problems: Vec<_> = exception.problems.iter().map(|kind| kind.name()).collect();
    let text = "INSERT OR REPLACE INTO exceptions VALUES (?1, ?2, ?3)";
    let name = backwards(&exception.host);
    let row = params![name, exception.certificate.as_slice(), problems.join(",")];
    connection.prepare_cached(text)?.execute(row)?;
    Ok(())
}

fn forget(connection: &Connection, site: &Site) -> rusqlite::Result<()> {
    let (name, [first, last]) = (backwards(&site.name), below(&site.name));
    for table in ["cookies", "hosts", "exceptions"] {
        connection.execute(&format!("DELETE FROM {table} WHERE name = ?1"), [&name])?;
        if site.below == Below::Included {
            let text = format!("DELETE FROM {table} WHERE name > ?1 AND name < ?2");
            connection.execute(&text, [&first, &last])?;
        }
    }
    Ok(())
}

/// A host's name from its last label to its first, so that a site's names stand together in an
/// index.
fn backwards(host: &str) -> String {
    let mut labels: Vec<_> = host.split('.').collect();
    labels.reverse();
    labels.join(".")
}

/// Between which bounds the names below a site stand.
fn below(site: &str) -> [String; 2] {
    let name = backwards(site);
    // The slash is the character after the dot.
    [format!("{name}."), format!("{name}/")]
}

fn scope_number(scope: Scope) -> i64 {
    i64::from(scope == Scope::Domain)
}

const VERSION: i64 = 1;

/// What leads from each version of the tables to the next.
const STEPS: &[&str] = &["
    CREATE TABLE cookies (
        name TEXT NOT NULL, scope INTEGER NOT NULL, path BLOB NOT NULL, cookie BLOB NOT NULL,
        partition TEXT NOT NULL, value BLOB NOT NULL, expiry INTEGER, creation INTEGER NOT NULL,
        last_access INTEGER NOT NULL, flags INTEGER NOT NULL, same_site INTEGER NOT NULL,
        PRIMARY KEY (name, scope, path, cookie, partition)) WITHOUT ROWID;
    CREATE TABLE hosts (
        name TEXT PRIMARY KEY, expiry INTEGER NOT NULL, reach INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE exceptions (
        name TEXT NOT NULL, certificate BLOB NOT NULL, problems TEXT NOT NULL,
        PRIMARY KEY (name, certificate, problems)) WITHOUT ROWID;
"];

/// How long a process waits for another one that writes.
const PATIENCE: Duration = Duration::from_secs(5);
